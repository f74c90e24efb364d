import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension KernelRegistry {
  mutating func registerNormalizations() {
    register("aten::_softmax.out") { call throws(KernelError) in try call.softmax(logarithm: false) }
    register("aten::_log_softmax.out") { call throws(KernelError) in try call.softmax(logarithm: true) }
    register("aten::native_layer_norm.out", layerNorm)
    register("aten::native_group_norm.out", groupNorm)
    register("aten::_native_batch_norm_legit_no_training.out") { call throws(KernelError) in
      let (input, weight, bias) = (try call.tensor(0), try call.optionalTensor(1), try call.optionalTensor(2))
      let (mean, variance, eps) = (try call.tensor(3), try call.tensor(4), try call.double(6))
      let (out, saved, inverse) = (try call.output(7), try call.output(8), try call.output(9))
      try call.batchNorm(input, weight, bias, mean, variance, eps, out, saved, inverse)
    }
    register("aten::_native_batch_norm_legit.out") { call throws(KernelError) in
      let (input, weight, bias) = (try call.tensor(0), try call.optionalTensor(1), try call.optionalTensor(2))
      let (mean, variance) = (try call.tensor(3), try call.tensor(4))
      try require(try !call.bool(5), "batch norm that trains")
      let eps = try call.double(7)
      let (out, saved, inverse) = (try call.output(8), try call.output(9), try call.output(10))
      try call.batchNorm(input, weight, bias, mean, variance, eps, out, saved, inverse)
    }
    register("aten::_native_batch_norm_legit.no_stats_out", batchNormOfBatch)
    register("aten::_cdist_forward.out", distances)
    register("aten::_pdist_forward.out") { call throws(KernelError) in
      let (input, p, out) = (try call.tensor(0), try call.double(1), try call.output(2))
      try require(
        input.rank == 2 && input.type == out.type && input.type.isFloatingPoint,
        "\(input.type)")
      try require(p >= 0, "a norm of \(p)")
      let (n, m) = (input.sizes[0], input.sizes[1])
      try out.resize(to: call.sizes(1) { _ in n < 2 ? 0 : n * (n - 1) / 2 })
      let rows = try call.rowMajor(input, as: Double.self)
      let results = try call.rowMajorResult(out, as: Double.self)
      var place = 0
      for i in 0..<n {
        for j in i + 1..<max(n, i + 1) {
          results[place] = call.distance(rows + i * m, rows + j * m, m, p)
          place += 1
        }
      }
      try call.finish(results, out)
    }
  }
}

extension KernelCall {
  fileprivate func softmax(logarithm: Bool) throws(KernelError) {
    var (input, out) = (try tensor(0), try output(3))
    let halfToFloat = try bool(2)
    try require(!halfToFloat, "a conversion of halves to floats")
    try require(input.type == out.type && input.type.isFloatingPoint, "\(input.type) and \(out.type)")
    let dimension = try dimension(int(1), of: input.rank)
    // The reference takes elements as they lie where it computes logarithms.
    if !logarithm { try requireSameDimOrder(input, out) }
    try require(!logarithm || input.type != .double, "an element type of \(input.type)")
    try out.resize(like: input)
    guard input.count > 0 else { return }
    if logarithm { (input, out) = (try ignoringDimOrder(input), try ignoringDimOrder(out)) }
    if input.type == .double {
      try softmax(Double.self, input, out, dimension, logarithm, exp: { exp($0) }, log: { log($0) })
    } else {
      try softmax(Float.self, input, out, dimension, logarithm, exp: { expf($0) }, log: { logf($0) })
    }
  }

