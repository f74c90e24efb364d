/// Times of one track as slices that open and close: in the order of time, each within the one around it.
struct NestedSlices {
  struct Slice {
    let label: Int32
    /// The event's place among its run's: of two with equal times the later encloses the earlier.
    let position: Int32
    let start: UInt64
    let end: UInt64
  }

  private(set) var slices: [Slice] = []
  private var isSorted = true

  mutating func add(_ event: ExportedTrace.Event, from start: UInt64, to end: UInt64) {
    slices.append(
      Slice(
        label: Int32(truncatingIfNeeded: event.label), position: Int32(truncatingIfNeeded: event.position),
        start: start, end: max(start, end)))
    isSorted = false
  }

  /// Who encloses comes first: by start, the longer before the shorter.
  private var inOrder: [Slice] {
    isSorted
      ? slices
      : slices.sorted {
        $0.start != $1.start ? $0.start < $1.start : $0.end != $1.end ? $0.end > $1.end : $0.position > $1.position
      }
  }

  /// Divided so that all nest without being cut: slices that overlap lie on different lanes. There are at most `limit`; what
  /// fits on none lies on the last.
  func lanes(limit: Int) -> [NestedSlices] {
    var lanes: [NestedSlices] = []
    var places = Lanes(limit: limit)
    for slice in inOrder {
      let place = places.place(from: slice.start, to: slice.end)
      if place == lanes.count { lanes.append(NestedSlices()) }
      lanes[place].slices.append(slice)
    }
    return lanes
  }

  /// Finds a lane for each slice, as they come: first who encloses.
  struct Lanes {
    let limit: Int
    /// By lane: the slices that the next may lie in.
    private var open: [[(start: UInt64, end: UInt64)]] = []

    init(limit: Int) { self.limit = limit }

    mutating func place(from start: UInt64, to end: UInt64) -> Int {
      var place = 0
      while place < open.count {
        while let last = open[place].last, last.end <= start, last.end < end || start < end {
          open[place].removeLast()
        }
        if place == limit - 1 { break }
        guard let last = open[place].last else { break }
        if last.start <= start && end <= last.end { break }
        place += 1
      }
      if place == open.count { open.append([]) }
      open[place].append((start, end))
      return place
    }
  }

  /// Calls `open` and `close`, last opened first closed, with times that never go back. A slice that ends after the one
  /// around it ends with it.
  func walk<E: Error>(
    open: (_ label: Int, _ time: UInt64) throws(E) -> Void, close: (_ label: Int, _ time: UInt64) throws(E) -> Void
  ) throws(E) {
    var around: [(label: Int, end: UInt64)] = []
    for slice in inOrder {
      while let last = around.last, last.end <= slice.start, last.end < slice.end || slice.start < slice.end {
        try close(last.label, last.end)
        around.removeLast()
      }
      try open(Int(slice.label), slice.start)
      around.append((Int(slice.label), min(slice.end, around.last?.end ?? .max)))
    }
    while let last = around.popLast() { try close(last.label, last.end) }
  }
}
