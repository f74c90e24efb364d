import ETCore

// Tensors put together from others, or changed in part.

extension KernelRegistry {
  mutating func registerAssembly() {
    register("aten::cat.out", concatenate)
    register("aten::stack.out") { call throws(KernelError) in
      let (tensors, out) = (try call.tensors(0), try call.output(2))
      guard let first = tensors.first else { throw KernelError(.invalidArgument, "a stack of nothing") }
      let dimension = try call.dimension(call.int(1), of: first.rank + 1)
      for tensor in tensors {
        try require(tensor.hasSizes(of: first), "a stack of tensors of different shapes")
        try require(canCast(tensor.type, to: out.type), "\(tensor.type) and \(out.type)")
      }
      try out.resize(
        to: call.sizes(first.rank + 1) {
          $0 == dimension ? tensors.count : first.sizes[$0 < dimension ? $0 : $0 - 1]
        })
      for (i, tensor) in tensors.enumerated() {
        try call.write(tensor, to: out, offset: i * out.strides[dimension], sizes: tensor.sizes) {
          out.strides[$0 < dimension ? $0 : $0 + 1]
        }
      }
    }
    register("aten::slice_scatter.out") { call throws(KernelError) in
      let (input, source, out) = (try call.tensor(0), try call.tensor(1), try call.output(6))
      try require(input.type == out.type && input.rank > 0, "\(input.type) and \(out.type)")
      try require(canCast(source.type, to: out.type) || source.type == out.type, "\(source.type) and \(out.type)")
      let dimension = try call.dimension(call.int(2), of: input.rank)
      let slice = try call.slice(
        start: call.optionalInt(3), end: call.optionalInt(4), step: call.int(5), of: input.sizes[dimension])
      try require(source.rank == input.rank, "a source of rank \(source.rank)")
      for d in 0..<input.rank {
        try require(source.sizes[d] == (d == dimension ? slice.count : input.sizes[d]), "a source of another shape")
      }
      try out.resize(like: input)
      try call.convert(input, to: out)
      try call.write(source, to: out, offset: slice.start * out.strides[dimension], sizes: source.sizes) {
        out.strides[$0] * ($0 == dimension && slice.count > 1 ? slice.step : 1)
      }
    }
    register("aten::select_scatter.out") { call throws(KernelError) in
      let (input, source, out) = (try call.tensor(0), try call.tensor(1), try call.output(4))
      try require(input.type == out.type && input.rank > 0, "\(input.type) and \(out.type)")
      let dimension = try call.dimension(call.int(2), of: input.rank)
      let index = try call.index(call.int(3), of: input.sizes[dimension])
      try require(source.rank == input.rank - 1, "a source of rank \(source.rank)")
      for d in 0..<source.rank {
        try require(source.sizes[d] == input.sizes[d < dimension ? d : d + 1], "a source of another shape")
      }
      try out.resize(like: input)
      try call.convert(input, to: out)
      try call.write(source, to: out, offset: index * out.strides[dimension], sizes: source.sizes) {
        out.strides[$0 < dimension ? $0 : $0 + 1]
      }
    }
    register("aten::repeat.out") { call throws(KernelError) in
      let (input, repeats, out) = (try call.tensor(0), try call.ints(1), try call.output(2))
      try require(input.type == out.type && repeats.count >= input.rank, "\(repeats.count) repeats")
      for count in repeats { try require(count >= 0 && count < Int32.max, "\(count) repeats") }
      let missing = repeats.count - input.rank
      try out.resize(
        to: call.sizes(repeats.count) {
          repeats[$0].multipliedReportingOverflow(by: $0 < missing ? 1 : input.sizes[$0 - missing]).partialValue
        })
      guard out.count > 0 else { return }
      // A box of twice the dimensions: which repetition, and which element of it.
      let rank = repeats.count
      let box = try call.sizes(2 * rank) {
        $0 % 2 == 0 ? repeats[$0 / 2] : $0 / 2 < missing ? 1 : input.sizes[$0 / 2 - missing]
      }
      let order: UnsafeMutablePointer<UInt8> = try call.context.scratch(count: 2 * rank)
      for i in 0..<rank {
        order[2 * i] = 2 * out.dimOrder[i]
        order[2 * i + 1] = 2 * out.dimOrder[i] + 1
      }
      let width = out.elementSize
      try call.copyBox(
        sizes: box, order: UnsafeBufferPointer(start: order, count: 2 * rank), width: width, to: out.data,
        toStride: { out.strides[$0 / 2] * width * ($0 % 2 == 0 ? box[$0 + 1] : 1) }, from: UnsafeRawPointer(input.data),
        fromStride: { $0 % 2 == 0 || $0 / 2 < missing ? 0 : input.strides[$0 / 2 - missing] * width })
    }
    register("aten::repeat_interleave.Tensor_out") { call throws(KernelError) in
      let (repeats, total, out) = (try call.tensor(0), try call.optionalInt(1), try call.output(2))
      try require(repeats.rank == 1 && (repeats.type == .int || repeats.type == .long), "repeats of \(repeats.type)")
      try require(out.type == repeats.type && out.rank == 1, "a result of \(out.type)")
      var sum = 0
      for i in 0..<repeats.count {
        let count = try call.integer(repeats, i)
        try require(count >= 0 && count < Int32.max, "\(count) repeats")
        sum += count
      }
      try require(total == nil || total == sum, "\(sum) repeats instead of \(total ?? 0)")
      try out.resize(to: call.sizes(1) { _ in sum })
      var place = 0
      for i in 0..<repeats.count {
        for _ in 0..<max(try call.integer(repeats, i), 0) where place < sum {
          if out.type == .int { out.elements(Int32.self)[place] = Int32(truncatingIfNeeded: i) }
          if out.type == .long { out.elements(Int64.self)[place] = Int64(i) }
          place += 1
        }
      }
    }
    register("aten::flip.out") { call throws(KernelError) in
      var (input, out) = (try call.tensor(0), try call.output(2))
      let dims = try call.ints(1)
      try require(input.type == out.type && input.type.isOrdinary, "\(input.type) and \(out.type)")
      var mask: UInt64 = 0
      for dim in dims {
        let bit = UInt64(1) << UInt64(try call.dimension(dim, of: input.rank))
        try require(mask & bit == 0, "a dimension that is named twice")
        mask |= bit
      }
      try out.resize(like: input)
      guard input.count > 0 else { return }
      (input, out) = (try call.ignoringDimOrder(input), try call.ignoringDimOrder(out))
      let width = input.elementSize
      var offset = 0
      for d in 0..<input.rank where mask >> UInt64(d) & 1 == 1 {
        offset += (input.sizes[d] - 1) * input.strides[d] * width
      }
      try call.copyView(input, offset: offset, to: out) {
        input.strides[$0] * width * (mask >> UInt64($0) & 1 == 1 ? -1 : 1)
      }
    }
    register("aten::roll.out", roll)
    register("aten::pixel_shuffle.out") { call throws(KernelError) in
      let (input, factor, out) = (try call.tensor(0), try call.int(1), try call.output(2))
      try require(factor > 0 && factor < 32768 && input.rank >= 3 && input.type == out.type, "a factor of \(factor)")
      let first = input.rank - 3
      try require(input.sizes[first] % (factor * factor) == 0, "channels that \(factor)² does not divide")
      try out.resize(
        to: call.sizes(input.rank) {
          $0 < first ? input.sizes[$0] : $0 == first ? input.sizes[first] / (factor * factor) : input.sizes[$0] * factor
        })
      try call.shuffle(small: input, large: out, factor: factor, expands: true)
    }
    register("aten::pixel_unshuffle.out") { call throws(KernelError) in
      let (input, factor, out) = (try call.tensor(0), try call.int(1), try call.output(2))
      try require(factor > 0 && factor < 32768 && input.rank >= 3 && input.type == out.type, "a factor of \(factor)")
      let first = input.rank - 3
      try require(
        input.sizes[first + 1] % factor == 0 && input.sizes[first + 2] % factor == 0,
        "sizes that \(factor) does not divide")
      try out.resize(
        to: call.sizes(input.rank) {
          $0 < first ? input.sizes[$0] : $0 == first ? input.sizes[first] * factor * factor : input.sizes[$0] / factor
        })
      try call.shuffle(
        small: call.ignoringDimOrder(out), large: call.ignoringDimOrder(input), factor: factor, expands: false)
    }
  }
}

