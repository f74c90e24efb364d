public import ETCore

/// The arguments of one kernel call, by position in the operator's schema, `out` tensors last.
///
/// Every accessor checks the argument's kind and throws when it is another, because a program may say anything.
@frozen
public struct KernelCall {
  /// The method's values.
  @usableFromInline let values: UnsafeMutablePointer<Value>
  /// Indices of values, −1 for none.
  @usableFromInline let arguments: UnsafePointer<Int32>
  /// How many arguments there are. Exported programs name the results again behind the `out` tensors.
  public let count: Int
  public let context: KernelContext

  @inlinable public init(
    values: UnsafeMutablePointer<Value>, arguments: UnsafePointer<Int32>, count: Int, context: KernelContext
  ) {
    self.values = values
    self.arguments = arguments
    self.count = count
    self.context = context
  }

  /// The argument whatever it is; none beyond the last.
  @inlinable public func value(_ position: Int) -> Value {
    guard position < count else { return .none }
    let index = arguments[position]
    return index < 0 ? .none : values[Int(index)]
  }

  /// Replaces an argument's value, for operators that return numbers.
  @inlinable public func set(_ position: Int, _ value: Value) throws(KernelError) {
    guard position < count, arguments[position] >= 0 else { throw wrongKind(position, "a result") }
    values[Int(arguments[position])] = value
  }

  // MARK: Tensors

  @inlinable public func tensor(_ position: Int) throws(KernelError) -> Tensor {
    let value = value(position)
    guard value.tag == .tensor else { throw wrongKind(position, "a tensor") }
    let tensor = value.unsafeTensor
    guard tensor.state.pointee.data != nil || tensor.count == 0 else { throw noMemory(position) }
    return tensor
  }

  @inlinable public func optionalTensor(_ position: Int) throws(KernelError) -> Tensor? {
    value(position).tag == .none ? nil : try tensor(position)
  }

  /// A tensor that the kernel writes to.
  ///
  /// - Throws: `invalidArgument` where it is a constant of the program.
  @inlinable public func output(_ position: Int) throws(KernelError) -> Tensor {
    let tensor = try tensor(position)
    try checkOutput(tensor, position)
    return tensor
  }

  /// What is written must have memory, be no constant and, where its shape may change, be no input as well: its change
  /// would take the ground from under what was checked of the input.
  @inlinable func checkOutput(_ tensor: Tensor, _ position: Int) throws(KernelError) {
    guard !tensor.state.pointee.isConstant else { throw constant(position) }
    if tensor.state.pointee.dynamism != .isStatic { try checkDynamicOutput(tensor, position) }
  }

  @usableFromInline func checkDynamicOutput(_ tensor: Tensor, _ position: Int) throws(KernelError) {
    let state = tensor.state.pointee
    guard state.data != nil || state.countBound == 0 || state.dynamism == .dynamicUnbound else {
      throw noMemory(position)
    }
    for other in 0..<position {
      let value = value(other)
      var isSame = value.asTensor?.state == tensor.state
      if value.tag == .tensorList || value.tag == .optionalTensorList {
        let list = value.unsafeList
        for member in 0..<list.pointee.count where self.member(member, of: list)?.asTensor?.state == tensor.state {
          isSame = true
        }
      }
      guard !isSame else {
        throw KernelError(.invalidArgument, "argument \(position), to be written, is argument \(other) as well")
      }
    }
  }

