import Bytes
import ETCore
import TensorFiles
import TestSupport
import Testing

@Suite struct TensorFileReading {
  @Test(arguments: Files.tensors.map(\.file)) func readsWhatTheOfficialLibrariesWrote(_ file: String) throws {
    let known = try #require(Files.tensors.first { $0.file == file }).tensors
    let kind = try #require(TensorFile(path: file))
    #expect(try kind.read(try FileContents.open(Files.path(file))).map(Files.Known.init) == known)
    for one in known where !one.name.isEmpty {
      #expect(try kind.read(try FileContents.open(Files.path(file)), member: one.name).map(Files.Known.init) == [one])
    }
  }

  @Test(arguments: Files.tensors.map(\.file)) func saysWhichNameIsMissing(_ file: String) throws {
    let kind = try #require(TensorFile(path: file))
    #expect(code { _ = try kind.read(try FileContents.open(Files.path(file)), member: "other") } == .missing)
  }

  // MARK: Damaged files

  @Test(arguments: Files.tensors.map(\.file)) func refusesEveryPrefix(_ file: String) throws {
    let kind = try #require(TensorFile(path: file))
    ByteEdits.forEachPrefix(of: try Files.bytes(file)) { bytes, count in
      let error = failure { _ = try kind.read(FileContents(copying: bytes)) }
      #expect(error != nil, "\(count) bytes")
      #expect(error?.offset.map { (0...count).contains($0) } ?? true, "\(count) bytes: \(String(describing: error))")
    }
  }

  /// An error, or tensors whose bytes can all be read.
  @Test(arguments: Files.tensors.map(\.file)) func survivesEveryByteEdit(_ file: String) throws {
    let kind = try #require(TensorFile(path: file))
    var refused = 0
    try ByteEdits.forEachByteEdit(of: try Files.bytes(file)) { bytes, _ in
      do {
        for named in try kind.read(FileContents(copying: bytes)) {
          named.tensor.withBytes { #expect($0.count == named.tensor.sizes.reduce(named.tensor.dtype.byteSize, *)) }
        }
      } catch is ReadError {
        refused += 1
      }
    }
    #expect(refused > 0)
  }

  @Test(arguments: ["fortran-big-endian.npy", "deflated.npz", "tensors.safetensors"])
  func survivesRandomEdits(_ file: String) throws {
    let kind = try #require(TensorFile(path: file))
    let bytes = try Files.bytes(file)
    for seed in ByteEdits.seeds(2000) {
      _ = failure { _ = try kind.read(FileContents(copying: ByteEdits.random(bytes, seed: seed))) }
    }
  }

  // MARK: Rules

  @Test(
    arguments: [
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", nil, nil),
      ("{\"shape\": (1,), 'descr':'<f4','fortran_order':True,}", nil, nil),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", .malformed, 52),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", .malformed, 51),
      ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", .malformed, 34),
      ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", .malformed, 17),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", .malformed, 56),
      ("{'descr': '<f4', 'fortran_order': False}", .malformed, 40),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", .malformed, 56),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", .malformed, 54),
      ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", .unsupported, 10),
      ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", .unsupported, 10),
      ("{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}", .unsupported, 10),
      ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", .unsupported, 10),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", .truncated, 59),
      ("{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", .malformed, 57),
      ("{'descr': '<f4', 'fortran_order': True, 'shape': (4611686018427387904, 4)}", .malformed, 74),
      ("{'descr': '>f4', 'fortran_order': True, 'shape': (9223372036854775808,)}", .malformed, 50),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (" + String(repeating: "1,", count: 65) + ")}", .limit, 179),
    ] as [(String, ReadError.Code?, Int?)])
  func readsTheHeaderOfAnArrayStrictly(_ header: String, _ expected: ReadError.Code?, _ place: Int?) {
    let bytes =
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + [0, 0, 128, 63]
    let error = failure { _ = try TensorFile.npy.read(FileContents(copying: bytes)) }
    #expect(error?.code == expected && error?.offset == place.map { $0 + 10 }, "\(String(describing: error))")
  }

  @Test func refusesABoolThatIsNeither() throws {
    var bytes = try Files.bytes("b1.npy")
    bytes[bytes.count - 2] = 2
    let error = failure { _ = try TensorFile.npy.read(FileContents(copying: bytes)) }
    #expect(error?.code == .malformed && error?.offset == bytes.count - 2)
  }

  @Test(
    arguments: [
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, nil),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   "#, nil),
      (#"{"__metadata__":{"x":"y"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, nil),
      (
        #"{"b":{"dtype":"U8","shape":[0],"data_offsets":[4,4]},"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#,
        nil
      ),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, .truncated),
      (#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#, .malformed),
      (#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}"#, .malformed),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, .malformed),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, .truncated),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#, .malformed),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, .malformed),
      (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, .malformed),
      (#"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,4]}}"#, .truncated),
      (#"{"a":{"dtype":"F32","shape":[1]}}"#, .malformed),
      (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,4]}}"#, .unsupported),
      (
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
        .malformed
      ),
      (
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
        .malformed
      ),
      (#"[]"#, .notThisFormat),
    ] as [(String, ReadError.Code?)])
  func readsTheHeaderOfSafetensorsStrictly(_ header: String, _ expected: ReadError.Code?) {
    let bytes = [UInt8(header.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8) + [1, 0, 1, 0]
    let error = failure { _ = try TensorFile.safetensors.read(FileContents(copying: bytes)) }
    #expect(error?.code == expected, "\(String(describing: error))")
  }

  @Test func aDeflatedEntryStaysWithinALimit() throws {
    let archive = try ZipArchive(reading: try FileContents.open(Files.path("deflated.npz")))
    let entry = try #require(archive.entry("arr_0.npy"))
    #expect(try archive.contents(of: entry, limit: entry.size).contents.count == entry.size)
    #expect(code { _ = try archive.contents(of: entry, limit: entry.size - 1) } == .limit)
    #expect(code { _ = try archive.bytes(of: entry) } == .unsupported)
  }

  @Test func placesAnErrorInTheEntryOfAnArchive() throws {
    let zip = StoredZip.bytes([("a.npy", try Files.bytes("f4.npy").dropLast())])
    let error = failure { _ = try TensorFile.npz.read(FileContents(copying: zip)) }
    #expect(error?.code == .truncated && error?.entry == "a.npy" && error?.offset == 151)
    let other = StoredZip.bytes([("a.txt", [])])
    #expect(code { _ = try TensorFile.npz.read(FileContents(copying: other)) } == .malformed)
    let twice = StoredZip.bytes([("a.npy", try Files.bytes("f4.npy")), ("a.npy", try Files.bytes("f4.npy"))])
    #expect(code { _ = try TensorFile.npz.read(FileContents(copying: twice)) } == .malformed)
  }
}

/// What a call throws, nil for nothing.
func failure(_ body: () throws -> Void) -> ReadError? {
  do {
    try body()
    return nil
  } catch {
    return error as? ReadError
  }
}

func code(_ body: () throws -> Void) -> ReadError.Code? { failure(body)?.code }
