/// Bytes of unfolded input that are multiplied at a time: they stay in the second-level cache.
private let tileBytes = 256 << 10

/// A convolution as matrix products: filters × unfolded input, a tile of output pixels at a time.
///
/// Where the kernel is one pixel the input needs no unfolding and is multiplied as it lies.
func convolveByProducts(
  _ call: KernelCall, _ s: ConvolutionShape, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
  _ b: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
) throws(KernelError) {
  let (inGroup, outGroup) = (s.channels / s.groups, s.outChannels / s.groups)
  let (area, plane) = (s.height * s.width, s.outHeight * s.outWidth)
  let taps = inGroup * s.kernelHeight * s.kernelWidth
  let isPlain =
    s.kernelHeight == 1 && s.kernelWidth == 1 && s.strideY == 1 && s.strideX == 1 && s.padY == 0 && s.padX == 0
  // Fixed by the shape alone, so that results do not depend on the number of threads.
  let tile: Int
  if isPlain {
    tile = min(max((4 << 20) / max(outGroup * taps, 1) / 64 * 64, 512), plane)
  } else {
    tile = min(max(tileBytes / 4 / max(taps, 1) / 8 * 8, 8), plane)
  }
  let tiles = (plane + tile - 1) / tile
  let room = isPlain ? 0 : taps * tile
  let buffers: UnsafeMutablePointer<Float> = try call.context.scratch(count: room * call.context.pool.threads)
  call.context.parallel(s.batches * s.groups * tiles, grain: 1) { range, worker in
    for piece in range {
      let (line, start) = (piece / tiles, piece % tiles * tile)
      let (batch, group) = (line / s.groups, line % s.groups)
      let count = min(tile, plane - start)
      let source = x + (batch * s.channels + group * inGroup) * area
      let result = y + (batch * s.outChannels + group * outGroup) * plane + start
      if let b {
        for o in 0..<outGroup { (result + o * plane).update(repeating: b[group * outGroup + o], count: count) }
      }
      var (columns, distance) = (source + start, plane)
      if !isPlain {
        let buffer = buffers + worker * room
        unfold(s, source, inGroup, start, count, buffer)
        (columns, distance) = (UnsafePointer(buffer), count)
      }
      BLAS.multiply(
        m: outGroup, n: count, k: taps, w + group * outGroup * taps, lda: taps, columns, ldb: distance,
        beta: b == nil ? 0 : 1, result, ldc: plane)
    }
  }
}

/// Writes, for each tap of the kernel, the inputs that `count` output pixels from `start` on multiply with it.
private func unfold(
  _ s: ConvolutionShape, _ x: UnsafePointer<Float>, _ channels: Int, _ start: Int, _ count: Int,
  _ to: UnsafeMutablePointer<Float>
) {
  var row = to
  let (firstY, firstX) = (start / s.outWidth, start % s.outWidth)
  for c in 0..<channels {
    let plane = x + c * s.height * s.width
    for ky in 0..<s.kernelHeight {
      for kx in 0..<s.kernelWidth {
        var (oy, ox, done) = (firstY, firstX, 0)
        let offset = kx * s.dilationX - s.padX
        while done < count {
          let length = min(s.outWidth - ox, count - done)
          let iy = oy * s.strideY - s.padY + ky * s.dilationY
          let target = row + done
          if iy < 0 || iy >= s.height {
            target.update(repeating: 0, count: length)
          } else {
            // Output columns whose input lies inside the picture.
            let low = min(max(ceilDivision(-offset, s.strideX) - ox, 0), length)
            let high = min(max(ceilDivision(s.width - offset, s.strideX) - ox, low), length)
            if low > 0 { target.update(repeating: 0, count: low) }
            let source = plane + iy * s.width + (ox * s.strideX + offset)
            if s.strideX == 1 {
              if high > low { (target + low).update(from: source + low, count: high - low) }
            } else {
              for i in low..<high { target[i] = source[i * s.strideX] }
            }
            if high < length { (target + high).update(repeating: 0, count: length - high) }
          }
          done += length
          (oy, ox) = (oy + 1, 0)
        }
        row += count
      }
    }
  }
}

@inline(__always)
func ceilDivision(_ a: Int, _ b: Int) -> Int { -floorDivision(-a, b) }

