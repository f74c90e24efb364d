/// Elements of unfolded input that are multiplied at a time, where that is enough columns: they stay in the second-level
/// cache.
private let unfoldedElements = 1 << 16

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
  // Fixed by the shape alone, so that results do not depend on the number of threads.
  let tile: Int
  if s.isPointwise {
    tile = min(max((4 << 20) / max(outGroup * taps, 1) / 64 * 64, 512), plane)
  } else {
    tile = min(max(unfoldedElements / max(taps, 1) / 16 * 16, 64), plane)
  }
  let tiles = (plane + tile - 1) / tile
  // Where there is one tile and nothing to unfold, filters are divided.
  let rows = s.isPointwise && tiles == 1 ? min(max((1 << 21) / max(taps * plane, 1) / 16 * 16, 32), outGroup) : outGroup
  let strips = (outGroup + rows - 1) / rows
  let (room, overflow) = taps.multipliedReportingOverflow(by: s.isPointwise ? 0 : tile)
  try require(!overflow, "a kernel of \(taps) elements")
  let buffers: UnsafeMutablePointer<Float> = try call.context.scratch(count: room * call.context.pool.threads)
  let grain = max((1 << 18) / max(rows * taps * tile, 1), 1)
  call.context.parallel(s.batches * s.groups * tiles * strips, grain: grain) { range, worker in
    for piece in range {
      let (place, strip) = piece.quotientAndRemainder(dividingBy: strips)
      let (line, number) = place.quotientAndRemainder(dividingBy: tiles)
      let (batch, group) = line.quotientAndRemainder(dividingBy: s.groups)
      let start = number * tile
      let count = min(tile, plane - start)
      let source = x + (batch * s.channels + group * inGroup) * area
      let first = group * outGroup + strip * rows
      let filters = min(rows, outGroup - strip * rows)
      let result = y + (batch * s.outChannels + first) * plane + start
      if let b {
        for o in 0..<filters { (result + o * plane).update(repeating: b[first + o], count: count) }
      }
      var (columns, distance) = (source + start, plane)
      if !s.isPointwise {
        let buffer = buffers + worker * room
        unfold(s, source, inGroup, start, count, buffer)
        (columns, distance) = (UnsafePointer(buffer), count)
      }
      BLAS.multiply(
        m: filters, n: count, k: taps, w + first * taps, lda: taps, columns, ldb: distance,
        beta: b == nil ? 0 : 1, result, ldc: plane)
    }
  }
}

/// Writes, for each tap of the kernel, the inputs that `count` output pixels from `start` on multiply with it.
private func unfold(
  _ s: ConvolutionShape, _ x: UnsafePointer<Float>, _ channels: Int, _ start: Int, _ count: Int,
  _ to: UnsafeMutablePointer<Float>
) {
  let (firstY, firstX) = start.quotientAndRemainder(dividingBy: s.outWidth)
  for kx in 0..<s.kernelWidth {
    let offset = kx * s.dilationX - s.padX
    // Output columns whose input lies inside the picture.
    let inside = min(max(ceilDivision(-offset, s.strideX), 0), s.outWidth)
    let outside = min(max(ceilDivision(s.width - offset, s.strideX), inside), s.outWidth)
    for c in 0..<channels {
      for ky in 0..<s.kernelHeight {
        let row = to + ((c * s.kernelHeight + ky) * s.kernelWidth + kx) * count
        var (oy, ox, done) = (firstY, firstX, 0)
        while done < count {
          let length = min(s.outWidth - ox, count - done)
          let iy = oy * s.strideY - s.padY + ky * s.dilationY
          let target = row + done
          if iy < 0 || iy >= s.height {
            target.update(repeating: 0, count: length)
          } else {
            let low = min(max(inside - ox, 0), length)
            let high = min(max(outside - ox, low), length)
            for i in 0..<low { target[i] = 0 }
            let source = x + ((c * s.height + iy) * s.width + ((ox + low) * s.strideX + offset))
            copyEvery(s.strideX, source, target + low, high - low)
            for i in high..<length { target[i] = 0 }
          }
          done += length
          (oy, ox) = (oy + 1, 0)
        }
      }
    }
  }
}

/// A transposed convolution as matrix products: what every input gives to each tap, then folded to where the taps lie.
func convolveTransposedByProducts(
  _ call: KernelCall, _ s: ConvolutionShape, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
  _ b: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
) throws(KernelError) {
  let (inGroup, outGroup) = (s.channels / s.groups, s.outChannels / s.groups)
  let (area, plane, taps) = (s.height * s.width, s.outHeight * s.outWidth, s.kernelHeight * s.kernelWidth)
  let (share, overflow) = taps.multipliedReportingOverflow(by: area)
  try require(!overflow, "a kernel of \(taps) elements")
  // Filters in a piece.
  let filters = min(max(unfoldedElements / max(share, 1), 1), outGroup)
  let pieces = (outGroup + filters - 1) / filters
  let room = share * filters
  let buffers: UnsafeMutablePointer<Float> = try call.context.scratch(count: room * call.context.pool.threads)
  call.context.parallel(s.batches * s.groups * pieces, grain: 1) { range, worker in
    let buffer = buffers + worker * room
    for piece in range {
      let (line, number) = piece.quotientAndRemainder(dividingBy: pieces)
      let (batch, group) = line.quotientAndRemainder(dividingBy: s.groups)
      let first = number * filters
      let count = min(filters, outGroup - first)
      BLAS.multiply(
        m: count * taps, n: area, k: inGroup, w + (group * inGroup * outGroup + first) * taps, lda: outGroup * taps,
        transposeA: true, x + (batch * s.channels + group * inGroup) * area, ldb: area, buffer, ldc: area)
      for own in 0..<count {
        let channel = group * outGroup + first + own
        let result = y + (batch * s.outChannels + channel) * plane
        result.update(repeating: b?[channel] ?? 0, count: plane)
        fold(s, buffer + own * share, result)
      }
    }
  }
}

private func fold(_ s: ConvolutionShape, _ from: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>) {
  for kx in 0..<s.kernelWidth {
    let offset = kx * s.dilationX - s.padX
    let (low, high) = s.inputsInside(offset)
    for ky in 0..<s.kernelHeight {
      for iy in 0..<s.height {
        let oy = iy * s.strideY - s.padY + ky * s.dilationY
        if oy < 0 || oy >= s.outHeight { continue }
        let to = result + (oy * s.outWidth + low * s.strideX + offset)
        let source = from + (((ky * s.kernelWidth + kx) * s.height + iy) * s.width + low)
        if s.strideX == 1 {
          for i in 0..<high - low { to[i] += source[i] }
        } else {
          for i in 0..<high - low { to[i &* s.strideX] += source[i] }
        }
      }
    }
  }
}
