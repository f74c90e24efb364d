import ETCore

extension KernelRegistry {
  mutating func registerConvolutions() {
    register("aten::convolution.out") { call throws(KernelError) in
      let (input, weight, bias) = (try call.tensor(0), try call.tensor(1), try call.optionalTensor(2))
      let out = try call.output(9)
      let shape = try ConvolutionShape(call, input, weight)
      try shape.check(input, weight, bias, out)
      try out.resize(to: shape.outputSizes(call, input))
      guard out.count > 0 else { return }
      try call.inOwnType(
        input.type, Convolve(call: call, shape: shape, input: input, weight: weight, bias: bias, out: out))
    }
    registerConvolutionBackward()
  }
}

/// Sizes of a two-dimensional convolution; one dimension is a picture of height 1.
struct ConvolutionShape {
  let isOneDimensional: Bool
  let batches: Int
  let channels: Int
  var height: Int
  var width: Int
  let outChannels: Int
  var outHeight: Int
  var outWidth: Int
  let groups: Int
  var kernelHeight: Int
  var kernelWidth: Int
  var strideY: Int
  var strideX: Int
  var padY: Int
  var padX: Int
  var dilationY: Int
  var dilationX: Int
  let transposed: Bool

  /// Reads the arguments of `convolution`: stride, padding, dilation, transposed, output padding, groups from 3 on.
  init(_ call: KernelCall, _ input: Tensor, _ weight: Tensor, from first: Int = 3) throws(KernelError) {
    let (stride, padding, dilation) = (try call.ints(first), try call.ints(first + 1), try call.ints(first + 2))
    let outputPadding = try call.ints(first + 4)
    transposed = try call.bool(first + 3)
    groups = try call.int(first + 5)
    try require((input.rank == 3 || input.rank == 4) && weight.rank == input.rank, "an input of rank \(input.rank)")
    isOneDimensional = input.rank == 3
    let dimensions = input.rank - 2
    func at(_ list: UnsafeBufferPointer<Int>, _ axis: Int, _ otherwise: Int) -> Int {
      // A list of one stands for all dimensions; of a line the only axis is the last.
      let index = dimensions == 1 ? axis - 1 : axis
      if index < 0 || list.isEmpty { return otherwise }
      return list.count == 1 ? list[0] : index < list.count ? list[index] : otherwise
    }
    for list in [stride, padding, dilation] {
      try require(list.count == 1 || list.count == dimensions, "\(list.count) numbers for \(dimensions) dimensions")
    }
    (strideY, strideX) = (at(stride, 0, 1), at(stride, 1, 1))
    (padY, padX) = (at(padding, 0, 0), at(padding, 1, 0))
    (dilationY, dilationX) = (at(dilation, 0, 1), at(dilation, 1, 1))
    let limit = 1 << 24
    for value in [strideY, strideX, dilationY, dilationX] {
      try require(value > 0 && value < limit, "a stride or dilation of \(value)")
    }
    for value in [padY, padX] { try require(value >= 0 && value < limit, "a padding of \(value)") }
    try require(groups > 0, "\(groups) groups")
    batches = input.sizes[0]
    channels = input.sizes[1]
    (height, width) = isOneDimensional ? (1, input.sizes[2]) : (input.sizes[2], input.sizes[3])
    (kernelHeight, kernelWidth) = isOneDimensional ? (1, weight.sizes[2]) : (weight.sizes[2], weight.sizes[3])
    try require(kernelHeight < limit && kernelWidth < limit, "a kernel of \(kernelHeight)×\(kernelWidth)")
    outChannels = transposed ? weight.sizes[1].multipliedReportingOverflow(by: groups).partialValue : weight.sizes[0]
    if transposed {
      let (extraY, extraX) = (at(outputPadding, 0, 0), at(outputPadding, 1, 0))
      try require(
        extraY >= 0 && extraX >= 0 && extraX < max(strideX, dilationX) && extraY < max(strideY, dilationY),
        "an output padding of \(extraX)")
      outHeight = (height - 1) * strideY - 2 * padY + dilationY * (kernelHeight - 1) + extraY + 1
      outWidth = (width - 1) * strideX - 2 * padX + dilationX * (kernelWidth - 1) + extraX + 1
    } else {
      outHeight = floorDivision(height + 2 * padY - dilationY * (kernelHeight - 1) - 1, strideY) + 1
      outWidth = floorDivision(width + 2 * padX - dilationX * (kernelWidth - 1) - 1, strideX) + 1
    }
  }

