import TestSupport

/// Buffers that no writer makes: valid, or nearly so, and made to take more time or memory than they are worth.
enum HostileShape: String, CaseIterable, Sendable, Codable {
  // Everything in these is reached once: they can be read.
  case eventsOfTheirOwn, emptyEvents, debugEvents, listsOfTensors, oneListOfTensors, shortNames, allocators, emptyRuns
  // These overlap.
  case runsThatShareOneEventVector, eventsThatAreOneTable, overlappingDimensions, overlappingMetadata, overlappingNames

  var overlaps: Bool {
    Self.allCases.firstIndex(of: self)! >= Self.allCases.firstIndex(of: .runsThatShareOneEventVector)!
  }

  /// About `size` bytes of it, plain.
  func bytes(size: Int) -> [UInt8] {
    var shape = Layout()
    switch self {
    case .eventsOfTheirOwn:
      shape.events(size / 20, slots: 1) { $0.nested($0.empty) }
    case .emptyEvents:
      shape.events(size / 8, slots: 0) { _ in }
    case .debugEvents:
      // Event, debug event, value, tensor.
      shape.events(size / 32, slots: 3) {
        $0.nested($0.third)
        $0.nested($0.second)
        $0.nested($0.empty)
      }
    case .listsOfTensors: lists(&shape, count: size / 4096, tensors: 500)
    case .oneListOfTensors: lists(&shape, count: 1, tensors: size / 8)
    case .shortNames:
      var number: UInt32 = 0
      shape.events(size / 28, slots: 1) {
        $0.nested($0.first)
        // An offset to what follows: a count of 3, three bytes, the end.
        $0.raw.put(UInt32(4), UInt32(3), number & 0xFF_FFFF)
        number += 1
      }
    case .allocators:
      shape.runs(1, slot: 2)
      shape.emptyTables(size / 8)
    case .emptyRuns:
      shape.root()
      shape.emptyTables(size / 8)
    case .runsThatShareOneEventVector:
      let count = size / 16
      shape.runs(count, slot: 3)
      shape.sameTable(count, slots: 0)
    case .eventsThatAreOneTable:
      shape.runs(1, slot: 3)
      shape.sameTable(size / 4, slots: 1)
      shape.nested(shape.empty)
    case .overlappingDimensions:
      var places: [Int] = []
      shape.events(size / 80, slots: 3) {
        $0.nested($0.third)
        $0.nested($0.second)
        $0.nested($0.dimensions)
        places.append($0.raw.put(UInt32(0)))
        places.append($0.raw.put(UInt32(0)))
      }
      shape.overlap(places, words: size / 16, elements: 250)
    case .overlappingMetadata, .overlappingNames:
      var places: [Int] = []
      shape.events(size / 40, slots: 1) {
        $0.nested(self == .overlappingNames ? $0.first : $0.sixth)
        places.append($0.raw.put(UInt32(0)))
      }
      // The end of each string falls on a zero byte of a later count.
      shape.overlap(places, words: size / 16, elements: 2002)
    }
    return shape.raw.bytes
  }

  private func lists(_ shape: inout Layout, count: Int, tensors: Int) {
    shape.events(count, slots: 3) {
      $0.nested($0.third)
      $0.nested($0.third)
      $0.nested($0.first)
      $0.raw.put(UInt32(4))
      $0.emptyTables(tensors)
    }
  }
}

/// The head of a plain ETDump, the vtables, and pieces to put behind them.
private struct Layout {
  var raw = RawBuffer()
  private let rootOffset: Int
  /// Vtables of tables with nothing, or with one offset, in the slot of that number.
  let empty, first, second, third, fourth, sixth, dimensions: Int

  init() {
    rootOffset = raw.head("ED00")
    empty = raw.vtable(size: 4)
    first = raw.vtable(size: 8, 4)
    second = raw.vtable(size: 8, 0, 4)
    third = raw.vtable(size: 8, 0, 0, 4)
    fourth = raw.vtable(size: 8, 0, 0, 0, 4)
    sixth = raw.vtable(size: 8, 0, 0, 0, 0, 0, 4)
    dimensions = raw.vtable(size: 12, 0, 4, 8)
    raw.align(4)
  }

  /// An offset to a table right behind it, and the table's beginning.
  mutating func nested(_ vtable: Int) {
    raw.put(UInt32(4))
    _ = raw.table(vtable)
  }

  /// The dump, up to the offset to its runs, which come next.
  mutating func root() {
    raw.link(rootOffset, to: raw.table(second))
    raw.put(UInt32(4))
  }

  /// The dump and `count` runs whose field `slot` leads to one vector, which comes next.
  mutating func runs(_ count: Int, slot: Int) {
    root()
    raw.put(UInt32(count))
    raw.repeating(count: count) { UInt32(4 * (count - $0) + 8 * $0) }
    for index in 0..<count {
      _ = raw.table(slot == 2 ? third : fourth)
      raw.put(UInt32(8 * (count - index) - 4))
    }
  }

  /// One run of `count` events, each with one offset or none, and behind it what `body` puts.
  mutating func events(_ count: Int, slots: Int, _ body: (inout Layout) -> Void) {
    runs(1, slot: 3)
    raw.put(UInt32(count))
    let offsets = raw.end
    raw.repeating(count: count) { _ in UInt32(0) }
    for index in 0..<count {
      raw.link(offsets + 4 * index, to: raw.table(slots == 0 ? empty : slots == 1 ? first : third))
      body(&self)
    }
  }

  /// A vector of `count` offsets to one table, which comes next.
  mutating func sameTable(_ count: Int, slots: Int) {
    raw.put(UInt32(count))
    raw.repeating(count: count) { UInt32(4 * (count - $0)) }
    _ = raw.table(slots == 0 ? empty : first)
  }

  /// A vector of tables with nothing in them, each its own.
  mutating func emptyTables(_ count: Int) {
    raw.put(UInt32(count))
    raw.repeating(count: count) { _ in UInt32(4 * count) }
    let (begin, vtable) = (raw.end, empty)
    raw.repeating(count: count) { Int32(begin + 4 * $0 - vtable) }
  }

  /// Words that are each the count of a vector that reaches over the next ones, and `places` leading to one after the
  /// other.
  mutating func overlap(_ places: [Int], words: Int, elements: Int) {
    raw.align(4)
    let begin = raw.end
    raw.repeating(count: words + elements * 2 + 1) { _ in UInt32(elements) }
    for (index, place) in places.enumerated() { raw.link(place, to: begin + 4 * (index % words)) }
  }
}