@Sendable private func concatenate(_ call: KernelCall) throws(KernelError) {
  let (tensors, out) = (try call.tensors(0), try call.output(2))
  guard !tensors.isEmpty else { throw KernelError(.invalidArgument, "nothing to concatenate") }
  // Empty tensors of rank 1 fit everything.
  var model = 0
  for (i, tensor) in tensors.enumerated() where tensor.rank != 1 || tensor.count != 0 { model = i }
  var shape = tensors[model]
  for tensor in tensors where tensor.count > 0 {
    shape = tensor
    break
  }
  let dimension = try call.dimension(call.int(1), of: shape.rank)
  var total = 0
  for tensor in tensors {
    try require(
      canCast(tensor.type, to: out.type) || tensor.type == out.type, "\(tensor.type) and \(out.type)")
    try requireSameDimOrder(tensor, out)
    guard tensor.count > 0 else { continue }
    try require(tensor.rank == shape.rank && shape.rank > dimension, "tensors of different ranks")
    for d in 0..<shape.rank where d != dimension {
      try require(tensor.sizes[d] == shape.sizes[d], "tensors of different sizes in dimension \(d)")
    }
    total += tensor.sizes[dimension]
  }
  let last = tensors[model]
  if total > 0 {
    try require(last.rank == shape.rank, "tensors of different ranks")
    for d in 0..<shape.rank where d != dimension {
      try require(last.sizes[d] == shape.sizes[d], "tensors of different sizes in dimension \(d)")
    }
  }
  try out.resize(to: call.sizes(last.rank) { $0 == dimension ? total : last.sizes[$0] })
  var start = 0
  for tensor in tensors where tensor.count > 0 {
    try call.write(tensor, to: out, offset: start * out.strides[dimension], sizes: tensor.sizes) { out.strides[$0] }
    start += tensor.sizes[dimension]
  }
}

