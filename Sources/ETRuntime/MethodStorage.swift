import ETKernels

/// Everything that a method's values point to: allocated once, freed with the method.
final class MethodStorage {
  let values: UnsafeMutableBufferPointer<Value>
  let tensors: UnsafeMutableBufferPointer<TensorState>
  let lists: UnsafeMutableBufferPointer<ListState>
  /// Sizes and strides of all tensors, then room for lists' items.
  let words: UnsafeMutableBufferPointer<Int>
  /// Dim orders of all tensors, then booleans and strings.
  let bytes: UnsafeMutableBufferPointer<UInt8>
  /// Arguments of instructions and members of lists: the plan's `valueIndices`.
  let indices: UnsafeMutableBufferPointer<Int32>
  /// Constants that do not lie in the file as their type wants it.
  var copies: [UnsafeMutableRawPointer] = []
  /// Initial states that come from tensor files, by tensor.
  var externalStates: [(tensor: Int, bytes: UnsafeRawBufferPointer)] = []

  init(values: Int, tensors: Int, lists: Int, words: Int, bytes: Int, indices: [Int32]) {
    self.values = .allocate(capacity: max(values, 1))
    self.values.initialize(repeating: .none)
    self.tensors = .allocate(capacity: max(tensors, 1))
    self.lists = .allocate(capacity: max(lists, 1))
    self.words = .allocate(capacity: max(words, 1))
    self.words.initialize(repeating: 0)
    self.bytes = .allocate(capacity: max(bytes, 1))
    self.bytes.initialize(repeating: 0)
    self.indices = .allocate(capacity: max(indices.count, 1))
    _ = self.indices.initialize(from: indices)
  }

  /// Tensors of `tensors` that have been made.
  var tensorCount = 0

  deinit {
    for index in 0..<tensorCount { Tensor(tensors.baseAddress! + index).releaseGrown() }
    for copy in copies { copy.deallocate() }
    values.deallocate()
    tensors.deallocate()
    lists.deallocate()
    words.deallocate()
    bytes.deallocate()
    indices.deallocate()
  }
}
