import Bytes
import Compression

/// What an input is, recognised by its first bytes and not by its name.
public enum InputKind: Sendable, Hashable, CaseIterable, CustomStringConvertible {
  case etdump, program, bundledProgram, flatTensor, zip, xnnpackPayload, zstd

  /// nil where the bytes begin none of the known formats. Debug buffers have no mark and are never recognised.
  public static func recognise(_ bytes: UnsafeRawBufferPointer) -> InputKind? {
    let buffer = FlatBuffer(bytes)
    if Zstandard.recognises(bytes) { return .zstd }
    // The second mark is that of an archive without entries.
    if buffer.hasIdentifier("PK\u{3}\u{4}", at: 0) || buffer.hasIdentifier("PK\u{5}\u{6}", at: 0) { return .zip }
    let marks: [(StaticString, InputKind)] = [
      ("ET12", .program), ("BP08", .bundledProgram), ("FT01", .flatTensor), ("ED00", .etdump),
      ("XH00", .xnnpackPayload), ("XN00", .xnnpackPayload), ("XN01", .xnnpackPayload),
    ]
    for (mark, kind) in marks where buffer.hasIdentifier(mark, at: 4) { return kind }
    // A size prefix stands in front of every ETDump that a device writes.
    return buffer.hasIdentifier("ED00", at: 8) ? .etdump : nil
  }

  public var description: String {
    switch self {
    case .etdump: "a trace (ETDump)"
    case .program: "a program (.pte)"
    case .bundledProgram: "a bundled program (.bpte)"
    case .flatTensor: "a tensor file (.ptd)"
    case .zip: "a zip archive (an ETRecord?)"
    case .xnnpackPayload: "an XNNPACK payload"
    case .zstd: "zstd-compressed"
    }
  }

  /// The error for bytes that are not `wanted`, which names what they are.
  static func mismatch(
    _ bytes: UnsafeRawBufferPointer, wanted: InputKind, identifier: String, origin: Int = 0
  ) -> ReadError {
    if bytes.count < 8 {
      return ReadError(
        .truncated, at: origin + bytes.count,
        bytes.isEmpty ? "empty: not \(wanted)" : "truncated: \(wanted) has more than \(bytes.count) bytes")
    }
    let found = recognise(bytes).flatMap { $0 == wanted ? nil : $0 }
    return ReadError(
      .notThisFormat, at: origin + 4,
      "not \(wanted): " + (found.map { "this is \($0)" } ?? "the identifier is not \(identifier)"))
  }
}