@Sendable private func roll(_ call: KernelCall) throws(KernelError) {
  let (input, shifts, dims, out) = (try call.tensor(0), try call.ints(1), try call.ints(2), try call.output(3))
  try require(input.type == out.type && (input.type.isOrdinary || input.count == 0), "\(input.type) and \(out.type)")
  try require(shifts.count == dims.count && !dims.isEmpty, "\(shifts.count) shifts of \(dims.count) dimensions")
  try out.resize(like: input)
  guard input.count > 0 else { return }
  let shift: UnsafeMutablePointer<Int> = try call.context.scratch(count: input.rank)
  for d in 0..<input.rank { shift[d] = 0 }
  for (amount, dim) in zip(shifts, dims) {
    let d = try call.dimension(dim, of: input.rank)
    if input.rank > 0 { shift[d] = (shift[d] + positive(amount, input.sizes[d])) % input.sizes[d] }
  }
  // Element by element along the outer dimensions; the innermost in two runs.
  let width = input.elementSize
  let inner = input.rank - 1
  guard inner >= 0 else { return try call.copyBytes(input, out) }
  let index: UnsafeMutablePointer<Int> = try call.context.scratch(count: input.rank)
  for d in 0..<input.rank { index[d] = 0 }
  let size = input.sizes[inner]
  for _ in 0..<input.count / size {
    var (from, to) = (0, 0)
    for d in 0..<inner {
      from += index[d] * input.strides[d]
      to += (index[d] + shift[d]) % input.sizes[d] * out.strides[d]
    }
    for i in 0..<size {
      (out.data + (to + (i + shift[inner]) % size * out.strides[inner]) * width).copyMemory(
        from: input.data + (from + i * input.strides[inner]) * width, byteCount: width)
    }
    var d = inner - 1
    while d >= 0 {
      index[d] += 1
      if index[d] < input.sizes[d] { break }
      index[d] = 0
      d -= 1
    }
  }
}

private func positive(_ shift: Int, _ size: Int) -> Int {
  let remainder = shift % size
  return remainder < 0 ? remainder + size : remainder
}