  func check(_ input: Tensor, _ weight: Tensor, _ bias: Tensor?, _ out: Tensor) throws(KernelError) {
    try require(
      input.type == weight.type && input.type == out.type && input.type.isOrdinary && input.type != .bool,
      "\(input.type), \(weight.type) and \(out.type)")
    try require(input.isContiguous || input.isChannelsLast, "an input of another dim order")
    try require(transposed || weight.isContiguous || weight.isChannelsLast, "a weight of another dim order")
    try require(out.isContiguous || out.isChannelsLast, "a result of another dim order")
    try requireSameDimOrder(input, out)
    if let bias {
      try require(bias.rank == 1 && bias.sizes[0] == outChannels, "a bias of \(describe(bias.sizes))")
    }
    try require(
      weight.sizes[0] >= groups && weight.sizes[0] % groups == 0, "\(weight.sizes[0]) filters in \(groups) groups")
    if transposed {
      try require(channels == weight.sizes[0], "\(channels) channels for \(weight.sizes[0])")
    } else {
      let (expected, overflow) = weight.sizes[1].multipliedReportingOverflow(by: groups)
      try require(!overflow && channels == expected, "\(channels) channels for \(expected)")
    }
    try require(outHeight > 0 && outWidth > 0, "a result of \(outHeight)×\(outWidth)")
  }

  /// Whether each result is made of the input at its own place.
  var isPointwise: Bool {
    kernelHeight == 1 && kernelWidth == 1 && strideY == 1 && strideX == 1 && padY == 0 && padX == 0
  }

  /// The same convolution with a line that stands upright lying down, where its rows are longer.
  var turned: ConvolutionShape {
    guard width == 1 && outWidth == 1 && kernelWidth == 1 && padX == 0 else { return self }
    var turned = self
    (turned.height, turned.width) = (width, height)
    (turned.outHeight, turned.outWidth) = (outWidth, outHeight)
    (turned.kernelHeight, turned.kernelWidth) = (kernelWidth, kernelHeight)
    (turned.strideY, turned.strideX) = (strideX, strideY)
    (turned.padY, turned.padX) = (padX, padY)
    (turned.dilationY, turned.dilationX) = (dilationX, dilationY)
    return turned
  }

  /// Of a transposed convolution: the columns of the input that a column of the kernel brings inside the result.
  func inputsInside(_ offset: Int) -> (low: Int, high: Int) {
    let low = min(max(ceilDivision(-offset, strideX), 0), width)
    return (low, min(max(ceilDivision(outWidth - offset, strideX), low), width))
  }

  func outputSizes(_ call: KernelCall, _ input: Tensor) throws(KernelError) -> UnsafeBufferPointer<Int> {
    try call.sizes(input.rank) {
      $0 == 0 ? batches : $0 == 1 ? outChannels : $0 == 2 && !isOneDimensional ? outHeight : outWidth
    }
  }
}

@inline(__always)
func ceilDivision(_ a: Int, _ b: Int) -> Int { -floorDivision(-a, b) }

func floorDivision(_ a: Int, _ b: Int) -> Int {
  let quotient = a / b
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient
}

