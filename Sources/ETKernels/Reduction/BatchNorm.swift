import ETCore

extension KernelRegistry {
  mutating func registerBatchNorm() {
    register("aten::_native_batch_norm_legit_no_training.out") { call throws(KernelError) in
      let (mean, variance, eps) = (try call.tensor(3), try call.tensor(4), try call.double(6))
      try call.normalizeBatch(mean, variance, eps, try call.output(7), try call.output(8), try call.output(9))
    }
    register("aten::_native_batch_norm_legit.out") { call throws(KernelError) in
      let (mean, variance, eps) = (try call.tensor(3), try call.tensor(4), try call.double(7))
      try require(try !call.bool(5), "batch norm that trains")
      try call.normalizeBatch(mean, variance, eps, try call.output(8), try call.output(9), try call.output(10))
    }
    register("aten::_native_batch_norm_legit.no_stats_out") { call throws(KernelError) in
      try call.normalizeBatch(
        nil, nil, try call.double(5), try call.output(6), try call.output(7), try call.output(8))
    }
  }
}

/// What each channel is normalized with.
private struct Channels<T: Computable> {
  let mean: UnsafeMutablePointer<T>
  let inverse: UnsafeMutablePointer<T>
  let weight: UnsafeMutablePointer<T>
  let bias: UnsafeMutablePointer<T>

  init(_ call: KernelCall, count: Int, weight: Tensor?, bias: Tensor?) throws(KernelError) {
    mean = try call.context.scratch(count: 4 * count)
    inverse = mean + count
    self.weight = inverse + count
    self.bias = self.weight + count
    self.weight.update(repeating: .one, count: count)
    self.bias.update(repeating: .zero, count: count)
    if let weight { load(weight.data, weight.type, weight.elementSize, count, into: self.weight) }
    if let bias { load(bias.data, bias.type, bias.elementSize, count, into: self.bias) }
  }
}

extension KernelCall {
  /// out = (x − mean)·(1/√(variance + eps))·weight + bias, by channel. Without statistics given, those of the batch, which
  /// are results too.
  fileprivate func normalizeBatch(
    _ mean: Tensor?, _ variance: Tensor?, _ eps: Double, _ out: Tensor, _ savedMean: Tensor, _ savedInverse: Tensor
  ) throws(KernelError) {
    let (input, weight, bias) = (try tensor(0), try optionalTensor(1), try optionalTensor(2))
    try require(input.rank >= 2, "a batch of rank \(input.rank)")
    let channels = input.sizes[1]
    try require(
      input.type.isFloatingPoint && out.type == input.type && savedMean.type == input.type
        && savedInverse.type == input.type,
      "a batch of \(input.type) as \(out.type)")
    for parameter in 0..<4 {
      guard let parameter = parameter == 0 ? weight : parameter == 1 ? bias : parameter == 2 ? mean : variance else {
        continue
      }
      try require(
        parameter.type == input.type && parameter.rank == 1 && parameter.sizes[0] == channels,
        "channels of \(describe(parameter.sizes)), \(parameter.type), for a batch of \(describe(input.sizes)), \(input.type)"
      )
    }
    try require(
      input.isContiguous && out.isContiguous && savedMean.isContiguous && savedInverse.isContiguous,
      "a dim order that is not contiguous")
    try out.resize(like: input)
    let saved = try sizes(1) { _ in mean == nil ? channels : 0 }
    try savedMean.resize(to: saved)
    try savedInverse.resize(to: saved)
    switch input.type {
    case .float:
      try normalizeBatch(Float.self, Float.self, input, weight, bias, mean, variance, eps, out, savedMean, savedInverse)
    case .half:
      try normalizeBatch(Float.self, Half.self, input, weight, bias, mean, variance, eps, out, savedMean, savedInverse)
    case .bfloat16:
      try normalizeBatch(
        Float.self, BFloat16.self, input, weight, bias, mean, variance, eps, out, savedMean, savedInverse)
    default:
      try normalizeBatch(
        Double.self, Double.self, input, weight, bias, mean, variance, eps, out, savedMean, savedInverse)
    }
  }