extension KernelCall {
  /// Writes a tensor's elements into a part of another, converting them.
  ///
  /// - Parameter stride: Of `out` in elements, for each dimension of the tensor.
  func write(
    _ tensor: Tensor, to out: Tensor, offset: Int, sizes: UnsafeBufferPointer<Int>, stride: (Int) -> Int
  ) throws(KernelError) {
    guard tensor.count > 0 else { return }
    let width = out.elementSize
    if tensor.type == out.type {
      try copyBox(
        sizes: sizes, order: tensor.dimOrder, width: width, to: out.data + offset * width,
        toStride: { stride($0) * width }, from: UnsafeRawPointer(tensor.data),
        fromStride: { tensor.strides[$0] * width })
    } else {
      let loop = try StridedLoop(sizes: sizes, order: tensor.dimOrder, operands: 2, context: context) {
        $0 == 0 ? stride($1) * width : tensor.strides[$1] * tensor.elementSize
      }
      try convert(from: UnsafeRawPointer(tensor.data), tensor.type, into: out.data + offset * width, out.type, loop)
    }
  }

  fileprivate func convert(
    from start: UnsafeRawPointer, _ type: ScalarType, into: UnsafeMutableRawPointer, _ to: ScalarType,
    _ loop: StridedLoop
  ) throws(KernelError) {
    let offsets: UnsafeMutablePointer<Int> = try context.scratch(count: loop.offsetCount)
    func run<T: Computable>(_: T.Type) throws(KernelError) {
      let buffer: UnsafeMutablePointer<T> = try context.scratch(count: 256)
      loop.forEachRun(0..<loop.outerCount, offsets) { offsets in
        var done = 0
        while done < loop.innerCount {
          let count = min(256, loop.innerCount - done)
          load(start + offsets[1] + done * loop.innerStride(1), type, loop.innerStride(1), count, into: buffer)
          store(buffer, into + offsets[0] + done * loop.innerStride(0), to, loop.innerStride(0), count)
          done += count
        }
      }
    }
    switch try type.compute() {
    case .int: try run(Int64.self)
    case .float: try run(Float.self)
    case .double: try run(Double.self)
    }
  }

  /// An element of an integer tensor.
  @inline(__always)
  func integer(_ tensor: Tensor, _ place: Int) throws(KernelError) -> Int {
    tensor.type == .long ? Int(tensor.elements(Int64.self)[place]) : Int(tensor.elements(Int32.self)[place])
  }

  /// Between channels of a small picture and pixels of a large one: `large[…, c, y·f + i, x·f + j]` is
  /// `small[…, c·f² + i·f + j, y, x]`.
  fileprivate func shuffle(small: Tensor, large: Tensor, factor: Int, expands: Bool) throws(KernelError) {
    guard small.count > 0 else { return }
    let rank = small.rank
    let first = rank - 3
    // Leading dimensions, c, y, i, x, j
    let box = try sizes(rank + 2) {
      switch $0 - first {
      case ..<0: small.sizes[$0]
      case 0: large.sizes[first]
      case 1: small.sizes[first + 1]
      case 2, 4: factor
      default: small.sizes[first + 2]
      }
    }
    let order: UnsafeMutablePointer<UInt8> = try context.scratch(count: rank + 2)
    for i in 0..<rank + 2 { order[i] = UInt8(i) }
    let width = small.elementSize
    func largeStride(_ d: Int) -> Int {
      width
        * (d <= first
          ? large.strides[d]
          : d == first + 1
            ? large.strides[first + 1] * factor
            : d == first + 2
              ? large.strides[first + 1]
              : d == first + 3 ? large.strides[first + 2] * factor : large.strides[first + 2])
    }
    func smallStride(_ d: Int) -> Int {
      width
        * (d < first
          ? small.strides[d]
          : d == first
            ? small.strides[first] * factor * factor
            : d == first + 1
              ? small.strides[first + 1]
              : d == first + 2
                ? small.strides[first] * factor : d == first + 3 ? small.strides[first + 2] : small.strides[first])
    }
    let boxOrder = UnsafeBufferPointer(start: order, count: rank + 2)
    if expands {
      try copyBox(
        sizes: box, order: boxOrder, width: width, to: large.data, toStride: largeStride,
        from: UnsafeRawPointer(small.data), fromStride: smallStride)
    } else {
      try copyBox(
        sizes: box, order: boxOrder, width: width, to: small.data, toStride: smallStride,
        from: UnsafeRawPointer(large.data), fromStride: largeStride)
    }
  }
}
