import ETCore

extension KernelRegistry {
  mutating func registerUpsampling() {
    register("aten::upsample_nearest2d.vec_out") { call throws(KernelError) in
      let (input, out) = (try call.tensor(0), try call.output(3))
      let (height, width) = try call.scales(input, out, sizePosition: 1, scalePosition: 2, aligned: false)
      try call.inComputeType(input.type, Nearest(call: call, input: input, out: out, height: height, width: width))
    }
    register("aten::upsample_bilinear2d.vec_out") { call throws(KernelError) in
      let (input, aligned, out) = (try call.tensor(0), try call.bool(2), try call.output(4))
      let (height, width) = try call.scales(input, out, sizePosition: 1, scalePosition: 3, aligned: aligned)
      try call.inComputeType(
        input.type,
        Bilinear(call: call, input: input, out: out, height: height, width: width, aligned: aligned))
    }
    register("aten::_upsample_bilinear2d_aa.out") { call throws(KernelError) in
      let (input, size, aligned) = (try call.tensor(0), try call.ints(1), try call.bool(2))
      let (scaleY, scaleX, out) = (try call.optionalDouble(3), try call.optionalDouble(4), try call.output(5))
      try require(input.rank == 4 && out.rank == 4 && size.count == 2, "an input of rank \(input.rank)")
      try require(input.type == out.type && input.type.isOrdinary && input.type != .bool, "\(input.type)")
      try require(
        out.sizes[0] == input.sizes[0] && out.sizes[1] == input.sizes[1] && out.sizes[2] == size[0]
          && out.sizes[3] == size[1] && size[0] > 0 && size[1] > 0, "a result of \(describe(out.sizes))")
      try require(input.sizes[2] > 0 && input.sizes[3] > 0, "an input of \(describe(input.sizes))")
      let given = scaleY != nil && scaleX != nil
      let (y, x) = (
        given ? scaleY ?? 1 : Double(size[0]) / Double(input.sizes[2]),
        given ? scaleX ?? 1 : Double(size[1]) / Double(input.sizes[3])
      )
      let (height, width) = (
        scale(input.sizes[2], size[0], aligned, y), scale(input.sizes[3], size[1], aligned, x)
      )
      try require(height.isFinite && width.isFinite && height >= 0 && width >= 0, "a scale of \(y) or \(x)")
      // A window as large as the input, for each pixel, is no resizing.
      try require(
        height <= 2 * Double(input.sizes[2]) / Double(size[0]) + 2
          && width <= 2 * Double(input.sizes[3]) / Double(size[1]) + 2,
        "a scale of \(y) and \(x) for \(describe(size))")
      try call.inComputeType(
        input.type,
        Antialiased(
          call: call, input: input, out: try call.inDimOrder(of: input, out), height: Float(height), width: Float(width)
        ))
    }
  }
}

/// Input pixels an output pixel.
private func scale(_ input: Int, _ output: Int, _ aligned: Bool, _ factor: Double) -> Double {
  if aligned { return output > 1 ? Double(input - 1) / Double(output - 1) : 0 }
  return 1 / factor
}

extension KernelCall {
  /// Resizes the result and gives how many input pixels lie under an output pixel, vertically and horizontally.
  fileprivate func scales(
    _ input: Tensor, _ out: Tensor, sizePosition: Int, scalePosition: Int, aligned: Bool
  ) throws(KernelError) -> (Float, Float) {
    let (size, factors) = (try optionalInts(sizePosition), try optionalDoubles(scalePosition))
    try require(input.type == out.type && input.type.isOrdinary && input.type != .bool, "\(input.type) and \(out.type)")
    try require(input.rank == 4 && out.rank == 4, "an input of rank \(input.rank)")
    try requireSameDimOrder(input, out)
    try require((size == nil) != (factors == nil), "neither or both of size and scale")
    let (height, width) = (input.sizes[2], input.sizes[3])
    let target: (Int, Int)
    let scale: (Double, Double)
    if let size {
      try require(size.count == 2 && size[0] > 0 && size[1] > 0, "a size of \(describe(size))")
      try require(height > 0 && width > 0, "an input of \(describe(input.sizes))")
      target = (size[0], size[1])
      scale = (Double(size[0]) / Double(height), Double(size[1]) / Double(width))
    } else {
      guard let factors, factors.count == 2, factors[0] > 0, factors[1] > 0 else {
        throw KernelError(.invalidArgument, "scales that are not positive")
      }
      scale = (factors[0], factors[1])
      target = (saturating(Double(height) * factors[0]), saturating(Double(width) * factors[1]))
    }
    try require(target.0 > 0 && target.1 > 0, "a result of \(target.0)×\(target.1)")
    try out.resize(to: sizes(4) { $0 < 2 ? input.sizes[$0] : $0 == 2 ? target.0 : target.1 })
    return (
      Float(ETKernels.scale(height, target.0, aligned, scale.0)),
      Float(ETKernels.scale(width, target.1, aligned, scale.1))
    )
  }
}

