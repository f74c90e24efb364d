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
  /// Constants that do not lie in the file as their type wants it, by where they lie.
  var copies: [UnsafeRawPointer: UnsafeMutableRawBufferPointer] = [:]
  /// Where each tensor's elements belong: views and instructions take them elsewhere until the next execution.
  var homes: [TensorHome] = []
  /// Contents that mutable buffers begin with, each once; zeros where there are none.
  var initialStates: [(place: UnsafeMutableRawPointer, count: Int, contents: UnsafeRawPointer?)] = []
  /// Bytes that the method may still take.
  let memoryLeft: UnsafeMutablePointer<Int>

  init(values: Int, tensors: Int, lists: Int, words: Int, bytes: Int, indices: [Int32], memoryLeft: Int) {
    self.memoryLeft = .allocate(capacity: 1)
    self.memoryLeft.initialize(to: memoryLeft)
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

  func tensor(_ index: Int) -> Tensor { Tensor(tensors.baseAddress! + index) }

  /// Brings every tensor's elements back to where they belong.
  func settleTensors() {
    for index in homes.indices { tensor(index).settle(in: homes[index]) }
  }

  /// Where a tensor's elements are from now on. Nothing happens to a tensor that is not the method's.
  func settle(_ tensor: Tensor, in home: TensorHome) {
    let index = tensor.state - tensors.baseAddress!
    guard homes.indices.contains(index) else { return }
    homes[index] = home
    tensor.settle(in: home)
    // The place may be the same and the room another.
    if tensor.state.pointee.data == home.data { tensor.state.pointee.capacity = home.capacity }
  }

  deinit {
    for index in homes.indices { tensor(index).releaseGrown() }
    for copy in copies.values { copy.deallocate() }
    memoryLeft.deallocate()
    values.deallocate()
    tensors.deallocate()
    lists.deallocate()
    words.deallocate()
    bytes.deallocate()
    indices.deallocate()
  }
}
