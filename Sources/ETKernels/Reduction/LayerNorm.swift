import ETCore

extension KernelRegistry {
  mutating func registerLayerNorm() {
    register("aten::native_layer_norm.out", layerNorm)
    register("aten::native_group_norm.out", groupNorm)
  }
}

// MARK: Layer norm

/// `native_layer_norm(input, normalized_shape, weight, bias, eps, out, mean, rstd)`, by place in memory.
@Sendable private func layerNorm(_ call: KernelCall) throws(KernelError) {
  let (input, shape) = (try call.tensor(0), try call.ints(1))
  let (weight, bias, eps) = (try call.optionalTensor(2), try call.optionalTensor(3), try call.double(4))
  let (out, mean, inverse) = (try call.output(5), try call.output(6), try call.output(7))
  let kept = input.rank - shape.count
  try require(shape.count >= 1 && kept >= 0, "\(shape.count) normalized dimensions of \(input.rank)")
  for d in 0..<shape.count {
    try require(
      shape[d] == input.sizes[kept + d], "dimensions of \(describe(shape)) normalized in \(describe(input.sizes))")
  }
  for parameter in 0..<2 {
    guard let parameter = parameter == 0 ? weight : bias else { continue }
    try require(
      parameter.type == input.type && parameter.hasSizes(shape),
      "parameters of \(describe(parameter.sizes)), \(parameter.type)")
  }
  try require(
    input.type.isFloatingPoint && out.type == input.type && mean.type == input.type && inverse.type == input.type,
    "a layer of \(input.type) as \(out.type)")
  let statistics = try call.sizes(input.rank) { $0 < kept ? input.sizes[$0] : 1 }
  try out.resize(like: input)
  try mean.resize(to: statistics)
  try inverse.resize(to: statistics)
  let rows = mean.count
  guard rows > 0 else { return }
  guard input.count > 0 else { return fillWithoutElements(mean, inverse) }
  let length = input.count / rows
  let layer = Layer(
    rows: rows, length: length, input: input, weight: weight, bias: bias, out: out, mean: mean, inverse: inverse)
  switch input.type {
  case .float: try call.normalize(layer, Float.self, Float.self, eps, meanAndVariance)
  case .half: try call.normalize(layer, Float.self, Half.self, eps, meanAndVariance)
  case .bfloat16: try call.normalize(layer, Float.self, BFloat16.self, eps, meanAndVariance)
  default: try call.normalize(layer, Double.self, Double.self, eps, meanAndVariance)
  }
}

private func fillWithoutElements(_ mean: Tensor, _ inverse: Tensor) {
  var (zero, nan): (Float, Float) = (0, .nan)
  for i in 0..<mean.count { store(&zero, mean.data + i * mean.elementSize, mean.type, 0, 1) }
  for i in 0..<inverse.count { store(&nan, inverse.data + i * inverse.elementSize, inverse.type, 0, 1) }
}

private struct Layer {
  let rows: Int
  let length: Int
  let input: Tensor
  let weight: Tensor?
  let bias: Tensor?
  let out: Tensor
  let mean: Tensor
  let inverse: Tensor
}

extension KernelCall {
  /// Short rows as the reference's scalar kernel does it, which takes E(x²) − E(x)² in Float; others in two passes.
  fileprivate func normalize<T: Computable & BinaryFloatingPoint, E: Element>(
    _ layer: Layer, _: T.Type, _: E.Type, _ eps: Double,
    _ meanAndVariance: (UnsafePointer<T>, Int) -> (mean: T, variance: T)
  ) throws(KernelError) {
    let (rows, length) = (layer.rows, layer.length)
    let parameters: UnsafeMutablePointer<T> = try context.scratch(count: 2 * length)
    let (weights, biases) = (parameters, parameters + length)
    let width = layer.input.elementSize
    if let weight = layer.weight {
      load(weight.data, weight.type, width, length, into: weights)
    } else {
      weights.update(repeating: .one, count: length)
    }
    if let bias = layer.bias {
      load(bias.data, bias.type, width, length, into: biases)
    } else {
      biases.update(repeating: .zero, count: length)
    }
    let eps = rounded(T(converting: eps), to: E.self)
    let isShort = length < 256
    let direct = E.self == T.self
    let threads = context.pool.threads
    let lines: UnsafeMutablePointer<T> = try context.scratch(count: direct ? 0 : threads * length)
    let sums: UnsafeMutablePointer<Float> = try context.scratch(count: isShort ? 2 * rows : 0)
    let (input, out) = (layer.input, layer.out)
    let (means, inverses) = (layer.mean.elements(E.self), layer.inverse.elements(E.self))
    context.parallel(rows, grain: max((1 << 14) / length, 1)) { range, worker in
      if isShort {
        sumsInOrder(
          input.elements(E.self) + range.lowerBound * length, rows: range.count, length: length,
          sums + range.lowerBound, sums + rows + range.lowerBound)
      }
      for row in range {
        var values = UnsafePointer(input.elements(T.self))
        var results = out.elements(T.self)
        if direct {
          values += row * length
          results += row * length
        } else {
          results = lines + worker * length
          load(UnsafeRawPointer(input.data) + row * length * width, input.type, width, length, into: results)
          values = UnsafePointer(results)
        }
        if isShort {
          let mean = sums[row] / Float(length)
          let variance = sums[rows + row] / Float(length) - mean * mean
          let deviation = (variance + eps.asFloat).squareRoot()
          let (center, scale) = (T(mean), T(deviation))
          for i in 0..<length { results[i] = (values[i] - center) / scale * weights[i] + biases[i] }
          means[row] = E(converting: mean)
          inverses[row] = E(converting: 1 / Double(deviation))
        } else {
          let (mean, variance) = meanAndVariance(values, length)
          let scale = 1 / (variance + eps).squareRoot()
          let offset = -scale * mean
          for i in 0..<length { results[i] = (values[i] * scale + offset) * weights[i] + biases[i] }
          if E.self == Double.self {
            means[row] = E(converting: mean.asDouble)
            inverses[row] = E(converting: scale.asDouble)
          } else {
            means[row] = E(converting: mean.asFloat)
            inverses[row] = E(converting: scale.asFloat)
          }
        }
        if !direct { store(results, out.data + row * length * width, out.type, width, length) }
      }
    }
  }
}