  private func softmax<T: Computable & BinaryFloatingPoint>(
    _: T.Type, _ input: Tensor, _ out: Tensor, _ dimension: Int, _ logarithm: Bool, exp: (T) -> T, log: (T) -> T
  ) throws(KernelError) {
    let size = input.rank == 0 ? 1 : input.sizes[dimension]
    let line: UnsafeMutablePointer<T> = try context.scratch(count: size)
    let stride = input.rank == 0 ? 0 : input.strides[dimension] * input.elementSize
    let lines = try Reduction(self, input, out, reduces: input.rank == 0 ? 0 : 1 << UInt64(dimension))
    let isLast = input.rank == 0 || dimension == input.rank - 1
    let round = Rounding(type: isLast ? input.type : .double)
    let toStride = out.rank == 0 ? 0 : out.strides[dimension] * out.elementSize
    try lines.forEachResult { place, base in
      load(base, input.type, stride, size, into: line)
      var greatest = line[0]
      for i in 1..<max(size, 1) { greatest = Maximum.apply(greatest, line[i], .zero) }
      var sum = 0.0
      for i in 0..<size {
        let shifted = line[i] - greatest
        let power = exp(shifted)
        line[i] = logarithm ? shifted : power
        sum += Double(power)
      }
      if logarithm {
        // Along the last dimension the reference keeps sum and logarithm in the element's type.
        let total = T(converting: round(Double(log(T(converting: round(sum))))))
        for i in 0..<size { line[i] -= total }
      } else {
        let factor = T(1 / sum)
        for i in 0..<size { line[i] *= factor }
      }
      store(line, out.data + place * out.elementSize, out.type, toStride, size)
    }
  }

  // MARK: Batch norm

  /// out = (x − mean) / √(variance + eps) · weight + bias, by channel; the saved statistics are left empty.
  fileprivate func batchNorm(
    _ input: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ mean: Tensor, _ variance: Tensor, _ eps: Double,
    _ out: Tensor, _ saved: Tensor, _ inverse: Tensor
  ) throws(KernelError) {
    try saved.resize(to: sizes(1) { _ in 0 })
    try inverse.resize(to: sizes(1) { _ in 0 })
    try out.resize(like: input)
    try checkBatchNorm(input, weight, bias, out)
    try require(saved.type == input.type && inverse.type == input.type, "statistics of another type")
    let channels = input.rank >= 2 ? input.sizes[1] : input.sizes[0]
    for statistic in [mean, variance] {
      try require(
        statistic.type == input.type && statistic.rank == 1 && statistic.sizes[0] == channels,
        "statistics of \(describe(statistic.sizes))")
    }
    guard input.count > 0 else { return }
    switch input.type {
    case .float: try normalizeChannels(Float.self, input, out, channels, mean, variance, weight, bias, eps)
    case .double: try normalizeChannels(Double.self, input, out, channels, mean, variance, weight, bias, eps)
    default: try normalizeRounding(input, out, channels, mean, variance, weight, bias, eps)
    }
  }