private struct Convolve: InComputeType {
  let call: KernelCall
  let shape: ConvolutionShape
  let input: Tensor
  let weight: Tensor
  let bias: Tensor?
  let out: Tensor

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    let (x, w) = (try call.rowMajor(input, as: T.self), try call.rowMajor(weight, as: T.self))
    let b = try bias.map { (bias) throws(KernelError) in try call.rowMajor(bias, as: T.self) }
    let y = try call.rowMajorResult(out, as: T.self)
    if input.count == 0 || weight.count == 0 {
      // No tap meets a pixel, however many there seem to be.
      let plane = shape.outHeight * shape.outWidth
      for line in 0..<shape.batches * shape.outChannels {
        (y + line * plane).update(repeating: b?[line % shape.outChannels] ?? .zero, count: plane)
      }
    } else if let x = x as? UnsafePointer<Float>, let w = w as? UnsafePointer<Float>,
      let y = y as? UnsafeMutablePointer<Float>, isPaddingSilent(w)
    {
      try convolveFloats(x, w, b as? UnsafePointer<Float>, y)
    } else if shape.transposed {
      scatter(x, w, b, y)
    } else {
      direct(x, w, b, y)
    }
    try call.finish(y, out)
  }

  private func convolveFloats(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ b: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
  ) throws(KernelError) {
    let s = shape.turned
    if s.transposed {
      try convolveTransposedByProducts(call, s, x, w, b, y)
    } else if s.groups == s.channels && s.groups > 1 && s.strideX <= 4 && s.strideY <= 4 {
      try convolveDepthwise(call, s, x, w, b, y)
    } else {
      try convolveByProducts(call, s, x, w, b, y)
    }
  }

  /// Whether padding may be multiplied as zeros: not by infinity, nor by what is no number.
  private func isPaddingSilent(_ w: UnsafePointer<Float>) -> Bool {
    if shape.padY == 0 && shape.padX == 0 { return true }
    var sums = SIMD8<Float>.zero
    var i = 0
    while i + 8 <= weight.count {
      sums += UnsafeRawPointer(w + i).loadUnaligned(as: SIMD8<Float>.self) * 0
      i += 8
    }
    while i < weight.count {
      sums[0] += w[i] * 0
      i += 1
    }
    return sums.sum() == 0
  }

  /// Every result as a sum over the kernel.
  private func direct<T: Computable>(
    _ x: UnsafePointer<T>, _ w: UnsafePointer<T>, _ b: UnsafePointer<T>?, _ y: UnsafeMutablePointer<T>
  ) {
    let s = shape
    let (inGroup, outGroup) = (s.channels / s.groups, s.outChannels / s.groups)
    let plane = s.outHeight * s.outWidth
    call.context.parallel(s.batches * s.outChannels, grain: 1) { range in
      for line in range {
        let (batch, channel) = (line / s.outChannels, line % s.outChannels)
        let first = channel / outGroup * inGroup
        for oy in 0..<s.outHeight {
          for ox in 0..<s.outWidth {
            var sum = T.zero
            for c in 0..<inGroup {
              let source = x + (batch * s.channels + first + c) * s.height * s.width
              let kernel = w + (channel * inGroup + c) * s.kernelHeight * s.kernelWidth
              for ky in 0..<s.kernelHeight {
                let iy = oy * s.strideY - s.padY + ky * s.dilationY
                guard iy >= 0, iy < s.height else { continue }
                for kx in 0..<s.kernelWidth {
                  let ix = ox * s.strideX - s.padX + kx * s.dilationX
                  guard ix >= 0, ix < s.width else { continue }
                  sum = T.add(sum, T.multiply(source[iy * s.width + ix], kernel[ky * s.kernelWidth + kx]))
                }
              }
            }
            y[line * plane + oy * s.outWidth + ox] = b.map { T.add(sum, $0[channel]) } ?? sum
          }
        }
      }
    }
  }

  /// Transposed: every input is spread over the kernel.
  private func scatter<T: Computable>(
    _ x: UnsafePointer<T>, _ w: UnsafePointer<T>, _ b: UnsafePointer<T>?, _ y: UnsafeMutablePointer<T>
  ) {
    let s = shape
    let (inGroup, outGroup) = (s.channels / s.groups, s.outChannels / s.groups)
    let plane = s.outHeight * s.outWidth
    call.context.parallel(s.batches * s.outChannels, grain: 1) { range in
      for line in range {
        let (batch, channel) = (line / s.outChannels, line % s.outChannels)
        let (group, own) = (channel / outGroup, channel % outGroup)
        let result = y + line * plane
        for i in 0..<plane { result[i] = b?[channel] ?? .zero }
        for iy in 0..<s.height {
          for ix in 0..<s.width {
            for c in 0..<inGroup {
              let source = x + (batch * s.channels + group * inGroup + c) * s.height * s.width
              let kernel = w + ((group * inGroup + c) * outGroup + own) * s.kernelHeight * s.kernelWidth
              let value = source[iy * s.width + ix]
              for ky in 0..<s.kernelHeight {
                let oy = iy * s.strideY - s.padY + ky * s.dilationY
                guard oy >= 0, oy < s.outHeight else { continue }
                for kx in 0..<s.kernelWidth {
                  let ox = ix * s.strideX - s.padX + kx * s.dilationX
                  guard ox >= 0, ox < s.outWidth else { continue }
                  let place = oy * s.outWidth + ox
                  result[place] = T.add(result[place], T.multiply(value, kernel[ky * s.kernelWidth + kx]))
                }
              }
            }
          }
        }
      }
    }
  }
}