/// One filter a channel.
func depthwise(
  _ call: KernelCall, _ s: ConvolutionShape, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
  _ b: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
) {
  let (area, plane, taps) = (s.height * s.width, s.outHeight * s.outWidth, s.kernelHeight * s.kernelWidth)
  let isSmall = s.kernelHeight == 3 && s.kernelWidth == 3 && s.dilationX == 1 && s.dilationY == 1 && s.strideX <= 2
  call.context.parallel(s.batches * s.channels, grain: max((1 << 16) / max(plane * taps, 1), 1)) { range in
    for line in range {
      let channel = line % s.channels
      let (source, kernel, result) = (x + line * area, w + channel * taps, y + line * plane)
      let bias = b?[channel] ?? 0
      for oy in 0..<s.outHeight {
        let row = result + oy * s.outWidth
        let top = oy * s.strideY - s.padY
        if isSmall && top >= 0 && top + 3 <= s.height {
          depthwiseRow3(s, source + top * s.width, kernel, bias, row)
        } else {
          depthwiseRow(s, source, kernel, bias, oy, 0..<s.outWidth, row)
        }
      }
    }
  }
}

/// Any kernel, with checks.
private func depthwiseRow(
  _ s: ConvolutionShape, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ bias: Float, _ oy: Int,
  _ columns: Range<Int>, _ row: UnsafeMutablePointer<Float>
) {
  for ox in columns {
    var sum = bias
    for ky in 0..<s.kernelHeight {
      let iy = oy * s.strideY - s.padY + ky * s.dilationY
      if iy < 0 || iy >= s.height { continue }
      for kx in 0..<s.kernelWidth {
        let ix = ox * s.strideX - s.padX + kx * s.dilationX
        if ix < 0 || ix >= s.width { continue }
        sum += x[iy * s.width + ix] * w[ky * s.kernelWidth + kx]
      }
    }
    row[ox] = sum
  }
}

/// A row of a 3×3 kernel whose three input rows lie inside the picture: eight pixels at a time where their columns do.
private func depthwiseRow3(
  _ s: ConvolutionShape, _ top: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ bias: Float,
  _ row: UnsafeMutablePointer<Float>
) {
  let width = s.width
  @inline(__always) func checked(_ ox: Int) {
    var sum = bias
    for ky in 0..<3 {
      for kx in 0..<3 {
        let ix = ox * s.strideX - s.padX + kx
        if ix >= 0 && ix < width { sum += top[ky * width + ix] * w[ky * 3 + kx] }
      }
    }
    row[ox] = sum
  }
  let low = min(ceilDivision(s.padX, s.strideX), s.outWidth)
  // Eight pixels of stride 2 read 16 columns and two more.
  let reach = s.strideX == 1 ? 10 : 18
  var ox = 0
  while ox < low {
    checked(ox)
    ox += 1
  }
  let (w0, w1, w2) = (w[0], w[1], w[2])
  let (w3, w4, w5) = (w[3], w[4], w[5])
  let (w6, w7, w8) = (w[6], w[7], w[8])
  while ox + 8 <= s.outWidth && ox * s.strideX - s.padX + reach <= width {
    let place = ox * s.strideX - s.padX
    let a = UnsafeRawPointer(top + place)
    let b = UnsafeRawPointer(top + width + place)
    let c = UnsafeRawPointer(top + 2 * width + place)
    var sum = SIMD8<Float>(repeating: bias)
    if s.strideX == 1 {
      sum += a.loadUnaligned(as: SIMD8<Float>.self) * w0
      sum += (a + 4).loadUnaligned(as: SIMD8<Float>.self) * w1
      sum += (a + 8).loadUnaligned(as: SIMD8<Float>.self) * w2
      sum += b.loadUnaligned(as: SIMD8<Float>.self) * w3
      sum += (b + 4).loadUnaligned(as: SIMD8<Float>.self) * w4
      sum += (b + 8).loadUnaligned(as: SIMD8<Float>.self) * w5
      sum += c.loadUnaligned(as: SIMD8<Float>.self) * w6
      sum += (c + 4).loadUnaligned(as: SIMD8<Float>.self) * w7
      sum += (c + 8).loadUnaligned(as: SIMD8<Float>.self) * w8
    } else {
      let (a0, a2) = (a.loadUnaligned(as: SIMD16<Float>.self), (a + 8).loadUnaligned(as: SIMD16<Float>.self))
      let (b0, b2) = (b.loadUnaligned(as: SIMD16<Float>.self), (b + 8).loadUnaligned(as: SIMD16<Float>.self))
      let (c0, c2) = (c.loadUnaligned(as: SIMD16<Float>.self), (c + 8).loadUnaligned(as: SIMD16<Float>.self))
      sum += a0.evenHalf * w0
      sum += a0.oddHalf * w1
      sum += a2.evenHalf * w2
      sum += b0.evenHalf * w3
      sum += b0.oddHalf * w4
      sum += b2.evenHalf * w5
      sum += c0.evenHalf * w6
      sum += c0.oddHalf * w7
      sum += c2.evenHalf * w8
    }
    UnsafeMutableRawPointer(row + ox).storeBytes(of: sum, as: SIMD8<Float>.self)
    ox += 8
  }
  while ox < s.outWidth {
    checked(ox)
    ox += 1
  }
}
