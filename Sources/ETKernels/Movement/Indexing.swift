import ETCore

// Elements by index: gather, scatter, PyTorch's advanced indexing, masks.

extension KernelRegistry {
  mutating func registerIndexing() {
    register("aten::index_select.out") { call throws(KernelError) in
      let (input, index, out) = (try call.tensor(0), try call.tensor(2), try call.output(3))
      let dimension = try call.dimension(call.int(1), of: input.rank)
      try require(input.type == out.type && index.rank <= 1, "\(input.type) and \(out.type)")
      try require(index.type == .long || index.type == .int, "an index of \(index.type)")
      let size = input.rank == 0 ? 1 : input.sizes[dimension]
      try require(size > 0 && (input.rank > 0 || index.count == 1), "an index into nothing")
      for i in 0..<index.count {
        let place = try call.integer(index, i)
        try require(place >= 0 && place < size, "index \(place) of \(size)")
      }
      if input.rank == 0 {
        try out.resize(like: input)
        return try call.convert(input, to: out)
      }
      try out.resize(to: call.sizes(input.rank) { $0 == dimension ? index.count : input.sizes[$0] })
      guard out.count > 0 else { return }
      let width = input.elementSize
      let slice = try call.sizes(input.rank) { $0 == dimension ? 1 : input.sizes[$0] }
      for i in 0..<index.count {
        // Read again: an index that lies in the result's memory may have changed.
        let place = try call.integer(index, i)
        try require(place >= 0 && place < size, "index \(place) of \(size)")
        try call.copyBox(
          sizes: slice, order: out.dimOrder, width: width, to: out.data + i * out.strides[dimension] * width,
          toStride: { out.strides[$0] * width },
          from: UnsafeRawPointer(input.data) + place * input.strides[dimension] * width,
          fromStride: { input.strides[$0] * width })
      }
    }
    register("aten::gather.out") { call throws(KernelError) in
      let (input, index, out) = (try call.tensor(0), try call.tensor(2), try call.output(4))
      try require(input.type == out.type && input.type.isOrdinary, "\(input.type) and \(out.type)")
      let dimension = try call.dimension(call.int(1), of: input.rank)
      try call.checkIndex(index, of: input, dimension)
      try out.resize(like: index)
      let width = input.elementSize
      try call.forEachIndex(index, dimension, input) { place, offset, at in
        (out.data + at * width).copyMemory(from: input.data + offset * width, byteCount: width)
      }
    }
    register("aten::scatter.src_out") { call throws(KernelError) in
      let (input, index, source, out) = (try call.tensor(0), try call.tensor(2), try call.tensor(3), try call.output(4))
      let dimension = try call.prepareScatter(input, index, source, out, call.int(1))
      let width = input.elementSize
      try call.forEachIndex(index, dimension, out, source) { place, offset, _ in
        (out.data + offset * width).copyMemory(from: source.data + place * width, byteCount: width)
      }
    }
    register("aten::scatter.value_out") { call throws(KernelError) in
      let (input, index, value, out) = (try call.tensor(0), try call.tensor(2), try call.scalar(3), try call.output(4))
      let dimension = try call.prepareScatter(input, index, nil, out, call.int(1))
      let element: UnsafeMutableRawPointer = UnsafeMutableRawPointer(try call.context.scratch(UInt64.self, count: 1))
      let number: UnsafeMutablePointer<Double> = try call.context.scratch(count: 1)
      let integer: UnsafeMutablePointer<Int64> = try call.context.scratch(count: 1)
      if value.isFloatingPoint || input.type.isFloatingPoint {
        number.pointee = value.asDouble
        store(number, element, input.type, 0, 1)
      } else {
        integer.pointee = Int64(value.asInt)
        store(integer, element, input.type, 0, 1)
      }
      let width = input.elementSize
      try call.forEachIndex(index, dimension, out) { _, offset, _ in
        (out.data + offset * width).copyMemory(from: element, byteCount: width)
      }
    }
    register("aten::scatter_add.out") { call throws(KernelError) in
      let (input, index, source, out) = (try call.tensor(0), try call.tensor(2), try call.tensor(3), try call.output(4))
      let dimension = try call.prepareScatter(input, index, source, out, call.int(1))
      try out.type.dispatch(
        .realBoolAndHalves, ScatterAdd(call: call, index: index, dimension: dimension, source: source, out: out))
    }
    register("aten::index.Tensor_out") { call throws(KernelError) in
      let (input, indices, out) = (try call.tensor(0), try call.optionalTensors(1), try call.output(2))
      // Whole rows are copied whatever they hold.
      let isRow = indices.count == 1 && indices[0].map { $0.rank == 1 && $0.type.isInteger } ?? false
      try require(input.type == out.type && (isRow || input.type.isOrdinary), "\(input.type) and \(out.type)")
      let index = try AdvancedIndex(call, input, indices)
      try out.resize(to: index.shape)
      let width = input.elementSize
      try index.forEach(call, out) { offset, at in
        (out.data + at * width).copyMemory(from: input.data + offset * width, byteCount: width)
      }
    }
    register("aten::index_put.out") { call throws(KernelError) in
      let (input, indices, values) = (try call.tensor(0), try call.optionalTensors(1), try call.tensor(2))
      let (accumulates, out) = (try call.bool(3), try call.output(4))
      try require(input.type == out.type && input.type == values.type, "\(input.type) and \(values.type)")
      try require(input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
      try out.resize(like: input)
      let index = try AdvancedIndex(call, input, indices)
      try call.copyBytes(input, out)
      try call.put(values, index, out, accumulates: accumulates)
    }
    register("aten::index_put_") { call throws(KernelError) in
      let (input, indices, values) = (try call.output(0), try call.optionalTensors(1), try call.tensor(2))
      let accumulates = try call.bool(3)
      try require(input.type == values.type && input.isContiguous, "\(input.type) and \(values.type)")
      // The reference does this for one list of rows alone.
      var given: Tensor?
      for index in indices {
        guard let index else { continue }
        try require(
          given == nil && index.rank == 1 && index.type.isInteger, "indices that are not one list of integers")
        given = index
      }
      try require(given != nil && !accumulates, "no index, or a sum")
      let index = try AdvancedIndex(call, input, indices)
      try call.put(values, index, input, accumulates: accumulates)
    }
    registerMasks()
  }

  private mutating func registerMasks() {
    register("aten::masked_select.out") { call throws(KernelError) in
      let (input, mask, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try call.checkMask(input, mask, out)
      try require(out.rank == 1, "a result of rank \(out.rank)")
      let shape = try call.broadcastShape(input, mask)
      var selected = 0
      try call.forEachMasked(shape, input, mask) { _, isSet in if isSet { selected += 1 } }
      try out.resize(to: call.sizes(1) { _ in selected })
      let width = input.elementSize
      var place = 0
      try call.forEachMasked(shape, input, mask) { from, isSet in
        guard isSet, place < selected * width else { return }
        (out.data + place).copyMemory(from: from, byteCount: width)
        place += width
      }
    }
    register("aten::masked_scatter.out") { call throws(KernelError) in
      let (input, mask, source, out) = (try call.tensor(0), try call.tensor(1), try call.tensor(2), try call.output(3))
      try call.checkMask(input, mask, out)
      try require(source.type == input.type, "\(source.type) and \(input.type)")
      let shape = try call.broadcastShape(input, mask)
      try out.resize(to: shape)
      let width = input.elementSize
      var (taken, place, missing) = (0, 0, false)
      try call.forEachMasked(shape, input, mask) { from, isSet in
        var from = from
        if isSet {
          if taken < source.count { from = UnsafeRawPointer(source.data) + taken * width } else { missing = true }
          taken += 1
        }
        (out.data + place).copyMemory(from: from, byteCount: width)
        place += width
      }
      try require(!missing, "a source of \(source.count) elements for \(taken)")
    }
    register("aten::nonzero.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try require(out.type == .long && out.rank == 2 && input.type.isOrdinary, "a result of \(out.type)")
      let isZero: UnsafeMutablePointer<Double> = try call.context.scratch(count: 1)
      var found = 0
      func isSet(_ place: Int) -> Bool {
        load(UnsafeRawPointer(input.data) + place * input.elementSize, input.type, 0, 1, into: isZero)
        return isZero.pointee != 0
      }
      for place in 0..<input.count where isSet(place) { found += 1 }
      try out.resize(to: call.sizes(2) { $0 == 0 ? found : input.rank })
      let rows = out.elements(Int64.self)
      var row = 0
      for place in 0..<input.count where row < found && isSet(place) {
        var rest = place
        for d in Swift.stride(from: input.rank - 1, through: 0, by: -1) {
          rows[row * input.rank + d] = Int64(rest % input.sizes[d])
          rest /= input.sizes[d]
        }
        row += 1
      }
    }
  }
}

private struct ScatterAdd: ForElement {
  let call: KernelCall
  let index: Tensor
  let dimension: Int
  let source: Tensor
  let out: Tensor

  func run<T: Element>(_: T.Type) throws(KernelError) {
    let (to, from) = (out.elements(T.self), source.elements(T.self))
    try call.forEachIndex(index, dimension, out, source) { place, offset, _ in
      to[offset] = sum(to[offset], from[place])
    }
  }
}

/// As C adds two elements and stores the sum in their type.
@inline(__always)
private func sum<T: Element>(_ a: T, _ b: T) -> T {
  if !T.isFloatingPoint { return T(converting: a.asInt &+ b.asInt) }
  if T.self == Double.self { return T(converting: a.asDouble + b.asDouble) }
  return T(converting: a.asFloat + b.asFloat)
}

extension KernelCall {
  // MARK: gather and scatter

  fileprivate func checkIndex(_ index: Tensor, of tensor: Tensor, _ dimension: Int) throws(KernelError) {
    try require(index.type == .long, "an index of \(index.type)")
    if index.count != 0 {
      try require(max(tensor.rank, 1) == max(index.rank, 1), "an index of rank \(index.rank)")
    }
    for d in 0..<min(tensor.rank, index.rank) where d != dimension {
      try require(index.sizes[d] <= tensor.sizes[d], "an index of \(describe(index.sizes))")
    }
    let size = tensor.rank == 0 ? 1 : tensor.sizes[dimension]
    let places = index.elements(Int64.self)
    for i in 0..<index.count {
      try require(places[i] >= 0 && places[i] < size, "index \(places[i]) of \(size)")
    }
  }

  fileprivate func prepareScatter(
    _ input: Tensor, _ index: Tensor, _ source: Tensor?, _ out: Tensor, _ dimension: Int
  ) throws(KernelError) -> Int {
    try require(input.type == out.type, "\(input.type) and \(out.type)")
    let dimension = try self.dimension(dimension, of: input.rank)
    try require(index.type == .long, "an index of \(index.type)")
    if let source {
      try require(source.type == input.type, "\(source.type) and \(input.type)")
      if index.count != 0 {
        try require(max(source.rank, 1) == max(input.rank, 1), "a source of rank \(source.rank)")
        for d in 0..<min(source.rank, index.rank) {
          try require(index.sizes[d] <= source.sizes[d], "an index of \(describe(index.sizes))")
        }
      }
    }
    if source == nil || index.count != 0 { try checkIndex(index, of: input, dimension) }
    try requireSameDimOrder(input, out)
    try out.resize(like: input)
    try copyBytes(input, out)
    return dimension
  }

  /// Calls `body` for each element of an index: where it lies in `source`, where in `target` it points, and its own
  /// place, each in elements.
  fileprivate func forEachIndex(
    _ index: Tensor, _ dimension: Int, _ target: Tensor, _ source: Tensor? = nil, _ body: (Int, Int, Int) -> Void
  ) throws(KernelError) {
    guard index.count > 0 else { return }
    let rank = index.rank
    let place: UnsafeMutablePointer<Int> = try context.scratch(count: rank)
    for d in 0..<rank { place[d] = 0 }
    let places = index.elements(Int64.self)
    let elements = index
    for _ in 0..<elements.count {
      var (own, from, to) = (0, 0, 0)
      for d in 0..<rank {
        own += place[d] * elements.strides[d]
        if let source, d < source.rank { from += place[d] * source.strides[d] }
        if d != dimension, d < target.rank { to += place[d] * target.strides[d] }
      }
      // Checked where it is used: an index that lies in the result's memory may have changed.
      let index = Int(places[own])
      let size = target.rank == 0 ? 1 : target.sizes[dimension]
      try require(index >= 0 && index < size, "index \(index) of \(size)")
      if target.rank > 0 { to += index * target.strides[dimension] }
      body(from, to, own)
      var d = rank - 1
      while d >= 0 {
        place[d] += 1
        if place[d] < elements.sizes[d] { break }
        place[d] = 0
        d -= 1
      }
    }
  }

  // MARK: index_put

  fileprivate func put(
    _ values: Tensor, _ index: AdvancedIndex, _ out: Tensor, accumulates: Bool
  ) throws(KernelError) {
    try require(values.rank <= index.shape.count, "values of rank \(values.rank)")
    for d in 0..<values.rank {
      let size = index.shape[d + index.shape.count - values.rank]
      try require(values.sizes[d] == 1 || values.sizes[d] == size, "values of \(describe(values.sizes))")
    }
    let width = out.elementSize
    if accumulates {
      try out.type.dispatch(.realBoolAndHalves, Accumulate(call: self, values: values, index: index, out: out))
    } else {
      try index.forEach(self, broadcasting: values) { offset, from in
        (out.data + offset * width).copyMemory(from: values.data + from * width, byteCount: width)
      }
    }
  }

  private struct Accumulate: ForElement {
    let call: KernelCall
    let values: Tensor
    let index: AdvancedIndex
    let out: Tensor

    func run<T: Element>(_: T.Type) throws(KernelError) {
      let (to, from) = (out.elements(T.self), values.elements(T.self))
      try index.forEach(call, broadcasting: values) { offset, place in to[offset] = sum(to[offset], from[place]) }
    }
  }

  // MARK: Masks

  fileprivate func checkMask(_ input: Tensor, _ mask: Tensor, _ out: Tensor) throws(KernelError) {
    try require(input.type == out.type && input.type.isOrdinary, "\(input.type) and \(out.type)")
    try require(mask.type == .bool, "a mask of \(mask.type)")
    try require(
      input.isContiguous && mask.isContiguous && out.isContiguous
        || input.isChannelsLast && mask.isChannelsLast && out.isChannelsLast, "tensors of different dim orders")
  }

  fileprivate func broadcastShape(_ a: Tensor, _ b: Tensor) throws(KernelError) -> UnsafeBufferPointer<Int> {
    let rank = max(a.rank, b.rank)
    for d in 0..<rank {
      let (x, y) = (size(a, d, rank), size(b, d, rank))
      try require(x == y || x == 1 || y == 1, "shapes that do not broadcast: \(x) and \(y)")
    }
    return try sizes(rank) {
      let (x, y) = (size(a, $0, rank), size(b, $0, rank))
      return x == 1 ? y : x
    }
  }

  private func size(_ tensor: Tensor, _ dimension: Int, _ rank: Int) -> Int {
    let own = dimension - (rank - tensor.rank)
    return own < 0 ? 1 : tensor.sizes[own]
  }

  /// Calls `body` for each element of a broadcast shape with the input's element and whether the mask is set.
  fileprivate func forEachMasked(
    _ shape: UnsafeBufferPointer<Int>, _ input: Tensor, _ mask: Tensor, _ body: (UnsafeRawPointer, Bool) -> Void
  ) throws(KernelError) {
    let order: UnsafeMutablePointer<UInt8> = try context.scratch(count: shape.count)
    for i in 0..<shape.count { order[i] = UInt8(i) }
    func stride(_ tensor: Tensor, _ d: Int) -> Int {
      let own = d - (shape.count - tensor.rank)
      return own < 0 || tensor.sizes[own] == 1 ? 0 : tensor.strides[own] * tensor.elementSize
    }
    let loop = try StridedLoop(
      sizes: shape, order: UnsafeBufferPointer(start: order, count: shape.count), operands: 2, context: context
    ) { stride($0 == 0 ? input : mask, $1) }
    let offsets: UnsafeMutablePointer<Int> = try context.scratch(count: loop.offsetCount)
    loop.forEachRun(0..<loop.outerCount, offsets) { offsets in
      for i in 0..<loop.innerCount {
        body(
          UnsafeRawPointer(input.data) + offsets[0] + i * loop.innerStride(0),
          (mask.data + offsets[1] + i * loop.innerStride(1)).load(as: UInt8.self) != 0)
      }
    }
  }
}

/// PyTorch's indexing of a tensor by tensors (`x[i, :, j]`), made ready: masks turned into indices, all broadcast to one
/// shape, that shape placed where NumPy puts it.
struct AdvancedIndex {
  /// Of the result.
  let shape: UnsafeBufferPointer<Int>
  /// Elements of the indices' common shape.
  private let count: Int
  /// Offsets into the tensor, in elements, one for each element of the indices' shape.
  private let offsets: UnsafeMutablePointer<Int>
  /// Of `shape`: where the indices' dimensions begin, and how many there are.
  private let first: Int
  private let rank: Int
  /// The tensor's strides in each other dimension of `shape`.
  private let strides: UnsafeMutablePointer<Int>

  init(_ call: KernelCall, _ tensor: Tensor, _ indices: UnsafeBufferPointer<Tensor?>) throws(KernelError) {
    let context = call.context
    try require(indices.count <= tensor.rank || tensor.rank == 0 && indices.isEmpty, "too many indices")
    // The indices' common shape, from the last dimension on.
    let common: UnsafeMutablePointer<Int> = try context.scratch(count: 16)
    var commonRank = 0
    var covered = 0
    for index in indices {
      guard let index else {
        covered += 1
        continue
      }
      if index.type == .bool || index.type == .byte {
        try require(covered + index.rank <= tensor.rank, "too many indices")
        for d in 0..<index.rank {
          try require(index.sizes[d] == tensor.sizes[covered + d], "a mask of \(describe(index.sizes))")
        }
        covered += index.rank
        try Self.broadcast(Self.set(index), 1, common, &commonRank)
      } else {
        try require(index.type == .long || index.type == .int, "an index of \(index.type)")
        try require(covered < tensor.rank, "too many indices")
        covered += 1
        try require(index.rank <= 16, "an index of rank \(index.rank)")
        for d in 0..<index.rank {
          try Self.broadcast(index.sizes[d], index.rank - d, common, &commonRank)
        }
      }
    }
    try require(covered <= tensor.rank, "too many indices")
    var count = 1
    for d in 0..<commonRank {
      let (product, overflow) = count.multipliedReportingOverflow(by: common[d])
      try require(!overflow && product <= Tensor.spanLimit, "indices of too many elements")
      count = product
    }
    let offsets: UnsafeMutablePointer<Int> = try context.scratch(count: count)
    for i in 0..<count { offsets[i] = 0 }
    covered = 0
    var (isIndexed, firstIndexed, blocks, last) = (UInt64(0), -1, 0, -2)
    for index in indices {
      guard let index else {
        covered += 1
        continue
      }
      let width = index.type == .bool || index.type == .byte ? index.rank : 1
      if firstIndexed < 0 { firstIndexed = covered }
      if last != covered { blocks += 1 }
      last = covered + width
      for d in covered..<covered + width { isIndexed |= 1 << UInt64(d) }
      if index.type == .bool || index.type == .byte {
        try Self.add(mask: index, covered, tensor, count, offsets)
      } else {
        try Self.add(index, covered, tensor, common, commonRank, offsets)
      }
      covered += width
    }
    self.count = count
    self.offsets = offsets
    rank = blocks == 0 ? 0 : commonRank
    let before = blocks == 1 ? firstIndexed : 0
    first = blocks == 0 ? 0 : before
    let kept = tensor.rank - isIndexed.nonzeroBitCount
    let shape: UnsafeMutablePointer<Int> = try context.scratch(count: kept + rank)
    let strides: UnsafeMutablePointer<Int> = try context.scratch(count: kept + rank)
    var place = 0
    for d in 0...tensor.rank {
      if place == first {
        for i in 0..<rank {
          shape[place] = common[rank - 1 - i]
          strides[place] = 0
          place += 1
        }
      }
      if d < tensor.rank, isIndexed >> UInt64(d) & 1 == 0 {
        shape[place] = tensor.sizes[d]
        strides[place] = tensor.strides[d]
        place += 1
      }
    }
    self.shape = UnsafeBufferPointer(start: shape, count: kept + rank)
    self.strides = strides
  }

  /// How many elements of a mask are set.
  private static func set(_ mask: Tensor) -> Int {
    let bytes = mask.elements(UInt8.self)
    var count = 0
    for i in 0..<mask.count where bytes[i] != 0 { count += 1 }
    return count
  }

  /// Takes a size into the common shape, which counts dimensions from the last, 1 being the last.
  private static func broadcast(
    _ size: Int, _ fromEnd: Int, _ common: UnsafeMutablePointer<Int>, _ rank: inout Int
  ) throws(KernelError) {
    while rank < fromEnd {
      common[rank] = 1
      rank += 1
    }
    let present = common[fromEnd - 1]
    try require(present == 1 || size == 1 || present == size, "indices that do not broadcast: \(present) and \(size)")
    if present == 1 { common[fromEnd - 1] = size }
  }

  private static func add(
    mask: Tensor, _ dimension: Int, _ tensor: Tensor, _ count: Int, _ offsets: UnsafeMutablePointer<Int>
  ) throws(KernelError) {
    let bytes = mask.elements(UInt8.self)
    let total = set(mask)
    var row = 0
    for place in 0..<mask.count where bytes[place] != 0 {
      var (rest, offset) = (place, 0)
      for d in Swift.stride(from: mask.rank - 1, through: 0, by: -1) {
        offset += rest % mask.sizes[d] * tensor.strides[dimension + d]
        rest /= mask.sizes[d]
      }
      // The last dimension of the common shape is the mask's, or the mask has one element.
      if total == 1 {
        for i in 0..<count { offsets[i] += offset }
      } else {
        for i in Swift.stride(from: row, to: count, by: total) { offsets[i] += offset }
      }
      row += 1
    }
  }

  private static func add(
    _ index: Tensor, _ dimension: Int, _ tensor: Tensor, _ common: UnsafeMutablePointer<Int>, _ rank: Int,
    _ offsets: UnsafeMutablePointer<Int>
  ) throws(KernelError) {
    let size = tensor.sizes[dimension]
    var count = 1
    for d in 0..<rank { count = count.multipliedReportingOverflow(by: common[d]).partialValue }
    for i in 0..<count {
      var (rest, place) = (i, 0)
      for fromEnd in 0..<rank {
        let coordinate = rest % common[fromEnd]
        rest /= common[fromEnd]
        let own = index.rank - 1 - fromEnd
        if own >= 0, index.sizes[own] != 1 { place += coordinate * index.strides[own] }
      }
      let value =
        index.type == .long ? Int(index.elements(Int64.self)[place]) : Int(index.elements(Int32.self)[place])
      try require(value >= -size && value < size, "index \(value) of \(size)")
      offsets[i] += (value < 0 ? value + size : value) * tensor.strides[dimension]
    }
  }

  /// Calls `body` for each element of the result, in row-major order: its offset in the indexed tensor, and its place in
  /// the result's memory.
  func forEach(_ call: KernelCall, _ out: Tensor, _ body: (Int, Int) -> Void) throws(KernelError) {
    try walk(call, { out.strides[$0] }, body)
  }

  /// Calls `body` for each element of the result: its offset in the indexed tensor, and in `values`.
  func forEach(_ call: KernelCall, broadcasting values: Tensor, _ body: (Int, Int) -> Void) throws(KernelError) {
    let missing = shape.count - values.rank
    try walk(call, { $0 < missing || values.sizes[$0 - missing] == 1 ? 0 : values.strides[$0 - missing] }, body)
  }

  private func walk(_ call: KernelCall, _ otherStride: (Int) -> Int, _ body: (Int, Int) -> Void) throws(KernelError) {
    var total = 1
    for size in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: size)
      try require(!overflow && product <= Tensor.spanLimit, "a result of too many elements")
      total = product
    }
    guard total > 0 else { return }
    let place: UnsafeMutablePointer<Int> = try call.context.scratch(count: shape.count)
    for d in 0..<shape.count { place[d] = 0 }
    for _ in 0..<total {
      var (offset, other, row) = (0, 0, 0)
      for d in 0..<shape.count {
        if d >= first && d < first + rank { row = row * shape[d] + place[d] } else { offset += place[d] * strides[d] }
        other += place[d] * otherStride(d)
      }
      body(offset + offsets[row], other)
      var d = shape.count - 1
      while d >= 0 {
        place[d] += 1
        if place[d] < shape[d] { break }
        place[d] = 0
        d -= 1
      }
    }
  }
}
