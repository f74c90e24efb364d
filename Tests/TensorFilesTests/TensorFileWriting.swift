import Bytes
import ETCore
import TensorFiles
import TestSupport
import Testing

@Suite struct TensorFileWriting {
  @Test(arguments: Files.tensors.map(\.file).filter { $0.hasSuffix(".npy") })
  func writesNumPysOwnBytes(_ file: String) throws {
    // What NumPy writes otherwise only where it is asked to.
    guard !["big-endian", "fortran", "version"].contains(where: file.hasPrefix) else { return }
    let original = try Files.bytes(file)
    let sink = MemorySink()
    try TensorFile.npy.write(TensorFile.npy.read(FileContents(copying: original)), to: sink)
    #expect(sink.bytes == original)
  }

  @Test(arguments: Files.tensors.map(\.file)) func whatIsWrittenIsReadBack(_ file: String) throws {
    let known = try #require(Files.tensors.first { $0.file == file }).tensors
    let tensors = try known.map { NamedTensor(name: $0.name, tensor: try $0.tensor()) }
    let folder = try TemporaryFolder()
    for kind in TensorFile.allCases {
      if kind == .npy && tensors.count > 1 { continue }
      if kind != .safetensors && known.contains(where: { $0.dtype == "bfloat16" }) { continue }
      let path = folder.file("out." + kind.rawValue)
      try TensorFile.write(tensors, to: path)
      let back = try kind.read(try FileContents.open(path)).map(Files.Known.init)
      #expect(back.sorted { $0.name < $1.name } == known.sorted { $0.name < $1.name })
    }
  }

  @Test func keepsEveryNameAndItsOrder() throws {
    let one = try SeededValues.fill(dtype: .float, sizes: [2], seed: 1)
    let names = (0..<12).map { "output_\($0)" } + ["zoë \"q\" \\ \u{1}\n"]
    let tensors = names.map { NamedTensor(name: $0, tensor: one) }
    for kind in [TensorFile.npz, .safetensors] {
      let sink = MemorySink()
      try kind.write(tensors, to: sink)
      #expect(try kind.read(FileContents(copying: sink.bytes)).map(\.name) == names)
    }
  }

  @Test func alignsTensorsToTheirElements() throws {
    let bytes = try SeededValues.fill(dtype: .byte, sizes: [3], seed: 1)
    let doubles = try SeededValues.fill(dtype: .double, sizes: [2], seed: 1)
    let sink = MemorySink()
    try TensorFile.safetensors.write([.init(name: "a", tensor: bytes), .init(name: "b", tensor: doubles)], to: sink)
    #expect(sink.text.contains(#""b":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}"#))
    #expect(sink.bytes[0] % 8 == 0)
  }

  @Test func saysWhatAFormatCannotHold() throws {
    let folder = try TemporaryFolder()
    let half = NamedTensor(name: "a", tensor: try SeededValues.fill(dtype: .bfloat16, sizes: [2], seed: 1))
    let other = NamedTensor(name: "b", tensor: try SeededValues.fill(dtype: .float, sizes: [2], seed: 1))
    #expect(complaint { try TensorFile.write([half], to: folder.file("x.npy")) }?.contains(".safetensors") == true)
    #expect(
      complaint { try TensorFile.write([other, half], to: folder.file("x.npz")) }?.contains(".safetensors") == true)
    #expect(complaint { try TensorFile.write([other, half], to: folder.file("x.npy")) }?.contains(".npz") == true)
    #expect(
      complaint { try TensorFile.write([other, other], to: folder.file("x.npz")) } == "two tensors of the same name")
    #expect(complaint { try TensorFile.write([other], to: folder.file("x.txt")) }?.contains(".safetensors") == true)
    #expect(folder.names.isEmpty)
  }

  private func complaint(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? WriteError)?.detail
    }
  }
}
