import ETCore

extension KernelRegistry {
  mutating func registerPools() {
    register("aten::max_pool2d_with_indices.out") { call throws(KernelError) in
      let (input, out, indices) = (try call.tensor(0), try call.output(6), try call.output(7))
      let window = try PoolWindow(call, input, dilated: true, ceil: call.bool(5))
      try require(indices.type == .long, "indices of \(indices.type)")
      try call.checkPool(input, out)
      try out.resize(to: window.outputSizes(call, input))
      try indices.resize(to: out.sizes)
      // The reference writes the indices as the result lies.
      try call.inComputeType(
        input.type,
        MaxPool(call: call, window: window, input: input, out: out, indices: try call.inDimOrder(of: out, indices)))
    }
    register("aten::avg_pool2d.out") { call throws(KernelError) in
      let (input, countsPadding, divisor) = (try call.tensor(0), try call.bool(5), try call.optionalInt(6))
      let out = try call.output(7)
      let window = try PoolWindow(call, input, dilated: false, ceil: call.bool(4))
      try require(divisor != 0, "a divisor of 0")
      try require(input.type.isFloatingPoint || input.type == .long, "an element type of \(input.type)")
      try require(input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
      try call.checkPool(input, out)
      try requireSameDimOrder(input, out)
      try out.resize(to: window.outputSizes(call, input))
      try call.inOwnType(
        input.type,
        AveragePool(call: call, window: window, input: input, out: out, countsPadding: countsPadding, divisor: divisor))
    }
    register("aten::_adaptive_avg_pool2d.out") { call throws(KernelError) in
      let (input, size, out) = (try call.tensor(0), try call.ints(1), try call.output(2))
      try require(input.type == out.type && (input.type.isFloatingPoint || input.type == .long), "\(input.type)")
      try require((input.rank == 3 || input.rank == 4) && size.count == 2, "an input of rank \(input.rank)")
      for d in 1..<input.rank { try require(input.sizes[d] > 0, "an input of \(describe(input.sizes))") }
      try require(size[0] > 0 && size[1] > 0, "a result of \(describe(size))")
      try require(input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
      try out.resize(to: call.sizes(input.rank) { $0 < input.rank - 2 ? input.sizes[$0] : size[$0 - input.rank + 2] })
      try call.inComputeType(input.type, AdaptivePool(call: call, input: input, out: out))
    }
    register("aten::max_pool2d_with_indices_backward.grad_input") { call throws(KernelError) in
      let (gradient, input, indices, out) = (
        try call.tensor(0), try call.tensor(1), try call.tensor(7), try call.output(8)
      )
      let window = try PoolWindow(call, input, dilated: true, ceil: call.bool(6), from: 2)
      try require(indices.type == .long && input.type.isFloatingPoint, "indices of \(indices.type)")
      try require(out.type == input.type, "\(input.type) and \(out.type)")
      try call.checkPool(input, gradient)
      try require(gradient.hasSizes(try window.outputSizes(call, input)), "a gradient of \(describe(gradient.sizes))")
      try require(indices.count == gradient.count, "indices of \(describe(indices.sizes))")
      try out.resize(like: input)
      // The reference takes all of them as they lie, as if they were row-major.
      try call.inComputeType(
        input.type,
        MaxPoolBackward(
          call: call, window: window, gradient: call.ignoringDimOrder(gradient),
          indices: call.ignoringDimOrder(indices),
          out: call.ignoringDimOrder(out)))
    }
  }
}

/// The windows of a pool over the last two dimensions.
private struct PoolWindow {
  let height: Int
  let width: Int
  let kernel: (y: Int, x: Int)
  let stride: (y: Int, x: Int)
  let padding: (y: Int, x: Int)
  let dilation: (y: Int, x: Int)
  let outHeight: Int
  let outWidth: Int
  let planes: Int

  /// Reads kernel size, stride, padding and, where it is dilated, dilation from position `first` on.
  init(_ call: KernelCall, _ input: Tensor, dilated: Bool, ceil: Bool, from first: Int = 1) throws(KernelError) {
    try require(input.rank == 3 || input.rank == 4, "an input of rank \(input.rank)")
    for d in input.rank - 3..<input.rank { try require(input.sizes[d] > 0, "an input of \(describe(input.sizes))") }
    func pair(_ position: Int, _ otherwise: (Int, Int)) throws(KernelError) -> (Int, Int) {
      let list = try call.ints(position)
      try require(list.count <= 2, "\(list.count) numbers for 2 dimensions")
      return list.isEmpty ? otherwise : (list[0], list[list.count - 1])
    }
    kernel = try pair(first, (0, 0))
    stride = try pair(first + 1, kernel)
    padding = try pair(first + 2, (0, 0))
    dilation = dilated ? try pair(first + 3, (1, 1)) : (1, 1)
    let limit = 1 << 24
    for size in [kernel.y, kernel.x, stride.y, stride.x, dilation.y, dilation.x] {
      try require(size > 0 && size < limit, "a kernel, stride or dilation of \(size)")
    }
    try require(
      padding.y >= 0 && padding.x >= 0 && padding.y <= kernel.y / 2 && padding.x <= kernel.x / 2,
      "a padding of more than half the kernel")
    (height, width) = (input.sizes[input.rank - 2], input.sizes[input.rank - 1])
    planes = input.count / (height * width)
    func size(_ length: Int, _ k: Int, _ s: Int, _ p: Int, _ d: Int) -> Int {
      let span = length + 2 * p - d * (k - 1) - 1
      var count = floorDivision(span + (ceil ? s - 1 : 0), s) + 1
      // A window that begins in the padding behind the input is none.
      if ceil && (count - 1) * s >= length + p { count -= 1 }
      return count
    }
    outHeight = size(height, kernel.y, stride.y, padding.y, dilation.y)
    outWidth = size(width, kernel.x, stride.x, padding.x, dilation.x)
    try require(outHeight > 0 && outWidth > 0, "a result of \(outHeight)×\(outWidth)")
  }

  func outputSizes(_ call: KernelCall, _ input: Tensor) throws(KernelError) -> UnsafeBufferPointer<Int> {
    try call.sizes(input.rank) {
      $0 == input.rank - 2 ? outHeight : $0 == input.rank - 1 ? outWidth : input.sizes[$0]
    }
  }
}

extension KernelCall {
  fileprivate func checkPool(_ input: Tensor, _ out: Tensor) throws(KernelError) {
    try require(
      input.type == out.type && input.type.isOrdinary && input.type != .bool, "\(input.type) and \(out.type)")
    for tensor in [input, out] {
      try require(
        tensor.isContiguous || tensor.isChannelsLast, "a dim order that is neither contiguous nor channels last")
    }
  }
}

/// The elements of a kernel that lie inside a picture of `length`, the first at `start` and the others `dilation` apart.
private func inside(_ start: Int, _ dilation: Int, _ kernel: Int, _ length: Int) -> Range<Int> {
  let first = max(0, ceilDivision(-start, dilation))
  return first..<max(first, min(kernel, ceilDivision(length - start, dilation)))
}

private struct MaxPool: InComputeType {
  let call: KernelCall
  let window: PoolWindow
  let input: Tensor
  let out: Tensor
  let indices: Tensor

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    let x = try call.rowMajor(input, as: T.self)
    let (y, places) = (try call.rowMajorResult(out, as: T.self), try call.rowMajorResult(indices, as: Int64.self))
    let s = window
    let (area, plane) = (s.height * s.width, s.outHeight * s.outWidth)
    call.context.parallel(s.planes, grain: max((1 << 14) / plane, 1)) { range in
      for number in range {
        let source = x + number * area
        var at = number * plane
        for oy in 0..<s.outHeight {
          let top = oy * s.stride.y - s.padding.y
          let rows = inside(top, s.dilation.y, s.kernel.y, s.height)
          for ox in 0..<s.outWidth {
            let left = ox * s.stride.x - s.padding.x
            var (best, place): (T?, Int) = (nil, 0)
            let columns = inside(left, s.dilation.x, s.kernel.x, s.width)
            for ky in rows {
              let iy = top + ky * s.dilation.y
              for kx in columns {
                let ix = left + kx * s.dilation.x
                let value = source[iy * s.width + ix]
                if let present = best, !(value > present || (value.isNotANumber && !present.isNotANumber)) { continue }
                (best, place) = (value, iy * s.width + ix)
              }
            }
            y[at] = best ?? .zero
            places[at] = Int64(place)
            at += 1
          }
        }
      }
    }
    try call.finish(y, out)
    try call.finish(places, indices)
  }
}

private struct AveragePool: InComputeType {
  let call: KernelCall
  let window: PoolWindow
  let input: Tensor
  let out: Tensor
  let countsPadding: Bool
  let divisor: Int?

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    let x = try call.rowMajor(input, as: T.self)
    let y = try call.rowMajorResult(out, as: T.self)
    let s = window
    let (area, plane) = (s.height * s.width, s.outHeight * s.outWidth)
    call.context.parallel(s.planes, grain: max((1 << 14) / plane, 1)) { range in
      for number in range {
        let source = x + number * area
        var at = number * plane
        for oy in 0..<s.outHeight {
          for ox in 0..<s.outWidth {
            let (top, left) = (oy * s.stride.y - s.padding.y, ox * s.stride.x - s.padding.x)
            let (bottom, right) = (
              min(top + s.kernel.y, s.height + s.padding.y), min(left + s.kernel.x, s.width + s.padding.x)
            )
            var sum = T.zero
            var inside = 0
            for iy in max(top, 0)..<max(min(bottom, s.height), max(top, 0)) {
              for ix in max(left, 0)..<max(min(right, s.width), max(left, 0)) {
                sum = T.add(sum, source[iy * s.width + ix])
                inside += 1
              }
            }
            y[at] = mean(sum, divisor ?? (countsPadding ? (bottom - top) * (right - left) : inside))
            at += 1
          }
        }
      }
    }
    try call.finish(y, out)
  }
}

