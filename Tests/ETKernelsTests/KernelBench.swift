import ETCore
import ETKernels

/// Values of a method made by hand, in memory that shows when a kernel writes beside it.
final class KernelBench {
  private static let guardBytes = 4096
  private static let guardByte: UInt8 = 0xA5

  private(set) var values: [Value] = []
  let context: KernelContext
  private var blocks: [UnsafeMutableRawBufferPointer] = []
  private var words: [UnsafeMutableRawPointer] = []

  init(threads: Int = 1) {
    context = KernelContext(pool: ThreadPool(threads: threads))
  }

  deinit {
    for block in blocks { block.deallocate() }
    for word in words { word.deallocate() }
  }

  /// Memory between two guards, zeroed.
  func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes + 2 * Self.guardBytes, alignment: 64)
    _ = block.initializeMemory(as: UInt8.self, repeating: Self.guardByte)
    blocks.append(block)
    let start = block.baseAddress! + Self.guardBytes
    start.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    return start
  }

  /// Whether no kernel wrote beside the memory.
  var guardsAreWhole: Bool {
    blocks.allSatisfy { block in
      block.prefix(Self.guardBytes).allSatisfy { $0 == Self.guardByte }
        && block.suffix(Self.guardBytes).allSatisfy { $0 == Self.guardByte }
    }
  }

  func add(_ value: Value) -> Int32 {
    values.append(value)
    return Int32(values.count - 1)
  }

  func int(_ value: Int) -> Int32 { add(.int(value)) }
  func bool(_ value: Bool) -> Int32 { add(.bool(value)) }
  func none() -> Int32 { add(.none) }

  /// A tensor of `count` elements at `data`, else in memory of its own.
  func tensor(
    _ type: ScalarType, _ sizes: [Int], order: [Int]? = nil, bound: Int? = nil, data: UnsafeMutableRawPointer? = nil
  ) -> Int32 {
    let count = sizes.reduce(1, *)
    let room = UnsafeMutablePointer<Int>.allocate(capacity: 3 * sizes.count + 1)
    let bytes = (room + 2 * sizes.count).withMemoryRebound(to: UInt8.self, capacity: sizes.count) { $0 }
    words.append(UnsafeMutableRawPointer(room))
    for (i, size) in sizes.enumerated() {
      room[i] = size
      bytes[i] = UInt8(order?[i] ?? i)
    }
    let capacity = max(bound ?? count, count)
    let state = UnsafeMutablePointer<TensorState>.allocate(capacity: 1)
    words.append(UnsafeMutableRawPointer(state))
    state.initialize(
      to: TensorState(
        type: type, rank: sizes.count, sizes: room, strides: room + sizes.count, dimOrder: bytes, countBound: capacity,
        dynamism: bound == nil ? .isStatic : .dynamicBound, isConstant: false,
        data: data ?? memory(capacity * type.byteSize), capacity: capacity * type.byteSize))
    state.pointee.count = count
    let tensor = Tensor(state)
    tensor.updateStrides()
    return add(.tensor(tensor))
  }

  func tensor<T: Element>(_ elements: [T], _ sizes: [Int], order: [Int]? = nil) -> Int32 {
    let tensor = tensor(T.scalarType, sizes, order: order)
    for (i, element) in elements.enumerated() { self[tensor].elements(T.self)[i] = element }
    return tensor
  }

  func ints(_ numbers: [Int]) -> Int32 { list(.intList, numbers.map(int)) }

  func list(_ tag: Value.Tag, _ members: [Int32]) -> Int32 {
    let indices = UnsafeMutablePointer<Int32>.allocate(capacity: members.count + 1)
    let items = UnsafeMutableRawPointer.allocate(byteCount: 8 * members.count + 8, alignment: 8)
    for (i, member) in members.enumerated() { indices[i] = member }
    let state = UnsafeMutablePointer<ListState>.allocate(capacity: 1)
    state.initialize(to: ListState(members: indices, items: items, count: members.count))
    words += [UnsafeMutableRawPointer(indices), items, UnsafeMutableRawPointer(state)]
    return add(.list(tag, state))
  }

  subscript(value: Int32) -> Tensor { values[Int(value)].asTensor! }

  func elements<T: Element>(_ value: Int32, _: T.Type = T.self) -> [T] {
    Array(UnsafeBufferPointer(start: self[value].elements(T.self), count: self[value].count))
  }

  /// Calls a kernel once.
  ///
  /// - Returns: Whether it accepted its arguments.
  @discardableResult func run(_ name: String, _ arguments: Int32...) -> Bool {
    defer { context.reset() }
    return values.withUnsafeMutableBufferPointer { values in
      arguments.withUnsafeBufferPointer { arguments in
        let call = KernelCall(
          values: values.baseAddress!, arguments: arguments.baseAddress!, count: arguments.count, context: context)
        do {
          try KernelRegistry.standard[name]!.kernel(call)
          return true
        } catch {
          return false
        }
      }
    }
  }
}