  private func normalizeBatch<T: Computable & BinaryFloatingPoint, Step: Element>(
    _: T.Type, _: Step.Type, _ input: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ mean: Tensor?, _ variance: Tensor?,
    _ eps: Double, _ out: Tensor, _ savedMean: Tensor, _ savedInverse: Tensor
  ) throws(KernelError) {
    let count = input.sizes[1]
    let channels = try Channels<T>(self, count: count, weight: weight, bias: bias)
    let width = input.elementSize
    if let mean, let variance {
      load(mean.data, mean.type, width, count, into: channels.mean)
      load(variance.data, variance.type, width, count, into: channels.inverse)
    } else {
      try moments(T.self, Step.self, input, channels.mean, channels.inverse)
    }
    for c in 0..<count {
      let deviation = (channels.inverse[c].asDouble + eps).squareRoot()
      channels.inverse[c] = rounded(T(converting: 1 / deviation), to: Step.self)
    }
    if mean == nil {
      store(channels.mean, savedMean.data, savedMean.type, width, count)
      store(channels.inverse, savedInverse.data, savedInverse.type, width, count)
    }
    guard input.count > 0 else { return }
    let inner = input.count / (input.sizes[0] * count)
    if inner == 1 {
      // Channels lie beside one another.
      let wide = min(count, 512)
      let tiles = (count + wide - 1) / wide
      try forEachChunk(Step.self, input.sizes[0] * tiles, input, out) { piece in
        let first = piece % tiles * wide
        return (piece / tiles * count + first, min(wide, count - first))
      } body: { (values: UnsafePointer<T>, results: UnsafeMutablePointer<T>, first: Int, size: Int) in
        let c = first % count
        let (means, inverses) = (channels.mean + c, channels.inverse + c)
        let (weights, biases) = (channels.weight + c, channels.bias + c)
        for i in 0..<size {
          results[i] = normalized(values[i], means[i], inverses[i], weights[i], biases[i], Step.self)
        }
      }
    } else {
      let wide = min(inner, Step.self == T.self ? 1 << 15 : 512)
      let tiles = (inner + wide - 1) / wide
      try forEachChunk(Step.self, input.sizes[0] * count * tiles, input, out) { piece in
        let first = piece % tiles * wide
        return (piece / tiles * inner + first, min(wide, inner - first))
      } body: { (values: UnsafePointer<T>, results: UnsafeMutablePointer<T>, first: Int, size: Int) in
        let c = first / inner % count
        let (mean, inverse, weight, bias) = (
          channels.mean[c], channels.inverse[c], channels.weight[c], channels.bias[c]
        )
        for i in 0..<size { results[i] = normalized(values[i], mean, inverse, weight, bias, Step.self) }
      }
    }
  }

  /// Each channel's mean and variance, E(x²) − E(x)², summed in Float plane by plane and rounded as the reference does.
  private func moments<T: Computable & BinaryFloatingPoint, Step: Element>(
    _: T.Type, _: Step.Type, _ input: Tensor, _ means: UnsafeMutablePointer<T>, _ variances: UnsafeMutablePointer<T>
  ) throws(KernelError) {
    let channels = input.sizes[1]
    let inner = channels == 0 || input.sizes[0] == 0 ? 0 : input.count / (input.sizes[0] * channels)
    let sums: UnsafeMutablePointer<Float> = try context.scratch(count: 2 * channels)
    let squares = sums + channels
    means.update(repeating: 0, count: channels)
    variances.update(repeating: 0, count: channels)
    for n in 0..<(inner == 0 ? 0 : input.sizes[0]) {
      sumsInOrder(
        input.elements(Step.self) + n * channels * inner, rows: channels, length: inner, sums, squares)
      for c in 0..<channels {
        let (sum, square) = (T(converting: sums[c]), T(converting: squares[c]))
        means[c] = rounded(means[c] + rounded(sum, to: Step.self), to: Step.self)
        variances[c] = rounded(variances[c] + rounded(square, to: Step.self), to: Step.self)
      }
    }
    let elements = rounded(T(input.sizes[0] * inner), to: Step.self)
    for c in 0..<channels {
      let mean = rounded(means[c] / elements, to: Step.self)
      let meanSquare = rounded(variances[c] / elements, to: Step.self)
      means[c] = mean
      variances[c] = rounded(meanSquare - rounded(mean * mean, to: Step.self), to: Step.self)
    }
  }

  /// Calls `body` with pieces of the input, converted where `T` is not their type, and stores what it computes.
  ///
  /// - Parameter place: A piece's first element and size, which is at most 512 where elements are converted.
  private func forEachChunk<T: Computable, Step: Element>(
    _: Step.Type, _ pieces: Int, _ input: Tensor, _ out: Tensor, _ place: (Int) -> (first: Int, size: Int),
    body: (UnsafePointer<T>, UnsafeMutablePointer<T>, _ first: Int, _ size: Int) -> Void
  ) throws(KernelError) {
    let direct = Step.self == T.self
    let buffers: UnsafeMutablePointer<T> = try context.scratch(count: direct ? 0 : context.pool.threads * 512)
    let width = input.elementSize
    let grain = max((1 << 15) / max(input.count / pieces, 1), 1)
    context.parallel(pieces, grain: grain) { range, worker in
      for piece in range {
        let (first, size) = place(piece)
        if direct {
          body(input.elements(T.self) + first, out.elements(T.self) + first, first, size)
        } else {
          let buffer = buffers + worker * 512
          load(UnsafeRawPointer(input.data) + first * width, input.type, width, size, into: buffer)
          body(buffer, buffer, first, size)
          store(buffer, out.data + first * width, out.type, width, size)
        }
      }
    }
  }
}

@inline(__always)
private func normalized<T: Computable & BinaryFloatingPoint, Step: Element>(
  _ x: T, _ mean: T, _ inverse: T, _ weight: T, _ bias: T, _: Step.Type
) -> T {
  let scaled = rounded(rounded(x - mean, to: Step.self) * inverse, to: Step.self)
  return rounded(rounded(scaled * weight, to: Step.self) + bias, to: Step.self)
}
