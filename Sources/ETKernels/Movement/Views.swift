import ETCore

// Copies of what PyTorch calls views: other shapes, orders and parts of a tensor.

extension KernelRegistry {
  mutating func registerViews() {
    for name in ["alias_copy.out", "detach_copy.out", "lift_fresh_copy.out"] {
      register("aten::" + name) { call throws(KernelError) in
        try call.copySame(try call.tensor(0), try call.output(1))
      }
    }
    register("aten::clone.out") { call throws(KernelError) in
      let (input, format, out) = (try call.tensor(0), try call.optionalInt(1), try call.output(2))
      try require(format ?? 0 == 0, "a memory format that is not contiguous")
      try call.copySame(input, out)
    }
    register("aten::view_copy.out") { call throws(KernelError) in
      let (input, size, out) = (try call.tensor(0), try call.ints(1), try call.output(2))
      try require(input.type == out.type, "\(input.type) and \(out.type)")
      try require(size.count == out.rank, "a view of rank \(size.count) for a tensor of rank \(out.rank)")
      let sizes: UnsafeMutablePointer<Int> = try call.context.scratch(count: size.count)
      try inferSizes(size, count: input.count, into: sizes)
      try out.resize(to: UnsafeBufferPointer(start: sizes, count: size.count))
      try require(input.count == out.count, "a view of \(input.count) elements as \(describe(out.sizes))")
      try call.copyBytes(input, out)
    }
    register("aten::unsqueeze_copy.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(2))
      try require(input.type == out.type, "\(input.type) and \(out.type)")
      let dimension = try call.dimension(call.int(1), of: input.rank + 1)
      try out.resize(
        to: call.sizes(input.rank + 1) { $0 == dimension ? 1 : input.sizes[$0 < dimension ? $0 : $0 - 1] })
      try call.copyBytes(input, out)
    }
    register("aten::squeeze_copy.dim_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(2))
      let dimension = try call.dimension(call.int(1), of: input.rank)
      try call.squeeze(input, out) { $0 == dimension }
    }
    register("aten::squeeze_copy.dims_out") { call throws(KernelError) in
      let (input, dims, out) = (try call.tensor(0), try call.ints(1), try call.output(2))
      var mask: UInt64 = 0
      for dim in dims {
        let bit = UInt64(1) << UInt64(try call.dimension(dim, of: input.rank))
        try require(mask & bit == 0, "a dimension that is named twice")
        mask |= bit
      }
      try call.squeeze(input, out) { mask >> UInt64($0) & 1 == 1 }
    }
    register("aten::expand_copy.out") { call throws(KernelError) in
      let (input, size, implicit, out) = (try call.tensor(0), try call.ints(1), try call.bool(2), try call.output(3))
      try require(!implicit, "an implicit expansion")
      try require(input.type == out.type, "\(input.type) and \(out.type)")
      try require(size.count >= input.rank, "an expansion to fewer dimensions")
      let missing = size.count - input.rank
      for i in 0..<size.count {
        let own = i < missing ? 1 : input.sizes[i - missing]
        try require(
          size[i] == own || (size[i] == -1 && i >= missing) || (own == 1 && size[i] >= 0),
          "an expansion of \(describe(input.sizes)) to \(describe(size))")
      }
      try out.resize(to: call.sizes(size.count) { size[$0] == -1 ? input.sizes[$0 - missing] : size[$0] })
      try call.copyView(input, to: out) { input.broadcastStride($0, of: out) }
    }
    register("aten::permute_copy.out") { call throws(KernelError) in
      let (input, dims, out) = (try call.tensor(0), try call.ints(1), try call.output(2))
      try require(dims.count == input.rank, "a permutation of \(dims.count) of \(input.rank) dimensions")
      try call.permute(input, out) { dims[$0] < 0 ? dims[$0] + input.rank : dims[$0] }
    }
    register("aten::transpose_copy.int_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(3))
      let (a, b) = (try call.dimension(call.int(1), of: input.rank), try call.dimension(call.int(2), of: input.rank))
      try call.permute(input, out) { $0 == a ? b : $0 == b ? a : $0 }
    }
    register("aten::t_copy.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      try require(input.rank <= 2, "a transposition of a tensor of rank \(input.rank)")
      try call.permute(input, out) { input.rank - 1 - $0 }
    }
    registerParts()
    registerDiagonals()
  }