// MARK: Group norm

/// `native_group_norm(input, weight, bias, N, C, HxW, group, eps, out, mean, rstd)`.
@Sendable private func groupNorm(_ call: KernelCall) throws(KernelError) {
  let (input, weight, bias) = (try call.tensor(0), try call.optionalTensor(1), try call.optionalTensor(2))
  let (n, c, inner, groups) = (try call.int(3), try call.int(4), try call.int(5), try call.int(6))
  let eps = try call.double(7)
  let (out, mean, inverse) = (try call.output(8), try call.output(9), try call.output(10))
  try require(
    input.rank >= 2 && input.sizes[0] == n && input.sizes[1] == c && inner >= 0,
    "a batch of \(describe(input.sizes)) as \(n) of \(c) channels of \(inner)")
  let (elements, overflow) = (n &* c).multipliedReportingOverflow(by: inner)
  try require(!overflow && elements == input.count, "\(n) of \(c) channels of \(inner) in \(input.count) elements")
  try require(groups > 0 && c % groups == 0, "\(groups) groups of \(c) channels")
  for parameter in 0..<2 {
    guard let parameter = parameter == 0 ? weight : bias else { continue }
    try require(
      parameter.type == input.type && parameter.rank == 1 && parameter.sizes[0] == c,
      "channels of \(describe(parameter.sizes)), \(parameter.type)")
  }
  try require(
    input.type.isFloatingPoint && out.type == input.type && mean.type == input.type && inverse.type == input.type,
    "a batch of \(input.type) as \(out.type)")
  let statistics = try call.sizes(2) { $0 == 0 ? n : groups }
  try out.resize(like: input)
  try mean.resize(to: statistics)
  try inverse.resize(to: statistics)
  try require(
    input.isContiguous && out.isContiguous && mean.isContiguous && inverse.isContiguous,
    "a dim order that is not contiguous")
  guard mean.count > 0 else { return }
  guard input.count > 0 else { return fillWithoutElements(mean, inverse) }
  let groupSize = Groups(
    groups: groups, channels: c / groups, inner: inner, input: input, weight: weight, bias: bias, out: out, mean: mean,
    inverse: inverse)
  switch input.type {
  case .float: try call.normalize(groupSize, Float.self, eps)
  case .half: try call.normalize(groupSize, Half.self, eps)
  case .bfloat16: try call.normalize(groupSize, BFloat16.self, eps)
  default: try call.normalize(groupSize, Double.self, eps)
  }
}

private struct Groups {
  let groups: Int
  /// Of a group.
  let channels: Int
  /// Elements of a channel.
  let inner: Int
  let input: Tensor
  let weight: Tensor?
  let bias: Tensor?
  let out: Tensor
  let mean: Tensor
  let inverse: Tensor
}

extension KernelCall {
  /// Sums in Float, everything else in Double.
  fileprivate func normalize<E: Element>(_ batch: Groups, _: E.Type, _ eps: Double) throws(KernelError) {
    let rows = batch.mean.count
    let length = batch.channels * batch.inner
    let sums: UnsafeMutablePointer<Float> = try context.scratch(count: 2 * rows)
    let (from, to) = (batch.input.elements(E.self), batch.out.elements(E.self))
    let (means, inverses) = (batch.mean.elements(E.self), batch.inverse.elements(E.self))
    let (weights, biases) = (batch.weight?.elements(E.self), batch.bias?.elements(E.self))
    // Four rows are summed at a time.
    context.parallel(rows, grain: max((1 << 15) / length, 4)) { range in
      sumsInOrder(
        from + range.lowerBound * length, rows: range.count, length: length, sums + range.lowerBound,
        sums + rows + range.lowerBound)
      for row in range {
        let mean = Double(sums[row]) / Double(length)
        let variance = Double(sums[rows + row]) / Double(length) - mean * mean
        let inverse = 1 / (variance + eps).squareRoot()
        for i in 0..<batch.channels {
          let channel = row % batch.groups * batch.channels + i
          let start = (row * batch.channels + i) * batch.inner
          let (values, results) = (from + start, to + start)
          if weights == nil, biases == nil {
            for j in 0..<batch.inner { results[j] = E(converting: (values[j].asDouble - mean) * inverse) }
          } else {
            let scale = inverse * (weights?[channel].asDouble ?? 1)
            let offset = -scale * mean + (biases?[channel].asDouble ?? 0)
            for j in 0..<batch.inner { results[j] = E(converting: scale * values[j].asDouble + offset) }
          }
        }
        means[row] = E(converting: mean)
        inverses[row] = E(converting: inverse)
      }
    }
  }
}
