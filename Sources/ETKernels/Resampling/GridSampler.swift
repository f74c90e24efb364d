import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelRegistry {
  mutating func registerGridSampler() {
    register("aten::grid_sampler_2d.out") { call throws(KernelError) in
      let (input, grid, out) = (try call.tensor(0), try call.tensor(1), try call.output(5))
      let (interpolation, padding, aligned) = (try call.int(2), try call.int(3), try call.bool(4))
      try require(input.rank == 4 && grid.rank == 4 && grid.sizes[3] == 2, "a grid of \(describe(grid.sizes))")
      try require(input.isContiguous, "a dim order that is not contiguous")
      try require(
        input.sizes[0] == grid.sizes[0] && input.type == grid.type && input.type == out.type
          && input.type.isFloatingPoint, "\(input.type), \(grid.type) and \(out.type)")
      guard (0...2).contains(interpolation), let edges = GridSampler.Edges(rawValue: padding) else {
        throw KernelError(.invalidArgument, "interpolation \(interpolation) or padding \(padding)")
      }
      try out.resize(
        to: call.sizes(4) { $0 < 2 ? input.sizes[$0] : grid.sizes[$0 - 1] })
      guard out.count > 0 else { return }
      try require(input.sizes[2] > 0 && input.sizes[3] > 0, "an input of \(describe(input.sizes))")
      try call.inComputeType(
        input.type,
        GridSampler(
          call: call, input: input, grid: grid, out: out, interpolation: interpolation, edges: edges, aligned: aligned))
    }
  }
}

/// Values of a picture at places between its pixels; −1 … 1 spans the picture.
private struct GridSampler: InComputeType {
  enum Edges: Int { case zeros, border, reflection }