  private mutating func registerParts() {
    register("aten::select_copy.int_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(3))
      try require(input.type == out.type && input.rank > 0, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      let dimension = try call.dimension(call.int(1), of: input.rank)
      let index = try call.index(call.int(2), of: input.sizes[dimension])
      try out.resize(to: call.sizes(input.rank - 1) { input.sizes[$0 < dimension ? $0 : $0 + 1] })
      let width = input.elementSize
      try call.copyView(input, offset: index * input.strides[dimension] * width, to: out) {
        input.strides[$0 < dimension ? $0 : $0 + 1] * width
      }
    }
    register("aten::slice_copy.Tensor_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(5))
      try require(input.type == out.type && input.rank > 0, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      let dimension = try call.dimension(call.int(1), of: input.rank)
      let slice = try call.slice(
        start: call.optionalInt(2), end: call.optionalInt(3), step: call.int(4), of: input.sizes[dimension])
      try call.copySlice(input, dimension, start: slice.start, count: slice.count, step: slice.step, to: out)
    }
    register("aten::narrow_copy.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(4))
      try require(input.type == out.type && input.rank > 0, "\(input.type) and \(out.type)")
      // Counting from the end is not provided for here, in the reference neither.
      let dimension = try call.int(1)
      try require((0..<input.rank).contains(dimension), "dimension \(dimension)")
      let (start, length, size) = (try call.int(2), try call.int(3), input.sizes[dimension])
      try require(length >= 0 && start >= 0 && start <= size, "a start of \(start) in \(size) elements")
      try require(length <= size - start, "\(length) elements from \(start) on of \(size)")
      try call.copySlice(input, dimension, start: start, count: length, step: 1, to: out)
    }
    register("aten::split_copy.Tensor_out") { call throws(KernelError) in
      let (input, size, outs) = (try call.tensor(0), try call.int(1), try call.outputs(3))
      try require(input.rank > 0 && input.type.isOrdinary, "a split of \(input.type)")
      for out in outs { try requireSameDimOrder(input, out) }
      let dimension = try call.dimension(call.int(2), of: input.rank)
      let total = input.sizes[dimension]
      try require(size >= 0 && (size > 0 || total == 0), "pieces of \(size)")
      let pieces = size >= total ? 1 : (total + size - 1) / size
      try require(outs.count == pieces, "\(outs.count) tensors for \(pieces) pieces")
      for (i, out) in outs.enumerated() {
        let start = i * (size >= total ? total : size)
        let count = min(size, total - start)
        try require(
          out.type == outs[0].type && out.rank == input.rank && out.sizes[dimension] == count,
          "a piece of another shape")
        try call.copySlice(input, dimension, start: start, count: count, step: 1, to: out)
      }
    }
    register("aten::split_with_sizes_copy.out") { call throws(KernelError) in
      let (input, sizes, outs) = (try call.tensor(0), try call.ints(1), try call.outputs(3))
      try require(
        input.rank > 0 && sizes.count == outs.count && input.type.isOrdinary,
        "\(outs.count) tensors for \(sizes.count) pieces")
      for out in outs { try requireSameDimOrder(input, out) }
      let dimension = try call.dimension(call.int(2), of: input.rank)
      var start = 0
      for size in sizes {
        try require(size >= 0 && size <= input.sizes[dimension] - start, "pieces larger than the whole")
        start += size
      }
      try require(start == input.sizes[dimension], "pieces smaller than the whole")
      start = 0
      for (out, size) in zip(outs, sizes) {
        try call.copySlice(input, dimension, start: start, count: size, step: 1, to: out)
        start += size
      }
    }
    register("aten::unbind_copy.int_out") { call throws(KernelError) in
      let (input, outs) = (try call.tensor(0), try call.outputs(2))
      try require(input.rank > 0 && input.type.isOrdinary, "a tensor of \(input.type)")
      for out in outs {
        try requireSameDimOrder(input, out)
        try require(out.type == outs[0].type, "results of different types")
      }
      let dimension = try call.dimension(call.int(1), of: input.rank)
      try require(outs.count == input.sizes[dimension], "\(outs.count) tensors for \(input.sizes[dimension]) slices")
      let width = input.elementSize
      for (i, out) in outs.enumerated() {
        try require(out.rank == input.rank - 1, "a slice of another rank")
        for d in 0..<out.rank {
          try require(out.sizes[d] == input.sizes[d < dimension ? d : d + 1], "a slice of another shape")
        }
        if out.type == input.type {
          try call.copyView(input, offset: i * input.strides[dimension] * width, to: out) {
            input.strides[$0 < dimension ? $0 : $0 + 1] * width
          }
        } else {
          try require(out.type.isOrdinary, "\(input.type) and \(out.type)")
          let loop = try StridedLoop(sizes: out.sizes, order: out.dimOrder, operands: 2, context: call.context) {
            $0 == 0 ? out.strides[$1] * out.elementSize : input.strides[$1 < dimension ? $1 : $1 + 1] * width
          }
          try call.convert(
            from: UnsafeRawPointer(input.data) + i * input.strides[dimension] * width, input.type, to: out, loop)
        }
      }
    }
    register("aten::unfold_copy.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(4))
      let dimension = try call.dimension(call.int(1), of: input.rank)
      let (size, step) = (try call.int(2), try call.int(3))
      try require(input.rank > 0 && size >= 0 && size <= input.sizes[dimension] && step > 0, "windows of \(size)")
      try require(input.type.isOrdinary && out.type.isOrdinary, "\(input.type) and \(out.type)")
      try out.resize(
        to: call.sizes(input.rank + 1) {
          $0 == input.rank ? size : $0 == dimension ? (input.sizes[$0] - size) / step + 1 : input.sizes[$0]
        })
      let width = input.elementSize
      func stride(_ d: Int) -> Int {
        (d == input.rank ? input.strides[dimension] : input.strides[d] * (d == dimension ? step : 1)) * width
      }
      if input.type == out.type { return try call.copyView(input, to: out, stride: stride) }
      let loop = try StridedLoop(sizes: out.sizes, order: out.dimOrder, operands: 2, context: call.context) {
        $0 == 0 ? out.strides[$1] * out.elementSize : stride($1)
      }
      try call.convert(from: UnsafeRawPointer(input.data), input.type, to: out, loop)
    }
  }

  private mutating func registerDiagonals() {
    register("aten::diagonal_copy.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(4))
      let (a, b) = (try call.dimension(call.int(2), of: input.rank), try call.dimension(call.int(3), of: input.rank))
      try require(input.rank >= 2 && a != b && input.type == out.type, "a diagonal of one dimension")
      let offset = try call.int(1)
      let (height, width) = (input.sizes[a], input.sizes[b])
      let (firstRow, firstColumn) = (max(-max(offset, -height), 0), max(min(offset, width), 0))
      let count = max(min(height - firstRow, width - firstColumn), 0)
      func dimension(_ d: Int) -> Int {
        var (left, result) = (d, 0)
        for candidate in 0..<input.rank where candidate != a && candidate != b {
          if left == 0 { result = candidate }
          left -= 1
        }
        return result
      }
      try out.resize(to: call.sizes(input.rank - 1) { $0 == input.rank - 2 ? count : input.sizes[dimension($0)] })
      guard count > 0 else { return }
      let start = (firstRow * input.strides[a] + firstColumn * input.strides[b]) * input.elementSize
      try call.copyView(input, offset: start, to: out) {
        ($0 == input.rank - 2 ? input.strides[a] + input.strides[b] : input.strides[dimension($0)]) * input.elementSize
      }
    }
    register("aten::as_strided_copy.out") { call throws(KernelError) in
      let (input, size, stride) = (try call.tensor(0), try call.ints(1), try call.ints(2))
      let (offset, out) = (try call.optionalInt(3) ?? 0, try call.output(4))
      try require(input.type == out.type && size.count == stride.count && offset >= 0, "\(input.type) and \(out.type)")
      var last = offset
      var isEmpty = false
      for (size, stride) in zip(size, stride) {
        try require(size >= 0 && stride >= 0, "a negative size or stride")
        if size == 0 {
          isEmpty = true
          continue
        }
        let (reach, overflow) = stride.multipliedReportingOverflow(by: size - 1)
        let (sum, overflow2) = last.addingReportingOverflow(reach)
        try require(!overflow && !overflow2, "strides that reach too far")
        last = sum
      }
      try require(isEmpty || last < input.count, "strides that reach element \(last) of \(input.count)")
      try out.resize(to: size)
      try call.copyView(input, offset: isEmpty ? 0 : offset * input.elementSize, to: out) {
        stride[$0] * input.elementSize
      }
    }
    register("aten::view_as_real_copy.out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(1))
      let real: ScalarType? =
        switch input.type {
        case .complexHalf: .half
        case .complexFloat: .float
        case .complexDouble: .double
        default: nil
        }
      guard let real, out.type.isFloatingPoint else {
        throw KernelError(.invalidArgument, "\(input.type) and \(out.type)")
      }
      try out.resize(to: call.sizes(input.rank + 1) { $0 == input.rank ? 2 : input.sizes[$0] })
      let loop = try StridedLoop(sizes: out.sizes, order: out.dimOrder, operands: 2, context: call.context) {
        $0 == 0
          ? out.strides[$1] * out.elementSize
          : $1 == input.rank ? real.byteSize : input.strides[$1] * input.elementSize
      }
      try call.convert(from: UnsafeRawPointer(input.data), real, to: out, loop)
    }
    register("aten::tril.out") { call throws(KernelError) in
      let (input, diagonal, out) = (try call.tensor(0), try call.int(1), try call.output(2))
      try require(
        input.type == out.type && input.rank >= 2 && (input.type.isOrdinary || input.count == 0),
        "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      let (rows, columns) = (input.sizes[input.rank - 2], input.sizes[input.rank - 1])
      guard input.count > 0 else { return }
      let width = input.elementSize
      let (rowStride, columnStride) = (input.strides[input.rank - 2] * width, input.strides[input.rank - 1] * width)
      let outer = UnsafeBufferPointer(start: input.state.pointee.sizes, count: input.rank - 2)
      let order = try call.sizes(input.rank - 2) { $0 }
      let bytes: UnsafeMutablePointer<UInt8> = try call.context.scratch(count: input.rank)
      for i in 0..<order.count { bytes[i] = UInt8(i) }
      let loop = try StridedLoop(
        sizes: outer, order: UnsafeBufferPointer(start: bytes, count: order.count), operands: 1, context: call.context
      ) { _, d in input.strides[d] * width }
      let offsets: UnsafeMutablePointer<Int> = try call.context.scratch(count: loop.offsetCount)
      loop.forEachRun(0..<loop.outerCount, offsets) { offsets in
        for inner in 0..<loop.innerCount {
          let base = offsets[0] + inner * loop.innerStride(0)
          for row in 0..<rows {
            let kept = max(min(row + min(max(diagonal, -rows), columns) + 1, columns), 0)
            for column in 0..<columns {
              let place = base + row * rowStride + column * columnStride
              if column < kept {
                (out.data + place).copyMemory(from: input.data + place, byteCount: width)
              } else {
                for i in 0..<width { (out.data + place + i).storeBytes(of: 0, as: UInt8.self) }
              }
            }
          }
        }
      }
    }
  }
}

extension KernelCall {
  func copySame(_ input: Tensor, _ out: Tensor) throws(KernelError) {
    try require(input.type == out.type, "\(input.type) and \(out.type)")
    try requireSameDimOrder(input, out)
    try out.resize(like: input)
    try copyBytes(input, out)
  }

  /// Copies all elements in memory order.
  func copyBytes(_ input: Tensor, _ out: Tensor) throws(KernelError) {
    try require(input.byteCount == out.byteCount, "\(input.count) elements for \(out.count)")
    guard input.byteCount > 0 else { return }
    context.parallel(input.byteCount, grain: 1 << 17) {
      (out.data + $0.lowerBound).copyMemory(from: input.data + $0.lowerBound, byteCount: $0.count)
    }
  }

  /// An index, counted from the end where it is negative.
  func index(_ index: Int, of size: Int) throws(KernelError) -> Int {
    guard index >= -size, index < size else { throw KernelError(.invalidArgument, "index \(index) of \(size)") }
    return index < 0 ? index + size : index
  }

  /// What a slice takes, as in Python.
  func slice(
    start: Int?, end: Int?, step: Int, of size: Int
  ) throws(KernelError) -> (start: Int, count: Int, step: Int) {
    try require(step > 0, "a step of \(step)")
    func inside(_ index: Int) -> Int {
      min(max(index < 0 ? index.addingReportingOverflow(size).partialValue : index, 0), size)
    }
    let first = inside(start ?? 0)
    let last = max(inside(end ?? size), first)
    return (first, (last - first) / step + ((last - first) % step == 0 ? 0 : 1), step)
  }

  func copySlice(
    _ input: Tensor, _ dimension: Int, start: Int, count: Int, step: Int, to out: Tensor
  ) throws(KernelError) {
    try require(input.type == out.type || out.type.isOrdinary, "\(input.type) and \(out.type)")
    try out.resize(to: sizes(input.rank) { $0 == dimension ? count : input.sizes[$0] })
    guard out.count > 0 else { return }
    let width = input.elementSize
    let offset = start * input.strides[dimension] * width
    func stride(_ d: Int) -> Int { input.strides[d] * (d == dimension && count > 1 ? step : 1) * width }
    if input.type == out.type { return try copyView(input, offset: offset, to: out, stride: stride) }
    let loop = try StridedLoop(sizes: out.sizes, order: out.dimOrder, operands: 2, context: context) {
      $0 == 0 ? out.strides[$1] * out.elementSize : stride($1)
    }
    try convert(from: UnsafeRawPointer(input.data) + offset, input.type, to: out, loop)
  }

  /// Converts along a loop whose operands are the output and the input.
  func convert(
    from start: UnsafeRawPointer, _ type: ScalarType, to out: Tensor, _ loop: StridedLoop
  ) throws(KernelError) {
    switch try type.compute() {
    case .int: try convert(Int64.self, from: start, type, to: out, loop)
    case .float: try convert(Float.self, from: start, type, to: out, loop)
    case .double: try convert(Double.self, from: start, type, to: out, loop)
    }
  }

  private func convert<T: Computable>(
    _: T.Type, from start: UnsafeRawPointer, _ type: ScalarType, to out: Tensor, _ loop: StridedLoop
  ) throws(KernelError) {
    let buffer: UnsafeMutablePointer<T> = try context.scratch(count: 256)
    let offsets: UnsafeMutablePointer<Int> = try context.scratch(count: loop.offsetCount)
    loop.forEachRun(0..<loop.outerCount, offsets) { offsets in
      var done = 0
      while done < loop.innerCount {
        let count = min(256, loop.innerCount - done)
        load(start + offsets[1] + done * loop.innerStride(1), type, loop.innerStride(1), count, into: buffer)
        store(
          buffer, out.data + offsets[0] + done * loop.innerStride(0), out.type, loop.innerStride(0), count)
        done += count
      }
    }
  }

  fileprivate func squeeze(_ input: Tensor, _ out: Tensor, _ removes: (Int) -> Bool) throws(KernelError) {
    try require(input.type == out.type, "\(input.type) and \(out.type)")
    let kept: UnsafeMutablePointer<Int> = try context.scratch(count: input.rank)
    var count = 0
    for d in 0..<input.rank where !(removes(d) && input.sizes[d] == 1) {
      kept[count] = input.sizes[d]
      count += 1
    }
    try out.resize(to: UnsafeBufferPointer(start: kept, count: count))
    try copyBytes(input, out)
  }

  fileprivate func permute(_ input: Tensor, _ out: Tensor, _ source: (Int) -> Int) throws(KernelError) {
    try require(input.type == out.type, "\(input.type) and \(out.type)")
    try requireSameDimOrder(input, out)
    var seen: UInt64 = 0
    for d in 0..<input.rank {
      let from = source(d)
      try require(
        (0..<input.rank).contains(from) && seen >> UInt64(from) & 1 == 0, "dimensions that are no permutation")
      seen |= 1 << UInt64(from)
    }
    try out.resize(to: sizes(input.rank) { input.sizes[source($0)] })
    try copyView(input, to: out) { input.strides[source($0)] * input.elementSize }
  }
}
