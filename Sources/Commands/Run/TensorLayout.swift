import ETCore
import ETFormats
import ETKernels
import TensorFiles

/// Between memory order, which a dim order states, and row-major order, which files have.
enum TensorLayout {
  /// Calls `body` with the elements of a row-major tensor in the order that a method's tensor has.
  ///
  /// - Parameter order: A permutation of the tensor's dimensions; one of another length counts as row-major.
  static func withElements<R>(
    of tensor: TensorData, in order: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    try tensor.withBytes { rowMajorBytes in
      guard order.count == tensor.sizes.count, !order.elementsEqual((0..<order.count).map(UInt8.init)) else {
        return try body(rowMajorBytes)
      }
      var bytes = [UInt8](repeating: 0, count: rowMajorBytes.count)
      forEachElement(tensor.sizes, order, tensor.dtype.byteSize) { rowMajor, memory in
        bytes[memory] = rowMajorBytes[rowMajor]
      }
      return try bytes.withUnsafeBytes(body)
    }
  }

  static func rowMajor(
    _ type: ScalarType, _ sizes: [Int], _ order: [UInt8], _ memory: UnsafeRawBufferPointer
  ) throws -> TensorData {
    var bytes = [UInt8](memory)
    if !order.elementsEqual((0..<order.count).map(UInt8.init)) {
      forEachElement(sizes, order, type.byteSize) { rowMajor, place in bytes[rowMajor] = memory[place] }
    }
    // Bools of a program may be any byte but 0.
    if type == .bool { for i in bytes.indices where bytes[i] > 1 { bytes[i] = 1 } }
    return try bytes.withUnsafeBytes { try TensorData(dtype: type, sizes: sizes, copying: $0) }
  }

  static func rowMajor(_ tensor: Tensor) throws -> TensorData {
    try rowMajor(
      tensor.type, Array(tensor.sizes), Array(tensor.dimOrder),
      UnsafeRawBufferPointer(start: tensor.data, count: tensor.byteCount))
  }

  static func rowMajor(_ tensor: BundledProgram.Tensor, of bundled: BundledProgram?) throws -> TensorData {
    guard let bundled else { throw Trouble("no bundled program") }
    let order = tensor.dimOrder
    guard Set(order) == Set((0..<tensor.sizes.count).map { UInt8(clamping: $0) }), order.count == tensor.sizes.count
    else { throw Trouble("a bundled tensor's dim order, \(order), is not a permutation") }
    return try rowMajor(tensor.scalarType, tensor.sizes.map(Int.init), order, bundled.bytes(tensor.data))
  }

  /// Calls `body` with every byte's place in row-major and in memory order.
  private static func forEachElement(_ sizes: [Int], _ order: [UInt8], _ width: Int, _ body: (Int, Int) -> Void) {
    // The others may be too large to multiply.
    guard !sizes.contains(0) else { return }
    let count = sizes.reduce(1, *)
    var strides = [Int](repeating: 0, count: sizes.count)
    var stride = 1
    for dimension in order.reversed() {
      strides[Int(dimension)] = stride
      stride *= sizes[Int(dimension)]
    }
    var index = [Int](repeating: 0, count: sizes.count)
    var place = 0
    for element in 0..<count {
      for byte in 0..<width { body(element * width + byte, place * width + byte) }
      var dimension = sizes.count - 1
      while dimension >= 0 {
        index[dimension] += 1
        place += strides[dimension]
        if index[dimension] < sizes[dimension] { break }
        place -= strides[dimension] * sizes[dimension]
        index[dimension] = 0
        dimension -= 1
      }
    }
  }
}
