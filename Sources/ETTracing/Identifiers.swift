/// A name that a tracer knows, with its filter's answer. Valid for the tracer that interned it.
@frozen
public struct NameID: Hashable, Sendable {
  @usableFromInline let index: Int32
  @usableFromInline let verdicts: UInt16
  @usableFromInline let matches: UInt16

  @inlinable
  init(index: Int32, verdicts: UInt16, matches: UInt16) {
    self.index = index
    self.verdicts = verdicts
    self.matches = matches
  }
}

/// What a delegate calls one of its events: a number, or a name. Valid for the tracer that made it.
@frozen
public struct DelegateID: Hashable, Sendable {
  /// −1 where it is a name.
  @usableFromInline let number: Int32
  @usableFromInline let name: NameID

  @inlinable
  init(number: Int32, name: NameID) {
    self.number = number
    self.name = name
  }
}

/// What produced a value.
@frozen
public struct ValueSource: Sendable {
  @usableFromInline let name: NameID
  /// −1 where there is none.
  @usableFromInline let delegateNumber: Int32
  /// −1 where there is none.
  @usableFromInline let delegateName: Int32

  @inlinable
  init(name: NameID, delegateNumber: Int32, delegateName: Int32) {
    self.name = name
    self.delegateNumber = delegateNumber
    self.delegateName = delegateName
  }

  /// An operator or a method. The name is for the filter: an ETDump's value has none, it has its instruction.
  @inlinable
  public static func named(_ name: NameID) -> ValueSource {
    ValueSource(name: name, delegateNumber: -1, delegateName: -1)
  }

  /// Part of a delegate.
  @inlinable
  public static func delegate(_ id: DelegateID) -> ValueSource {
    ValueSource(name: id.name, delegateNumber: id.number, delegateName: id.number == -1 ? id.name.index : -1)
  }
}

/// An allocator, numbered from 1 as in an ETDump. Valid for the tracer that made it known.
@frozen
public struct AllocatorID: Hashable, Sendable {
  public let number: Int32
  @usableFromInline let name: NameID

  @inlinable
  init(number: Int32, name: NameID) {
    self.number = number
    self.name = name
  }
}

/// A profile event that has begun. End it once, with `ThreadTracer.end(_:)` in a `defer`, so that an error ends it too.
@frozen
public struct OpenEvent: Sendable {
  @usableFromInline let name: Int32
  /// −2 for an event that is no delegate's.
  @usableFromInline let delegateNumber: Int32
  @usableFromInline let chain: Int32
  @usableFromInline let instruction: Int32
  @usableFromInline let start: UInt64
  @usableFromInline let isRecorded: Bool

  @inlinable
  init(name: Int32, delegateNumber: Int32, chain: Int32, instruction: Int32, start: UInt64, isRecorded: Bool) {
    self.name = name
    self.delegateNumber = delegateNumber
    self.chain = chain
    self.instruction = instruction
    self.start = start
    self.isRecorded = isRecorded
  }
}
