import ETCore

extension KernelRegistry {
  mutating func registerPadding() {
    register("aten::constant_pad_nd.out") { call throws(KernelError) in
      let (input, pad, value, out) = (try call.tensor(0), try call.ints(1), try call.scalar(2), try call.output(3))
      try require(input.type == out.type && pad.count % 2 == 0 && pad.count / 2 <= input.rank, "\(pad.count) paddings")
      try requireSameDimOrder(input, out)
      for padding in pad { try require(padding >= 0, "a padding of \(padding)") }
      let paddings = try Paddings(call, input, pad)
      try out.resize(to: paddings.sizes)
      try call.fill(out, value)
      // Like the reference, as if what lies in memory were row-major whatever its dim order.
      let (from, to) = (try call.rowMajorStrides(input.sizes), try call.rowMajorStrides(out.sizes))
      let width = input.elementSize
      var start = 0
      for d in 0..<input.rank { start += paddings.before[d] * to[d] }
      guard input.count > 0, out.count > 0 else { return }
      let order: UnsafeMutablePointer<UInt8> = try call.context.scratch(count: input.rank + 1)
      for d in 0..<input.rank { order[d] = UInt8(d) }
      try call.copyBox(
        sizes: input.sizes, order: UnsafeBufferPointer(start: order, count: input.rank), width: width,
        to: out.data + start * width, toStride: { to[$0] * width }, from: UnsafeRawPointer(input.data),
        fromStride: { from[$0] * width })
    }
    for dimensions in 1...3 {
      registerEdges("reflection", dimensions) { place, size in
        place < 0 ? -place : place >= size ? 2 * (size - 1) - place : place
      }
      registerEdges("replication", dimensions) { place, size in min(max(place, 0), size - 1) }
    }
  }

  /// Paddings that take their elements from the input: `source` says from where.
  private mutating func registerEdges(
    _ name: String, _ dimensions: Int, _ source: @escaping @Sendable (Int, Int) -> Int
  ) {
    register("aten::\(name)_pad\(dimensions)d.out") { call throws(KernelError) in
      let (input, pad, out) = (try call.tensor(0), try call.ints(1), try call.output(2))
      try require(input.type == out.type && pad.count == 2 * dimensions, "\(pad.count) paddings")
      try require(input.rank == dimensions + 1 || input.rank == dimensions + 2, "an input of rank \(input.rank)")
      // As the reference, which pads what lies in memory as if it were row-major, but for the first dimension's check.
      try require(
        name == "replication" && dimensions > 1 || input.isContiguous && out.isContiguous,
        "a dim order that is not contiguous")
      let paddings = try Paddings(call, input, pad)
      let strides = try call.rowMajorStrides(input.sizes)
      for d in input.rank - dimensions..<input.rank {
        let size = input.sizes[d]
        try require(size > 0, "an input of \(describe(input.sizes))")
        if name == "reflection" {
          try require(paddings.before[d] < size && paddings.after[d] < size, "a padding of more than the input")
        }
        try require(paddings.sizes[d] >= 1, "a result of \(describe(paddings.sizes))")
      }
      try out.resize(to: paddings.sizes)
      guard out.count > 0, input.count > 0 else { return }
      let (rank, width) = (input.rank, input.elementSize)
      let place: UnsafeMutablePointer<Int> = try call.context.scratch(count: rank)
      for d in 0..<rank { place[d] = 0 }
      for at in 0..<out.count {
        var from = 0
        for d in 0..<rank {
          // Cuts and reflections together may point outside: they are kept inside.
          let own = source(place[d] - paddings.before[d], input.sizes[d])
          from += min(max(own, 0), input.sizes[d] - 1) * strides[d]
        }
        (out.data + at * width).copyMemory(from: input.data + from * width, byteCount: width)
        var d = rank - 1
        while d >= 0 {
          place[d] += 1
          if place[d] < out.sizes[d] { break }
          place[d] = 0
          d -= 1
        }
      }
    }
  }
}

/// Elements added before and after each dimension; a list gives pairs from the last dimension on.
private struct Paddings {
  let before: UnsafeMutablePointer<Int>
  let after: UnsafeMutablePointer<Int>
  let sizes: UnsafeBufferPointer<Int>

  init(_ call: KernelCall, _ input: Tensor, _ pad: UnsafeBufferPointer<Int>) throws(KernelError) {
    let rank = input.rank
    before = try call.context.scratch(count: rank)
    after = try call.context.scratch(count: rank)
    for d in 0..<rank {
      let pair = rank - 1 - d
      (before[d], after[d]) = 2 * pair + 1 < pad.count ? (pad[2 * pair], pad[2 * pair + 1]) : (0, 0)
      try require(before[d].magnitude < 1 << 31 && after[d].magnitude < 1 << 31, "a padding of \(before[d])")
      try require(input.sizes[d] + before[d] + after[d] >= 0, "a padding that cuts more than there is")
    }
    let (before, after) = (before, after)
    sizes = try call.sizes(rank) { input.sizes[$0] + before[$0] + after[$0] }
  }
}