  fileprivate func checkBatchNorm(
    _ input: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ out: Tensor
  ) throws(KernelError) {
    try require(input.type == out.type && input.type.isFloatingPoint, "\(input.type) and \(out.type)")
    try require(input.rank >= 1 && input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
    let channels = input.rank >= 2 ? input.sizes[1] : input.sizes[0]
    for parameter in [weight, bias] {
      guard let parameter else { continue }
      try require(
        parameter.type == input.type && parameter.rank == 1 && parameter.sizes[0] == channels,
        "parameters of \(describe(parameter.sizes))")
    }
  }

  /// y = (x − mean) · factor + bias, channel by channel.
  private func normalizeChannels<T: Computable & BinaryFloatingPoint>(
    _: T.Type, _ input: Tensor, _ out: Tensor, _ channels: Int, _ mean: Tensor, _ variance: Tensor, _ weight: Tensor?,
    _ bias: Tensor?, _ eps: Double
  ) throws(KernelError) {
    let factor: UnsafeMutablePointer<T> = try context.scratch(count: channels)
    let (means, variances) = (mean.elements(T.self), variance.elements(T.self))
    let summands = bias?.elements(T.self)
    for c in 0..<channels {
      factor[c] = T(Double(weight?.elements(T.self)[c] ?? 1) / (Double(variances[c]) + eps).squareRoot())
    }
    // Elements that share one channel, and how many such runs there are.
    var run = 1
    if input.rank > 2 { for d in 2..<input.rank { run *= input.sizes[d] } }
    let (from, to) = (input.elements(T.self), out.elements(T.self))
    if run > 1 {
      context.parallel(input.count / run, grain: max((1 << 15) / run, 1)) { range in
        for line in range {
          let c = line % channels
          let (m, a, b) = (means[c], factor[c], summands?[c] ?? 0)
          let (x, y) = (from + line * run, to + line * run)
          for i in 0..<run { y[i] = (x[i] - m) * a + b }
        }
      }
    } else {
      context.parallel(input.count / channels, grain: max((1 << 15) / channels, 1)) { range in
        for row in range {
          let (x, y) = (from + row * channels, to + row * channels)
          for c in 0..<channels { y[c] = (x[c] - means[c]) * factor[c] + (summands?[c] ?? 0) }
        }
      }
    }
  }

  /// 16-bit floats, rounded at every step as in the reference.
  private func normalizeRounding(
    _ input: Tensor, _ out: Tensor, _ channels: Int, _ mean: Tensor, _ variance: Tensor, _ weight: Tensor?,
    _ bias: Tensor?, _ eps: Double
  ) throws(KernelError) {
    let word: UnsafeMutablePointer<Double> = try context.scratch(count: 5)
    let round = Rounding(type: input.type)
    let (width, run) = (input.elementSize, input.count / (channels * max(input.rank > 1 ? input.sizes[0] : 1, 1)))
    for i in 0..<input.count {
      let c = i / run % channels
      load(UnsafeRawPointer(input.data) + i * width, input.type, 0, 1, into: word)
      let inverse = round(1 / (parameter(variance, c, 1, word + 1) + eps).squareRoot())
      var value = round(round(word[0] - parameter(mean, c, 0, word + 2)) * inverse)
      value = round(value * parameter(weight, c, 1, word + 3))
      word[0] = round(value + parameter(bias, c, 0, word + 4))
      store(word, out.data + i * width, out.type, 0, 1)
    }
  }

  /// The distance of two rows by the p-norm of their difference.
  fileprivate func distance(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int, _ p: Double) -> Double {
    func gap(_ k: Int) -> Double { (a[k] - b[k]).magnitude }
    var result = 0.0
    switch p {
    case 0: for k in 0..<count where gap(k) != 0 { result += 1 }
    case 1: for k in 0..<count { result += gap(k) }
    case 2:
      for k in 0..<count { result += gap(k) * gap(k) }
      result = result.squareRoot()
    case .infinity: for k in 0..<count where gap(k) > result { result = gap(k) }
    default:
      for k in 0..<count { result += pow(gap(k), p) }
      result = pow(result, 1 / p)
    }
    return result
  }
}

@Sendable private func distances(_ call: KernelCall) throws(KernelError) {
  let (a, b, p, out) = (try call.tensor(0), try call.tensor(1), try call.double(2), try call.output(4))
  try require(
    a.type == b.type && a.type == out.type && a.type.isFloatingPoint,
    "\(a.type) and \(b.type)")
  try require(p >= 0 && a.rank >= 2 && b.rank >= 2, "a norm of \(p)")
  if let mode = try call.optionalInt(3) { try require(mode >= 0 && mode <= 2, "a mode of \(mode)") }
  let rank = max(a.rank, b.rank)
  let (rows, columns, length) = (a.sizes[a.rank - 2], b.sizes[b.rank - 2], a.sizes[a.rank - 1])
  try require(b.sizes[b.rank - 1] == length, "rows of different lengths")
  func size(_ t: Tensor, _ d: Int) -> Int { d < rank - t.rank ? 1 : t.sizes[d - rank + t.rank] }
  for d in 0..<rank - 2 {
    try require(size(a, d) == size(b, d) || size(a, d) == 1 || size(b, d) == 1, "batches that do not broadcast")
  }
  try out.resize(
    to: call.sizes(rank) {
      $0 == rank - 2 ? rows : $0 == rank - 1 ? columns : size(a, $0) == 1 ? size(b, $0) : size(a, $0)
    })
  guard out.count > 0 else { return }
  let (left, right) = (try call.rowMajor(a, as: Double.self), try call.rowMajor(b, as: Double.self))
  let results = try call.rowMajorResult(out, as: Double.self)
  let batches = out.count / (rows * columns)
  for batch in 0..<batches {
    var (rest, x, y) = (batch, 0, 0)
    for d in Swift.stride(from: rank - 3, through: 0, by: -1) {
      let place = rest % out.sizes[d]
      rest /= out.sizes[d]
      if size(a, d) > 1 { x += place * a.strides[d - rank + a.rank] }
      if size(b, d) > 1 { y += place * b.strides[d - rank + b.rank] }
    }
    for i in 0..<rows {
      for j in 0..<columns {
        results[(batch * rows + i) * columns + j] = call.distance(
          left + x + i * length, right + y + j * length, length, p)
      }
    }
  }
  try call.finish(results, out)
}

/// Batch norm with the batch's own statistics, which it also gives.
@Sendable private func batchNormOfBatch(_ call: KernelCall) throws(KernelError) {
  let (input, weight, bias) = (try call.tensor(0), try call.optionalTensor(1), try call.optionalTensor(2))
  let (trains, eps) = (try call.bool(3), try call.double(5))
  let (out, savedMean, savedInverse) = (try call.output(6), try call.output(7), try call.output(8))
  try require(trains, "batch norm without statistics that does not train")
  try out.resize(like: input)
  try call.checkBatchNorm(input, weight, bias, out)
  try require(savedMean.type == input.type && savedInverse.type == input.type, "statistics of another type")
  let channels = input.rank >= 2 ? input.sizes[1] : 1
  try savedMean.resize(to: call.sizes(1) { _ in channels })
  try savedInverse.resize(to: call.sizes(1) { _ in channels })
  try require(channels > 0 && input.rank >= 2, "no channels")
  let count = input.count / channels
  let bits = ((UInt64(1) << UInt64(input.rank)) - 1) & ~2
  let reduction = try Reduction(call, input, savedMean, reduces: bits)
  let means: UnsafeMutablePointer<Double> = try call.context.scratch(count: channels)
  let inverses: UnsafeMutablePointer<Double> = try call.context.scratch(count: channels)
  try reduction.fold(Double.self, initial: 0.0) { sum, values, _, count in
    for i in 0..<count { sum += values[i] }
  } finish: { place, sum in
    means[place] = sum / Double(count)
    store(means + place, savedMean.data + place * savedMean.elementSize, savedMean.type, 0, 1)
  }
  var number = 0
  try reduction.fold(Double.self, initial: 0.0) { sum, values, _, count in
    for i in 0..<count { sum += (values[i] - means[number]) * (values[i] - means[number]) }
  } finish: { place, sum in
    inverses[place] = 1 / (sum / Double(count) + eps).squareRoot()
    store(inverses + place, savedInverse.data + place * savedInverse.elementSize, savedInverse.type, 0, 1)
    number += 1
  }
  let word: UnsafeMutablePointer<Double> = try call.context.scratch(count: 3)
  try scale(call, input, out) { element in
    let c = element / input.strides[1] % channels
    return (means[c], inverses[c], parameter(weight, c, 1, word + 1), parameter(bias, c, 0, word + 2))
  }
}

/// A parameter's element, or what stands for it.
private func parameter(_ tensor: Tensor?, _ place: Int, _ otherwise: Double, _ word: UnsafeMutablePointer<Double>) -> Double {
  guard let tensor else { return otherwise }
  load(UnsafeRawPointer(tensor.data) + place * tensor.elementSize, tensor.type, 0, 1, into: word)
  return word.pointee
}

/// (x − mean) · inverse · weight + bias, in Double, element by element in memory order.
private func scale(
  _ call: KernelCall, _ input: Tensor, _ out: Tensor, _ parameters: (Int) -> (Double, Double, Double, Double)
) throws(KernelError) {
  let word: UnsafeMutablePointer<Double> = try call.context.scratch(count: 1)
  let width = input.elementSize
  for i in 0..<input.count {
    load(UnsafeRawPointer(input.data) + i * width, input.type, 0, 1, into: word)
    let (mean, inverse, weight, bias) = parameters(i)
    word.pointee = (word.pointee - mean) * inverse * weight + bias
    store(word, out.data + i * width, out.type, 0, 1)
  }
}

@Sendable private func layerNorm(_ call: KernelCall) throws(KernelError) {
  let (input, shape) = (try call.tensor(0), try call.ints(1))
  let (weight, bias, eps) = (try call.optionalTensor(2), try call.optionalTensor(3), try call.double(4))
  let (out, means, inverses) = (try call.output(5), try call.output(6), try call.output(7))
  try require(!shape.isEmpty && shape.count <= input.rank, "a normalized shape of rank \(shape.count)")
  let kept = input.rank - shape.count
  var length = 1
  for (i, size) in shape.enumerated() {
    try require(size == input.sizes[kept + i], "a normalized shape of \(describe(shape))")
    length *= size
  }
  try require(
    input.type == out.type && means.type == input.type && inverses.type == input.type && input.type.isFloatingPoint,
    "\(input.type) and \(out.type)")
  for parameter in [weight, bias] {
    if let parameter {
      try require(parameter.type == input.type && parameter.hasSizes(shape), "parameters of \(describe(parameter.sizes))")
    }
  }
  try require(input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
  try out.resize(like: input)
  let statistics = try call.sizes(input.rank) { $0 < kept ? input.sizes[$0] : 1 }
  try means.resize(to: statistics)
  try inverses.resize(to: statistics)
  try normalizeLines(
    call, input, out, lines: means.count, length: length, eps: eps, means, inverses
  ) { _, i in i } parameters: { (weight, bias) }
}

@Sendable private func groupNorm(_ call: KernelCall) throws(KernelError) {
  let (input, weight, bias) = (try call.tensor(0), try call.optionalTensor(1), try call.optionalTensor(2))
  let (n, c, area, group) = (try call.int(3), try call.int(4), try call.int(5), try call.int(6))
  let eps = try call.double(7)
  let (out, means, inverses) = (try call.output(8), try call.output(9), try call.output(10))
  try require(input.rank >= 2 && input.sizes[0] == n && input.sizes[1] == c, "an input of \(describe(input.sizes))")
  try require(n >= 0 && c >= 0 && area >= 0 && group > 0 && c % group == 0, "\(c) channels in \(group) groups")
  let (product, overflow) = n.multipliedReportingOverflow(by: c)
  let (total, overflow2) = product.multipliedReportingOverflow(by: area)
  try require(!overflow && !overflow2 && total == input.count, "an input of \(input.count) elements")
  try require(
    input.type == out.type && means.type == input.type && inverses.type == input.type && input.type.isFloatingPoint,
    "\(input.type) and \(out.type)")
  for parameter in [weight, bias] {
    if let parameter {
      try require(
        parameter.type == input.type && parameter.rank == 1 && parameter.sizes[0] == c,
        "parameters of \(describe(parameter.sizes))")
    }
  }
  try require(input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
  try out.resize(like: input)
  let statistics = try call.sizes(2) { $0 == 0 ? n : group }
  try means.resize(to: statistics)
  try inverses.resize(to: statistics)
  let channels = c / group
  try normalizeLines(
    call, input, out, lines: n * group, length: channels * area, eps: eps, means, inverses
  ) { line, i in line % group * channels + i / max(area, 1) } parameters: { (weight, bias) }
}

/// Gives each line of elements mean 0 and variance 1, then scales and shifts it.
///
/// - Parameter place: Of an element's parameters, by line and place in the line.
private func normalizeLines(
  _ call: KernelCall, _ input: Tensor, _ out: Tensor, lines: Int, length: Int, eps: Double, _ means: Tensor,
  _ inverses: Tensor, place: (Int, Int) -> Int, parameters: () -> (Tensor?, Tensor?)
) throws(KernelError) {
  let line: UnsafeMutablePointer<Double> = try call.context.scratch(count: max(length, 1))
  let word: UnsafeMutablePointer<Double> = try call.context.scratch(count: 2)
  let width = input.elementSize
  let (weight, bias) = parameters()
  let count = (weight ?? bias)?.count ?? 0
  let factors: UnsafeMutablePointer<Double> = try call.context.scratch(count: max(count, 1))
  let summands: UnsafeMutablePointer<Double> = try call.context.scratch(count: max(count, 1))
  for i in 0..<count {
    factors[i] = parameter(weight, i, 1, word)
    summands[i] = parameter(bias, i, 0, word)
  }
  for number in 0..<lines {
    load(UnsafeRawPointer(input.data) + number * length * width, input.type, width, length, into: line)
    var sum = 0.0
    for i in 0..<length { sum += line[i] }
    let mean = length == 0 ? 0 : sum / Double(length)
    var squares = 0.0
    for i in 0..<length { squares += (line[i] - mean) * (line[i] - mean) }
    let inverse = length == 0 ? Double.nan : 1 / (squares / Double(length) + eps).squareRoot()
    for i in 0..<length {
      let normal = (line[i] - mean) * inverse
      line[i] = count == 0 ? normal : normal * factors[place(number, i)] + summands[place(number, i)]
    }
    store(line, out.data + number * length * width, out.type, width, length)
    (word[0], word[1]) = (mean, inverse)
    store(word, means.data + number * width, means.type, 0, 1)
    store(word + 1, inverses.data + number * width, inverses.type, 0, 1)
  }
}
