public import Bytes
import ETCore

/// A file of tensors, of a kind that its name's ending tells.
public enum TensorFile: String, CaseIterable, Sendable {
  case npy, npz, safetensors

  /// By the ending `.npy`, `.npz` or `.safetensors`; nil for another.
  public init?(path: String) {
    guard let kind = Self.allCases.first(where: { path.hasSuffix("." + $0.rawValue) }) else { return nil }
    self = kind
  }

  /// The tensors of a file: of an `.npz` in the archive's order, of `.safetensors` by name, `input_2` before `input_10`.
  ///
  /// - Parameter member: The name of the one to read; nil for all.
  /// - Throws: `.missing` where the file has no tensor of that name.
  public func read(_ contents: FileContents, member: String? = nil) throws(ReadError) -> [NamedTensor] {
    let tensors: [NamedTensor]
    switch self {
    case .npy: tensors = [NamedTensor(name: "", tensor: try NPY.read(contents, in: 0..<contents.count))]
    case .npz: tensors = try NPZ.read(contents, member: member)
    case .safetensors: tensors = try SafeTensors.read(contents)
    }
    guard let member else { return tensors }
    guard let one = tensors.first(where: { $0.name == member }) else {
      throw ReadError(.missing, at: nil, "the \(rawValue) file has no tensor '\(member)'")
    }
    return [one]
  }

  /// Writes tensors to a new file, which appears whole or not at all. Names must differ; an `.npy` file holds one tensor
  /// and no name.
  ///
  /// - Throws: Where the system does, and for what the format cannot hold: several tensors or bfloat16 in `.npy`,
  ///   more than 4 GiB in `.npz`.
  public static func write(_ tensors: [NamedTensor], to path: String) throws(WriteError) {
    guard let kind = TensorFile(path: path) else {
      throw WriteError("\(path): a name ending in .npy, .npz or .safetensors expected")
    }
    let file = try AtomicFile(path: path)
    try kind.write(tensors, to: file)
    try file.commit()
  }

  /// The bytes of such a file, in order and one tensor at a time.
  public func write(_ tensors: [NamedTensor], to sink: some ByteSink) throws(WriteError) {
    guard Set(tensors.map(\.name)).count == tensors.count else { throw WriteError("two tensors of the same name") }
    switch self {
    case .npy:
      guard tensors.count == 1, let tensor = tensors.first?.tensor else {
        throw WriteError(".npy holds one tensor, not \(tensors.count): write .npz or .safetensors")
      }
      try sink.write(try NPY.header(for: tensor))
      try Self.write(tensor, to: sink)
    case .npz:
      var archive = StoredZipWriter(sink)
      for named in tensors {
        let header = try NPY.header(for: named.tensor)
        try named.tensor.withBytes { (bytes) throws(WriteError) in
          try archive.add(named.name + ".npy", header: header, bytes: bytes)
        }
      }
      try archive.finish()
    case .safetensors:
      // The widest elements first: then each tensor begins at a multiple of its element's size.
      let ordered = tensors.enumerated().sorted {
        ($1.element.tensor.dtype.byteSize, $0.offset) < ($0.element.tensor.dtype.byteSize, $1.offset)
      }.map(\.element)
      try sink.write(try SafeTensors.header(for: ordered))
      for named in ordered { try Self.write(named.tensor, to: sink) }
    }
  }

  private static func write(_ tensor: TensorData, to sink: some ByteSink) throws(WriteError) {
    try tensor.withBytes { (bytes) throws(WriteError) in try sink.write(bytes) }
  }
}