  let call: KernelCall
  let input: Tensor
  let grid: Tensor
  let out: Tensor
  let interpolation: Int
  let edges: Edges
  let aligned: Bool

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    if T.self == Float.self { try run(Float.self, Float.self) } else { try run(Double.self, Double.self) }
  }

  private func run<T: Computable, F: BinaryFloatingPoint>(_: T.Type, _: F.Type) throws(KernelError) {
    let (x, g) = (try call.rowMajor(input, as: T.self), try call.rowMajor(grid, as: T.self))
    let y = try call.rowMajorResult(out, as: T.self)
    let (channels, h, w) = (input.sizes[1], input.sizes[2], input.sizes[3])
    let (oh, ow) = (out.sizes[2], out.sizes[3])
    for n in 0..<input.sizes[0] {
      for i in 0..<oh {
        for j in 0..<ow {
          let at = g + ((n * oh + i) * ow + j) * 2
          let (gx, gy) = (F(at[0].asDouble), F(at[1].asDouble))
          for c in 0..<channels {
            let plane = x + (n * channels + c) * h * w
            func pixel(_ row: Int, _ column: Int) -> F {
              edges == .zeros && !(0..<h ~= row && 0..<w ~= column)
                ? 0 : F(plane[min(max(row, 0), h - 1) * w + min(max(column, 0), w - 1)].asDouble)
            }
            let value: F =
              switch interpolation {
              case 0: bilinear(place(gx, w), place(gy, h), pixel)
              case 1:
                pixel(
                  saturating(Double(place(gy, h).rounded(.toNearestOrEven))),
                  saturating(Double(place(gx, w).rounded(.toNearestOrEven))))
              default:
                bicubic(stepwise(gx, w), stepwise(gy, h)) { row, column in
                  guard edges == .reflection else { return pixel(row, column) }
                  return pixel(
                    saturating(Double(reflected(F(row), h))), saturating(Double(reflected(F(column), w))))
                }
              }
            y[((n * channels + c) * oh + i) * ow + j] = T(converting: Double(value))
          }
        }
      }
    }
    try call.finish(y, out)
  }

  private func unnormalized<F: BinaryFloatingPoint>(_ x: F, _ size: Int) -> F {
    aligned ? (x + 1) / 2 * F(size - 1) : ((x + 1) * F(size) - 1) / 2
  }

  /// `unnormalized`, rounded at every step.
  private func stepwise<F: BinaryFloatingPoint>(_ x: F, _ size: Int) -> F {
    aligned ? r(r(r(x + 1) / 2) * F(size - 1)) : r(r(r(r(x + 1) * F(size)) - 1) / 2)
  }

  private func place<F: BinaryFloatingPoint>(_ x: F, _ size: Int) -> F {
    let place = unnormalized(x, size)
    switch edges {
    case .zeros: return place
    case .border: return clipped(place, size)
    case .reflection: return clipped(reflected(place, size), size)
    }
  }

  private func clipped<F: BinaryFloatingPoint>(_ x: F, _ size: Int) -> F { min(F(size - 1), max(x, 0)) }

  private func reflected<F: BinaryFloatingPoint>(_ x: F, _ size: Int) -> F {
    let (low, high) = aligned ? (0, 2 * (size - 1)) : (-1, 2 * size - 1)
    if low == high { return 0 }
    let (least, span) = (F(low) / 2, F(high - low) / 2)
    let distance = (x - least).magnitude
    let extra = distance.truncatingRemainder(dividingBy: span)
    let flips = saturating(Double((distance / span).rounded(.down)))
    return flips % 2 == 0 ? extra + least : span - extra + least
  }

  private func bilinear<F: BinaryFloatingPoint>(_ x: F, _ y: F, _ pixel: (Int, Int) -> F) -> F {
    let (left, top) = (x.rounded(.down), y.rounded(.down))
    let (column, row) = (saturating(Double(left)), saturating(Double(top)))
    let (right, below) = (column.addingReportingOverflow(1).partialValue, row.addingReportingOverflow(1).partialValue)
    let (u, v) = (x - left, y - top)
    return pixel(row, column) * (1 - u) * (1 - v) + pixel(row, right) * u * (1 - v) + pixel(below, column) * (1 - u) * v
      + pixel(below, right) * u * v
  }

  /// Keys' cubic convolution with A = −0.75, as in PyTorch; 16-bit floats are rounded at every step, as in the reference.
  private func bicubic<F: BinaryFloatingPoint>(_ x: F, _ y: F, _ pixel: (Int, Int) -> F) -> F {
    let (left, top) = (x.rounded(.down), y.rounded(.down))
    let (column, row) = (saturating(Double(left)), saturating(Double(top)))
    func weights(_ t: F) -> (F, F, F, F) {
      let a: F = -0.75
      func near(_ x: F) -> F { r(r(r(r(r((a + 2) * x) - (a + 3)) * x) * x) + 1) }
      func far(_ x: F) -> F { r(r(r(r(r(r(a * x) - 5 * a) * x) + 8 * a) * x) - 4 * a) }
      let other = r(1 - t)
      return (far(r(t + 1)), near(t), near(other), far(r(other + 1)))
    }
    let (u, v) = (weights(r(x - left)), weights(r(y - top)))
    func line(_ offset: Int) -> F {
      let here = row.addingReportingOverflow(offset).partialValue
      func at(_ offset: Int) -> F { pixel(here, column.addingReportingOverflow(offset).partialValue) }
      return r(r(r(r(at(-1) * u.0) + r(at(0) * u.1)) + r(at(1) * u.2)) + r(at(2) * u.3))
    }
    return r(r(r(r(line(-1) * v.0) + r(line(0) * v.1)) + r(line(1) * v.2)) + r(line(2) * v.3))
  }

  /// A number as the elements' type holds it, where that is a 16-bit float.
  private func r<F: BinaryFloatingPoint>(_ x: F) -> F {
    input.type == .half || input.type == .bfloat16 ? F(Rounding(type: input.type)(Double(x))) : x
  }
}
