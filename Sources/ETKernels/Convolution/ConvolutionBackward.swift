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
      // The reference takes all of them as they lie, as if they were row-major.
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
      try call.inOwnType(
        input.type,
        Backward(
          call: call, shape: shape, gradient: call.ignoringDimOrder(gradient), input: call.ignoringDimOrder(input),
          weight: call.ignoringDimOrder(weight), inputGradient: mask[0] != 0 ? call.ignoringDimOrder(outputs.0) : nil,
          weightGradient: mask[1] != 0 ? call.ignoringDimOrder(outputs.1) : nil,
          biasGradient: mask[2] != 0 ? outputs.2 : nil))
    }
  }
}

/// Gradients of a convolution's input, weight and bias from its output's.
private struct Backward: InComputeType {
  let call: KernelCall
  let shape: ConvolutionShape
  let gradient: Tensor
  let input: Tensor
  let weight: Tensor
  let inputGradient: Tensor?
  let weightGradient: Tensor?
  let biasGradient: Tensor?

  func run<T: Computable>(_: T.Type) throws(KernelError) {
    let g = try call.rowMajor(gradient, as: T.self)
    let (x, w) = (try call.rowMajor(input, as: T.self), try call.rowMajor(weight, as: T.self))
    let dx = try inputGradient.map { (t) throws(KernelError) in try cleared(t, T.self) }
    let dw = try weightGradient.map { (t) throws(KernelError) in try cleared(t, T.self) }
    let db = try biasGradient.map { (t) throws(KernelError) in try cleared(t, T.self) }
    let s = shape
    let (inGroup, outGroup) = (s.channels / s.groups, s.outChannels / s.groups)
    for batch in 0..<s.batches {
      for channel in 0..<s.outChannels {
        let first = channel / outGroup * inGroup
        for oy in 0..<s.outHeight {
          for ox in 0..<s.outWidth {
            let value = g[((batch * s.outChannels + channel) * s.outHeight + oy) * s.outWidth + ox]
            if let db { db[channel] = T.add(db[channel], value) }
            guard dx != nil || dw != nil else { continue }
            for c in 0..<inGroup {
              for ky in 0..<s.kernelHeight {
                let iy = oy * s.strideY - s.padY + ky * s.dilationY
                guard iy >= 0, iy < s.height else { continue }
                for kx in 0..<s.kernelWidth {
                  let ix = ox * s.strideX - s.padX + kx * s.dilationX
                  guard ix >= 0, ix < s.width else { continue }
                  let from = ((batch * s.channels + first + c) * s.height + iy) * s.width + ix
                  let tap = ((channel * inGroup + c) * s.kernelHeight + ky) * s.kernelWidth + kx
                  if let dx { dx[from] = T.add(dx[from], T.multiply(value, w[tap])) }
                  if let dw { dw[tap] = T.add(dw[tap], T.multiply(value, x[from])) }
                }
              }
            }
          }
        }
      }
    }
    if let dx, let inputGradient { try call.finish(dx, inputGradient) }
    if let dw, let weightGradient { try call.finish(dw, weightGradient) }
    if let db, let biasGradient { try call.finish(db, biasGradient) }
  }

  private func cleared<T: Computable>(_ tensor: Tensor, _: T.Type) throws(KernelError) -> UnsafeMutablePointer<T> {
    let result = try call.rowMajorResult(tensor, as: T.self)
    for i in 0..<tensor.count { result[i] = .zero }
    return result
  }
}
