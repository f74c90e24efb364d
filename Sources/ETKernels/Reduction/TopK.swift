import ETCore

extension KernelRegistry {
  mutating func registerTopK() {
    register("aten::topk.values", largest)
  }
}

/// `topk(self, k, dim, largest, sorted, values, indices)`.
///
/// Which of equal elements come first follows from how the reference sorts: with the selection and sorting of GCC's
/// C++ library, which `Ranking` does step by step.
@Sendable private func largest(_ call: KernelCall) throws(KernelError) {
  let (input, greatest, sorted) = (try call.tensor(0), try call.bool(3), try call.bool(4))
  let (values, places) = (try call.output(5), try call.output(6))
  try require(
    values.type == input.type && places.type == .long && TypeSet.realAndHalves.contains(input.type),
    "the greatest of \(input.type) as \(values.type), their places as \(places.type)")
  let dimension = try call.dimension(call.int(2), of: input.rank)
  let size = input.rank == 0 ? 1 : input.sizes[dimension]
  var k = try call.int(1)
  try require(k >= 0 && k <= size, "the \(k) greatest of \(size)")
  // A number is its own greatest, be it asked for or not.
  if input.rank == 0 { k = 1 }
  let shape = try call.sizes(input.rank) { $0 == dimension ? k : input.sizes[$0] }
  try require(input.state != values.state && input.state != places.state, "a result that is its own input")
  try values.resize(to: shape)
  try places.resize(to: shape)
  guard input.count > 0, values.count > 0 else { return }
  try require(
    input.isContiguous && values.isContiguous && places.isContiguous, "a dim order that is not contiguous")
  switch try input.type.compute() {
  case .int: try call.largest(Int64.self, input, k, dimension, size, greatest, sorted, values, places)
  case .float: try call.largest(Float.self, input, k, dimension, size, greatest, sorted, values, places)
  case .double: try call.largest(Double.self, input, k, dimension, size, greatest, sorted, values, places)
  }
}

extension KernelCall {
  fileprivate func largest<T: Computable>(
    _: T.Type, _ input: Tensor, _ k: Int, _ dimension: Int, _ size: Int, _ greatest: Bool, _ sorted: Bool,
    _ values: Tensor, _ places: Tensor
  ) throws(KernelError) {
    let across = input.rank == 0 ? 1 : input.strides[dimension]
    let threads = context.pool.threads
    let lines = input.count / size
    let allItems: UnsafeMutablePointer<Ranking<T>.Item> = try context.scratch(count: threads * size)
    let allValues: UnsafeMutablePointer<T> = try context.scratch(count: threads * size)
    let width = input.elementSize
    let indices = places.elements(Int64.self)
    context.parallel(lines, grain: max((1 << 13) / size, 1)) { range, worker in
      let (items, numbers) = (allItems + worker * size, allValues + worker * size)
      let ranking = Ranking(items, greatestFirst: greatest)
      for line in range {
        let (outer, inner) = line.quotientAndRemainder(dividingBy: across)
        let from = UnsafeRawPointer(input.data) + (outer * size * across + inner) * width
        load(from, input.type, across * width, size, into: numbers)
        for i in 0..<size { items[i] = Ranking<T>.Item(value: numbers[i], place: i) }
        if k * 64 <= size {
          ranking.partialSort(0, k, size)
        } else {
          ranking.select(0, k - 1, size)
          if sorted { ranking.sort(0, k - 1) }
        }
        let first = outer * k * across + inner
        for i in 0..<k {
          numbers[i] = items[i].value
          indices[first + i * across] = Int64(items[i].place)
        }
        store(numbers, values.data + first * width, values.type, across * width, k)
      }
    }
  }
}

/// Sorts and selects as libstdc++ does (bits/stl_algo.h, bits/stl_heap.h): introselect, introsort and heaps, which leave
/// equal items in an order of their own.
private struct Ranking<T: Computable> {
  struct Item: BitwiseCopyable {
    var value: T
    var place: Int
  }

  let items: UnsafeMutablePointer<Item>
  let greatestFirst: Bool

  init(_ items: UnsafeMutablePointer<Item>, greatestFirst: Bool) {
    self.items = items
    self.greatestFirst = greatestFirst
  }

  /// Whether a stands before b. NaN is the greatest number.
  @inline(__always)
  private func before(_ a: Item, _ b: Item) -> Bool {
    let (low, high) = greatestFirst ? (b.value, a.value) : (a.value, b.value)
    return !low.isNotANumber && high.isNotANumber || low < high
  }