private struct Nearest: InComputeType {
  let call: KernelCall
  let input: Tensor
  let out: Tensor
  let height: Float
  let width: Float

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    guard out.count > 0 else { return }
    let x = try call.rowMajor(input, as: T.self)
    let y = try call.rowMajorResult(out, as: T.self)
    let (h, w, oh, ow) = (input.sizes[2], input.sizes[3], out.sizes[2], out.sizes[3])
    for plane in 0..<input.sizes[0] * input.sizes[1] {
      for i in 0..<oh {
        let row = min(saturating(Double(Float(i) * height)), h - 1)
        for j in 0..<ow {
          let column = min(saturating(Double(Float(j) * width)), w - 1)
          y[(plane * oh + i) * ow + j] = x[(plane * h + row) * w + column]
        }
      }
    }
    try call.finish(y, out)
  }
}

/// Two pixels and what each counts.
private struct Blend {
  let first: Int
  let second: Int
  let weight: Float
  let otherWeight: Float

  init(_ place: Int, scale: Float, input: Int, output: Int, aligned: Bool) {
    if input == output {
      (first, second, weight, otherWeight) = (place, place, 1, 0)
      return
    }
    let source = aligned ? scale * Float(place) : max(scale * (Float(place) + 0.5) - 0.5, 0)
    first = min(saturating(Double(source)), input - 1)
    second = first + (first < input - 1 ? 1 : 0)
    otherWeight = min(max(source - Float(first), 0), 1)
    weight = 1 - otherWeight
  }
}

private struct Bilinear: InComputeType {
  let call: KernelCall
  let input: Tensor
  let out: Tensor
  let height: Float
  let width: Float
  let aligned: Bool

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    guard out.count > 0 else { return }
    let x = try call.rowMajor(input, as: T.self)
    let y = try call.rowMajorResult(out, as: T.self)
    let (h, w, oh, ow) = (input.sizes[2], input.sizes[3], out.sizes[2], out.sizes[3])
    for plane in 0..<input.sizes[0] * input.sizes[1] {
      let source = x + plane * h * w
      for i in 0..<oh {
        let v = Blend(i, scale: height, input: h, output: oh, aligned: aligned)
        for j in 0..<ow {
          let u = Blend(j, scale: width, input: w, output: ow, aligned: aligned)
          func row(_ r: Int) -> Double {
            source[r * w + u.first].asDouble * Double(u.weight) + source[r * w + u.second].asDouble
              * Double(u.otherWeight)
          }
          y[(plane * oh + i) * ow + j] = T(
            converting: row(v.first) * Double(v.weight) + row(v.second) * Double(v.otherWeight))
        }
      }
    }
    try call.finish(y, out)
  }
}

/// The input pixels under a triangle as wide as an output pixel, and their weights, which add up to 1.
private struct Triangle {
  let first: Int
  let last: Int
  private let fallback: Bool
  private let centre: Float
  private let inverse: Float
  private var total: Float = 1

  init(_ place: Int, scale: Float, input: Int) {
    centre = scale * (Float(place) + 0.5)
    let support = max(scale, 1)
    inverse = scale >= 1 ? 1 / scale : 1
    let low = max(saturating(Double(centre - support + 0.5)), 0)
    let high = min(saturating(Double(centre + support + 0.5)), input)
    var sum: Float = 0
    if high > low { for i in low..<high { sum += max(1 - ((Float(i) - centre + 0.5) * inverse).magnitude, 0) } }
    if sum > 0 {
      (first, last, fallback, total) = (low, high, false, sum)
    } else {
      let nearest = max(0, min(saturating(Double(centre)), input - 1))
      (first, last, fallback) = (nearest, nearest + 1, true)
    }
  }

  func weight(_ place: Int) -> Float {
    fallback ? 1 : max(1 - ((Float(place) - centre + 0.5) * inverse).magnitude, 0) / total
  }
}

private struct Antialiased: InComputeType {
  let call: KernelCall
  let input: Tensor
  let out: Tensor
  let height: Float
  let width: Float

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    guard out.count > 0 else { return }
    let x = try call.rowMajor(input, as: T.self)
    let y = try call.rowMajorResult(out, as: T.self)
    let (h, w, oh, ow) = (input.sizes[2], input.sizes[3], out.sizes[2], out.sizes[3])
    let round = Rounding(type: input.type == .float ? .double : input.type)
    let columns: UnsafeMutablePointer<Triangle> = try call.context.scratch(count: ow)
    for j in 0..<ow { columns[j] = Triangle(j, scale: width, input: w) }
    for i in 0..<oh {
      let v = Triangle(i, scale: height, input: h)
      for j in 0..<ow {
        let u = columns[j]
        for plane in 0..<input.sizes[0] * input.sizes[1] {
          var sum = 0.0
          for r in v.first..<v.last {
            for c in u.first..<u.last {
              // In the element's type, as the reference adds.
              let term = x[(plane * h + r) * w + c].asFloat * v.weight(r) * u.weight(c)
              sum = round(sum + (input.type.isFloatingPoint ? round(Double(term)) : Double(term)))
            }
          }
          y[(plane * oh + i) * ow + j] = T(converting: sum)
        }
      }
    }
    try call.finish(y, out)
  }
}
