/// Times of one track as slices that open and close: in the order of time, each within the one around it.
struct NestedSlices {
  struct Slice {
    let row: Int
    /// The event's place among its run's: of two with equal times the later encloses the earlier.
    let position: Int
    let start: UInt64
    let end: UInt64
  }

  var slices: [Slice] = []

  mutating func add(_ event: ExportedTrace.Event, from start: UInt64, to end: UInt64) {
    slices.append(Slice(row: event.row, position: event.position, start: start, end: max(start, end)))
  }

  /// Who encloses comes first: by start, the longer before the shorter.
  private var inOrder: [Slice] {
    slices.sorted {
      $0.start != $1.start ? $0.start < $1.start : $0.end != $1.end ? $0.end > $1.end : $0.position > $1.position
    }
  }

  /// Divided so that all nest without being cut: slices that overlap lie on different lanes. There are at most `limit`; what
  /// fits on none lies on the last.
  func lanes(limit: Int) -> [NestedSlices] {
    var lanes: [(slices: NestedSlices, ends: [UInt64])] = []
    for slice in inOrder {
      var place = 0
      while place < lanes.count {
        while let end = lanes[place].ends.last, end <= slice.start, end < slice.end || slice.start < slice.end {
          lanes[place].ends.removeLast()
        }
        if slice.end <= lanes[place].ends.last ?? .max || place == limit - 1 { break }
        place += 1
      }
      if place == lanes.count { lanes.append((NestedSlices(), [])) }
      lanes[place].slices.slices.append(slice)
      lanes[place].ends.append(slice.end)
    }
    return lanes.map(\.slices)
  }

  /// Calls `open` and `close`, last opened first closed, with times that never go back. A slice that ends after the one
  /// around it ends with it.
  func walk<E: Error>(
    open: (_ row: Int, _ time: UInt64) throws(E) -> Void, close: (_ row: Int, _ time: UInt64) throws(E) -> Void
  ) throws(E) {
    var around: [(row: Int, end: UInt64)] = []
    for slice in inOrder {
      while let last = around.last, last.end <= slice.start, last.end < slice.end || slice.start < slice.end {
        try close(last.row, last.end)
        around.removeLast()
      }
      try open(slice.row, slice.start)
      around.append((slice.row, min(slice.end, around.last?.end ?? .max)))
    }
    while let last = around.popLast() { try close(last.row, last.end) }
  }
}
