/// How a depthwise convolution is cut: each piece computes some rows of one input channel's results.
///
/// Inputs that a tap of the kernel meets lie `stride` apart. They are brought together: input row y and column x, padding
/// counted, go to plane (y mod strideY, x mod strideX), place (y / strideY, x / strideX), all planes of one width. Then
/// each tap is a fixed distance from a result's own place, and a piece is one run from its first result to its last,
/// without an end of a row to look after; what falls between the rows is computed and dropped.
private struct DepthwisePlan {
  let shape: ConvolutionShape
  /// Elements of a row of a plane.
  let pitch: Int
  /// Results' rows in a piece.
  let rows: Int
  let planeRows: Int
  let planeSize: Int
  /// Pieces of a channel.
  let strips: Int

  /// Results that are computed at a time.
  static var block: Int { 32 }

  init(_ s: ConvolutionShape) {
    shape = s
    let below = max(s.kernelHeight - 1, 0) * s.dilationY / s.strideY
    pitch = s.outWidth + max(s.kernelWidth - 1, 0) * s.dilationX / s.strideX
    rows = min(max(4096 / (pitch * s.strideX * s.strideY), 4), s.outHeight)
    planeRows = rows + below
    planeSize = planeRows * pitch
    strips = (s.outHeight + rows - 1) / rows
  }

  /// Elements for all planes; a block may read beyond its last result.
  var gathered: Int { planeSize * shape.strideX * shape.strideY + Self.block }
  /// Elements for results, the dropped ones included.
  var results: Int { rows * pitch + Self.block }

  /// How far the input that a tap meets lies from the result's place.
  func distance(_ ky: Int, _ kx: Int) -> Int {
    let (y, x) = (ky * shape.dilationY, kx * shape.dilationX)
    let plane = y % shape.strideY * shape.strideX + x % shape.strideX
    return plane * planeSize + y / shape.strideY * pitch + x / shape.strideX
  }

  /// Brings the inputs of the results' rows from `top` on to their planes.
  func gather(_ x: UnsafePointer<Float>, top: Int, _ to: UnsafeMutablePointer<Float>) {
    let s = shape
    for phaseX in 0..<s.strideX {
      // Columns of the plane whose input lies inside the picture.
      let low = min(max(ceilDivision(s.padX - phaseX, s.strideX), 0), pitch)
      let high = min(max(ceilDivision(s.width + s.padX - phaseX, s.strideX), low), pitch)
      let first = low * s.strideX + phaseX - s.padX
      for phaseY in 0..<s.strideY {
        var row = to + (phaseY * s.strideX + phaseX) * planeSize
        for r in 0..<planeRows {
          let y = (top + r) * s.strideY + phaseY - s.padY
          if y < 0 || y >= s.height {
            for i in 0..<pitch { row[i] = 0 }
          } else {
            for i in 0..<low { row[i] = 0 }
            copyEvery(s.strideX, x + (y * s.width + first), row + low, high - low)
            for i in high..<pitch { row[i] = 0 }
          }
          row += pitch
        }
      }
    }
  }

  func run(
    _ count: Int, _ bias: Float, _ w: UnsafePointer<Float>, _ distances: UnsafePointer<Int>, _ taps: Int,
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    var at = 0
    while at < count {
      var (a, b) = (SIMD16<Float>(repeating: bias), SIMD16<Float>(repeating: bias))
      let from = UnsafeRawPointer(x + at)
      for tap in 0..<taps {
        let (source, factor) = (from + distances[tap] * 4, w[tap])
        a += source.loadUnaligned(as: SIMD16<Float>.self) * factor
        b += source.loadUnaligned(fromByteOffset: 64, as: SIMD16<Float>.self) * factor
      }
      let to = UnsafeMutableRawPointer(y + at)
      to.storeBytes(of: a, as: SIMD16<Float>.self)
      to.storeBytes(of: b, toByteOffset: 64, as: SIMD16<Float>.self)
      at += Self.block
    }
  }
}

/// Copies `count` elements that lie `stride` apart.
@inline(__always)
func copyEvery(_ stride: Int, _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ count: Int) {
  var i = 0
  if stride == 1 {
    while i + 8 <= count {
      let values = UnsafeRawPointer(from + i).loadUnaligned(as: SIMD8<Float>.self)
      UnsafeMutableRawPointer(to + i).storeBytes(of: values, as: SIMD8<Float>.self)
      i += 8
    }
  } else if stride == 2 {
    // The last of a block lies 14 elements from its first, a vector ends at the 15th.
    while i + 8 < count {
      let values = UnsafeRawPointer(from + 2 * i).loadUnaligned(as: SIMD16<Float>.self).evenHalf
      UnsafeMutableRawPointer(to + i).storeBytes(of: values, as: SIMD8<Float>.self)
      i += 8
    }
  }
  while i < count {
    to[i] = from[i * stride]
    i += 1
  }
}

/// A convolution whose filters see one channel each, of small strides.
func convolveDepthwise(
  _ call: KernelCall, _ s: ConvolutionShape, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
  _ b: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
) throws(KernelError) {
  let plan = DepthwisePlan(s)
  let (taps, filters) = (s.kernelHeight * s.kernelWidth, s.outChannels / s.groups)
  let distances: UnsafeMutablePointer<Int> = try call.context.scratch(count: taps)
  for tap in 0..<taps { distances[tap] = plan.distance(tap / s.kernelWidth, tap % s.kernelWidth) }
  let room = plan.gathered + plan.results
  let memory: UnsafeMutablePointer<Float> = try call.context.scratch(count: room * call.context.pool.threads)
  let grain = max((1 << 16) / max(plan.rows * plan.pitch * taps * filters, 1), 1)
  call.context.parallel(s.batches * s.channels * plan.strips, grain: grain) { pieces, worker in
    let gathered = memory + worker * room
    let results = gathered + plan.gathered
    (results - DepthwisePlan.block).update(repeating: 0, count: DepthwisePlan.block)
    for piece in pieces {
      let (line, strip) = piece.quotientAndRemainder(dividingBy: plan.strips)
      let top = strip * plan.rows
      let height = min(plan.rows, s.outHeight - top)
      plan.gather(x + line * s.height * s.width, top: top, gathered)
      let first = line / s.channels * s.outChannels + line % s.channels * filters
      for filter in first..<first + filters {
        let channel = filter % s.outChannels
        plan.run(
          (height - 1) * plan.pitch + s.outWidth, b?[channel] ?? 0, w + channel * taps, distances, taps, gathered,
          results)
        let to = y + (filter * s.outHeight + top) * s.outWidth
        for r in 0..<height { copyEvery(1, results + r * plan.pitch, to + r * s.outWidth, s.outWidth) }
      }
    }
  }
}
