import Bytes
import ETCore
import Foundation
import TensorFiles
import TestSupport
import Testing

/// The files of this suite's folder, which `make.py` there wrote.
enum Files {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Files").path

  static func path(_ name: String) -> String { folder + "/" + name }
  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  static func decoded<T: Decodable>(_ type: T.Type, _ name: String) throws -> T {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  /// Every file of tensors and what it holds.
  static let tensors: [(file: String, tensors: [Known])] = {
    do {
      return try decoded([String: [Known]].self, "values.json").sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    } catch {
      fatalError("values.json: \(error)")
    }
  }()

  struct Known: Decodable, Equatable, Sendable {
    var name: String
    var dtype: String
    var sizes: [Int]
    var bytes: String

    init(_ named: NamedTensor) {
      name = named.name
      dtype = named.tensor.dtype.description
      sizes = named.tensor.sizes
      bytes = named.tensor.hexadecimal
    }

    func tensor() throws -> TensorData { try .known(dtype, sizes, bytes) }
  }
}

extension TensorData {
  var hexadecimal: String { withBytes { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() } }

  static func known(_ dtype: String, _ sizes: [Int], _ hexadecimal: String) throws -> TensorData {
    let type = try #require(TensorData.supportedTypes.first { $0.description == dtype })
    return try TensorData(dtype: type, sizes: sizes, contents: FileContents(copying: [UInt8](hexadecimal: hexadecimal)))
  }
}

extension [UInt8] {
  init(hexadecimal text: String) {
    let digits = text.utf8.map { UInt8($0 < 0x40 ? $0 - 0x30 : $0 - 0x57) }
    self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