@inline(__always)
private func mean<T: Computable>(_ sum: T, _ count: Int) -> T {
  if T.isFloatingPoint {
    return T.scalarType == .double
      ? T(converting: sum.asDouble / Double(count)) : T(converting: sum.asFloat / Float(count))
  }
  return count == 0 ? .zero : T(converting: sum.asInt.dividedReportingOverflow(by: count).partialValue)
}

private struct AdaptivePool: InComputeType {
  let call: KernelCall
  let input: Tensor
  let out: Tensor

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    let x = try call.rowMajor(input, as: T.self)
    let y = try call.rowMajorResult(out, as: T.self)
    let (height, width) = (input.sizes[input.rank - 2], input.sizes[input.rank - 1])
    let (outHeight, outWidth) = (out.sizes[out.rank - 2], out.sizes[out.rank - 1])
    let planes = out.count / (outHeight * outWidth)
    for plane in 0..<planes {
      for oy in 0..<outHeight {
        let (top, bottom) = (oy * height / outHeight, ((oy + 1) * height + outHeight - 1) / outHeight)
        for ox in 0..<outWidth {
          let (left, right) = (ox * width / outWidth, ((ox + 1) * width + outWidth - 1) / outWidth)
          // As the reference, in Float for every type.
          var sum: Float = 0
          for iy in top..<bottom {
            for ix in left..<right { sum += x[(plane * height + iy) * width + ix].asFloat }
          }
          y[(plane * outHeight + oy) * outWidth + ox] = T(
            converting: sum / Float((bottom - top) * (right - left)))
        }
      }
    }
    try call.finish(y, out)
  }
}

private struct MaxPoolBackward: InComputeType {
  let call: KernelCall
  let window: PoolWindow
  let gradient: Tensor
  let indices: Tensor
  let out: Tensor

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    let g = try call.rowMajor(gradient, as: T.self)
    let places = try call.rowMajor(indices, as: Int64.self)
    let y = try call.rowMajorResult(out, as: T.self)
    let (area, plane) = (window.height * window.width, window.outHeight * window.outWidth)
    for i in 0..<out.count { y[i] = .zero }
    for i in 0..<gradient.count {
      let place = places[i]
      if place == -1 { continue }
      try require(place >= 0 && place < area, "index \(place) of \(area)")
      let to = i / plane * area + Int(place)
      y[to] = T.add(y[to], g[i])
    }
    try call.finish(y, out)
  }
}