  /// Valid until the same list is asked for again.
  public func tensors(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<Tensor> {
    let value = value(position)
    guard value.tag == .tensorList || value.tag == .optionalTensorList else {
      throw wrongKind(position, "a list of tensors")
    }
    let list = value.unsafeList
    let items = list.pointee.items.assumingMemoryBound(to: Tensor.self)
    guard let members = list.pointee.members else { throw wrongKind(position, "a list of tensors") }
    for i in 0..<list.pointee.count {
      guard members[i] >= 0, let tensor = values[Int(members[i])].asTensor else {
        throw wrongKind(position, "a list of tensors")
      }
      guard tensor.state.pointee.data != nil || tensor.count == 0 else { throw noMemory(position) }
      items[i] = tensor
    }
    return UnsafeBufferPointer(start: items, count: list.pointee.count)
  }

  /// Tensors that the kernel writes to.
  public func outputs(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<Tensor> {
    let tensors = try tensors(position)
    for tensor in tensors { try checkOutput(tensor, position) }
    return tensors
  }

  /// Valid until the same list is asked for again.
  public func optionalTensors(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<Tensor?> {
    let value = value(position)
    guard value.tag == .tensorList || value.tag == .optionalTensorList else {
      throw wrongKind(position, "a list of tensors")
    }
    let list = value.unsafeList
    let items = list.pointee.items.assumingMemoryBound(to: Tensor?.self)
    guard let members = list.pointee.members else { throw wrongKind(position, "a list of tensors") }
    for i in 0..<list.pointee.count {
      let member = members[i] < 0 ? Value.none : values[Int(members[i])]
      switch member.tag {
      case .none: items[i] = nil
      case .tensor:
        let tensor = member.unsafeTensor
        guard tensor.state.pointee.data != nil || tensor.count == 0 else { throw noMemory(position) }
        items[i] = tensor
      default: throw wrongKind(position, "a list of tensors")
      }
    }
    return UnsafeBufferPointer(start: items, count: list.pointee.count)
  }

  /// A member of a list of values; none for lists that hold their items themselves.
  public func member(_ index: Int, of list: UnsafeMutablePointer<ListState>) -> Value? {
    guard let members = list.pointee.members, (0..<list.pointee.count).contains(index), members[index] >= 0 else {
      return nil
    }
    return values[Int(members[index])]
  }

  // MARK: Numbers

  @inlinable public func int(_ position: Int) throws(KernelError) -> Int {
    guard let int = value(position).asInt else { throw wrongKind(position, "an integer") }
    return int
  }

  @inlinable public func optionalInt(_ position: Int) throws(KernelError) -> Int? {
    value(position).tag == .none ? nil : try int(position)
  }

  @inlinable public func double(_ position: Int) throws(KernelError) -> Double {
    guard let double = value(position).asDouble else { throw wrongKind(position, "a floating-point number") }
    return double
  }

  @inlinable public func optionalDouble(_ position: Int) throws(KernelError) -> Double? {
    value(position).tag == .none ? nil : try double(position)
  }

  @inlinable public func bool(_ position: Int) throws(KernelError) -> Bool {
    guard let bool = value(position).asBool else { throw wrongKind(position, "a boolean") }
    return bool
  }

  @inlinable public func scalar(_ position: Int) throws(KernelError) -> Scalar {
    let value = value(position)
    switch value.tag {
    case .int: return .int(value.unsafeInt)
    case .double: return .double(value.unsafeDouble)
    case .bool: return .bool(value.unsafeBool)
    default: throw wrongKind(position, "a number")
    }
  }

  @inlinable public func optionalScalar(_ position: Int) throws(KernelError) -> Scalar? {
    value(position).tag == .none ? nil : try scalar(position)
  }

  /// An optional `ScalarType` argument, which programs hold as an integer.
  @inlinable public func optionalType(_ position: Int) throws(KernelError) -> ScalarType? {
    guard let number = try optionalInt(position) else { return nil }
    guard let raw = Int8(exactly: number), ScalarType(rawValue: raw).byteSize > 0 else {
      throw KernelError(.invalidArgument, "argument \(position): \(number) is not a scalar type")
    }
    return ScalarType(rawValue: raw)
  }

  // MARK: Lists

  /// Valid until the same list is asked for again.
  public func ints(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<Int> {
    let value = value(position)
    guard value.tag == .intList, let members = value.unsafeList.pointee.members else {
      throw wrongKind(position, "a list of integers")
    }
    let list = value.unsafeList
    let items = list.pointee.items.assumingMemoryBound(to: Int.self)
    for i in 0..<list.pointee.count {
      guard members[i] >= 0, let int = values[Int(members[i])].asInt else {
        throw wrongKind(position, "a list of integers")
      }
      items[i] = int
    }
    return UnsafeBufferPointer(start: items, count: list.pointee.count)
  }

  public func optionalInts(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<Int>? {
    value(position).tag == .none ? nil : try ints(position)
  }

  public func doubles(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<Double> {
    let value = value(position)
    guard value.tag == .doubleList else { throw wrongKind(position, "a list of floating-point numbers") }
    let list = value.unsafeList
    return UnsafeBufferPointer(
      start: list.pointee.items.assumingMemoryBound(to: Double.self), count: list.pointee.count)
  }

  public func optionalDoubles(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<Double>? {
    value(position).tag == .none ? nil : try doubles(position)
  }

  /// A byte each, 0 or 1.
  public func bools(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<UInt8> {
    let value = value(position)
    guard value.tag == .boolList else { throw wrongKind(position, "a list of booleans") }
    let list = value.unsafeList
    return UnsafeBufferPointer(
      start: list.pointee.items.assumingMemoryBound(to: UInt8.self), count: list.pointee.count)
  }

  /// UTF-8.
  public func string(_ position: Int) throws(KernelError) -> UnsafeBufferPointer<UInt8> {
    let value = value(position)
    guard value.tag == .string else { throw wrongKind(position, "a string") }
    let list = value.unsafeList
    return UnsafeBufferPointer(
      start: list.pointee.items.assumingMemoryBound(to: UInt8.self), count: list.pointee.count)
  }

  // MARK: Errors, out of line

  @usableFromInline @inline(never) func wrongKind(_ position: Int, _ wanted: String) -> KernelError {
    position < count
      ? KernelError(.invalidArgument, "argument \(position) is not \(wanted)")
      : KernelError(.invalidArgument, "argument \(position), \(wanted), is missing: there are \(count)")
  }

  @usableFromInline @inline(never) func noMemory(_ position: Int) -> KernelError {
    KernelError(.invalidArgument, "argument \(position) is a tensor without memory")
  }

  @usableFromInline @inline(never) func constant(_ position: Int) -> KernelError {
    KernelError(.invalidArgument, "argument \(position), to be written, is a constant of the program")
  }
}