  @inline(__always)
  private func exchange(_ a: Int, _ b: Int) { (items[a], items[b]) = (items[b], items[a]) }

  private func depth(_ count: Int) -> Int { 2 * (Int.bitWidth - 1 - count.leadingZeroBitCount) }

  // MARK: Heaps, of the last item in order on top

  /// Puts an item into a hole that sinks to the bottom first.
  private func sink(_ first: Int, _ start: Int, _ count: Int, _ item: Item) {
    var (hole, child) = (start, start)
    while child < (count - 1) / 2 {
      child = 2 * (child + 1)
      if before(items[first + child], items[first + child - 1]) { child -= 1 }
      items[first + hole] = items[first + child]
      hole = child
    }
    if count & 1 == 0, child == (count - 2) / 2 {
      child = 2 * child + 1
      items[first + hole] = items[first + child]
      hole = child
    }
    while hole > start, before(items[first + (hole - 1) / 2], item) {
      items[first + hole] = items[first + (hole - 1) / 2]
      hole = (hole - 1) / 2
    }
    items[first + hole] = item
  }

  /// Moves the heap's top to `to`, and what was there into the heap.
  private func takeTop(_ first: Int, _ last: Int, to place: Int) {
    let item = items[place]
    items[place] = items[first]
    sink(first, 0, last - first, item)
  }

  private func heapSelect(_ first: Int, _ middle: Int, _ last: Int) {
    let count = middle - first
    var parent = (count - 2) / 2
    while count >= 2, parent >= 0 {
      sink(first, parent, count, items[first + parent])
      parent -= 1
    }
    var i = middle
    while i < last {
      if before(items[i], items[first]) { takeTop(first, middle, to: i) }
      i += 1
    }
  }

  /// Puts the first items in order before `middle`.
  func partialSort(_ first: Int, _ middle: Int, _ last: Int) {
    heapSelect(first, middle, last)
    var end = middle
    while end - first > 1 {
      end -= 1
      takeTop(first, end, to: end)
    }
  }

  // MARK: Partitions

  /// Divides around the median of three items and returns where the second part begins.
  private func partition(_ first: Int, _ last: Int) -> Int {
    let (a, b, c) = (first + 1, first + (last - first) / 2, last - 1)
    let median =
      if before(items[a], items[b]) {
        before(items[b], items[c]) ? b : before(items[a], items[c]) ? c : a
      } else {
        before(items[a], items[c]) ? a : before(items[b], items[c]) ? c : b
      }
    exchange(first, median)
    let pivot = items[first]
    var (low, high) = (first + 1, last)
    while true {
      while before(items[low], pivot) { low += 1 }
      high -= 1
      while before(pivot, items[high]) { high -= 1 }
      if low >= high { return low }
      exchange(low, high)
      low += 1
    }
  }

  private func insert(_ place: Int) {
    let item = items[place]
    var to = place
    while before(item, items[to - 1]) {
      items[to] = items[to - 1]
      to -= 1
    }
    items[to] = item
  }

  private func insertionSort(_ first: Int, _ last: Int) {
    var i = first + 1
    while i < last {
      if before(items[i], items[first]) {
        let item = items[i]
        var j = i
        while j > first {
          items[j] = items[j - 1]
          j -= 1
        }
        items[first] = item
      } else {
        insert(i)
      }
      i += 1
    }
  }

  /// Puts at `place` the item that belongs there, and none before it that belongs behind.
  func select(_ start: Int, _ place: Int, _ end: Int) {
    guard start < end, place < end else { return }
    var (first, last, depth) = (start, end, depth(end - start))
    while last - first > 3 {
      if depth == 0 {
        heapSelect(first, place + 1, last)
        exchange(first, place)
        return
      }
      depth -= 1
      let cut = partition(first, last)
      if cut <= place { first = cut } else { last = cut }
    }
    insertionSort(first, last)
  }

  func sort(_ first: Int, _ last: Int) {
    guard first < last else { return }
    sort(first, last, depth(last - first))
    if last - first > 16 {
      insertionSort(first, first + 16)
      for i in first + 16..<last { insert(i) }
    } else {
      insertionSort(first, last)
    }
  }

  private func sort(_ first: Int, _ end: Int, _ limit: Int) {
    var (last, depth) = (end, limit)
    while last - first > 16 {
      if depth == 0 { return partialSort(first, last, last) }
      depth -= 1
      let cut = partition(first, last)
      sort(cut, last, depth)
      last = cut
    }
  }
}
