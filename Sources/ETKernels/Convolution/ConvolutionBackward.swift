import ETCore

extension KernelRegistry {
  mutating func registerConvolutionBackward() {
    register("aten::convolution_backward.out") { call throws(KernelError) in
      let (gradient, input, weight) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
      let shape = try ConvolutionShape(call, input, weight, from: 4)
      let mask = try call.bools(10)
      try require(mask.count == 3, "a mask of \(mask.count)")
      try require(!shape.transposed, "the gradient of a transposed convolution")
      let outputs = (try call.output(11), try call.output(12), try call.output(13))
      try require(
        gradient.type == input.type && weight.type == input.type && input.type.isFloatingPoint,
        "\(gradient.type) and \(input.type)")
      try require(weight.rank == 4, "a weight of rank \(weight.rank)")
      try shape.check(
        call.ignoringDimOrder(input), call.ignoringDimOrder(weight), nil, call.ignoringDimOrder(gradient))
      try require(gradient.hasSizes(try shape.outputSizes(call, input)), "a gradient of \(describe(gradient.sizes))")
      if mask[0] != 0 {
        try require(outputs.0.type == input.type, "a gradient of \(outputs.0.type)")
        try outputs.0.resize(like: input)
      }
      if mask[1] != 0 {
        try require(outputs.1.type == weight.type, "a gradient of \(outputs.1.type)")
        try outputs.1.resize(like: weight)
      }
      if mask[2] != 0 {
        try require(outputs.2.type == input.type, "a gradient of \(outputs.2.type)")
        try outputs.2.resize(to: call.sizes(1) { _ in shape.outChannels })
      }
      // The reference writes each gradient in its operand's memory order, whatever its own is.
      try call.inOwnType(
        input.type,
        Backward(
          shape: shape, gradient: gradient, input: input, weight: weight, inputGradient: mask[0] != 0 ? outputs.0 : nil,
          weightGradient: mask[1] != 0 ? outputs.1 : nil, biasGradient: mask[2] != 0 ? outputs.2 : nil))
    }
  }
}

/// Gradients of a convolution's input, weight and bias from its output's.
private struct Backward: InComputeType {
  let shape: ConvolutionShape
  let gradient: Tensor
  let input: Tensor
  let weight: Tensor
  let inputGradient: Tensor?
  let weightGradient: Tensor?
  let biasGradient: Tensor?

  /// Sums in the order of the reference: 16-bit floats are rounded at every step.
  func run<T: Computable>(_: T.Type) throws(KernelError) {
    let (g, x, w) = (gradient.elements(T.self), input.elements(T.self), weight.elements(T.self))
    let (gs, xs, ws) = (gradient.strides, input.strides, weight.strides)
    let (dx, dw, db) = (cleared(inputGradient, T.self), cleared(weightGradient, T.self), cleared(biasGradient, T.self))
    let s = shape
    // Without elements no tap meets a pixel, however many there seem to be.
    let hasTaps = (dx != nil || dw != nil) && input.count > 0 && weight.count > 0
    let (inGroup, outGroup) = (s.channels / s.groups, s.outChannels / s.groups)
    for batch in 0..<s.batches {
      for group in 0..<s.groups {
        for oy in 0..<s.outHeight {
          for ox in 0..<s.outWidth {
            for channel in group * outGroup..<(group + 1) * outGroup {
              let value = g[batch * gs[0] + channel * gs[1] + oy * gs[2] + ox * gs[3]]
              if let db { db[channel] = T.add(db[channel], value) }
              guard hasTaps else { continue }
              for c in 0..<inGroup {
                for ky in 0..<s.kernelHeight {
                  let iy = oy * s.strideY - s.padY + ky * s.dilationY
                  guard iy >= 0, iy < s.height else { continue }
                  for kx in 0..<s.kernelWidth {
                    let ix = ox * s.strideX - s.padX + kx * s.dilationX
                    guard ix >= 0, ix < s.width else { continue }
                    let from = batch * xs[0] + (group * inGroup + c) * xs[1] + iy * xs[2] + ix * xs[3]
                    let tap = channel * ws[0] + c * ws[1] + ky * ws[2] + kx * ws[3]
                    if let dx { dx[from] = T.add(dx[from], T.multiply(value, w[tap])) }
                    if let dw { dw[tap] = T.add(dw[tap], T.multiply(value, x[from])) }
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private func cleared<T: Computable>(_ tensor: Tensor?, _: T.Type) -> UnsafeMutablePointer<T>? {
    guard let tensor else { return nil }
    let elements = tensor.elements(T.self)
    for i in 0..<tensor.count { elements[i] = .zero }
    return elements
  }
}
