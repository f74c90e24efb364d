import ETCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// Tensors from nothing, from numbers, or of another type or order.

extension KernelRegistry {
  mutating func registerCreation() {
    register("aten::empty.out") { call throws(KernelError) in
      try call.output(2).resize(to: call.ints(0))
    }
    register("dim_order_ops::_empty_dim_order.out") { call throws(KernelError) in
      // The order that is asked for is not looked at, in the reference neither: the result's counts.
      try call.output(2).resize(to: call.ints(0))
    }
    registerFilled("zeros", with: .int(0))
    registerFilled("ones", with: .int(1))
    register("aten::full.out") { call throws(KernelError) in
      let (size, value, out) = (try call.ints(0), try call.scalar(1), try call.output(2))
      try out.resize(to: size)
      try call.fill(out, value)
    }
    register("aten::full_like.out") { call throws(KernelError) in
      let (input, value, format, out) = (
        try call.tensor(0), try call.scalar(1), try call.optionalInt(2), try call.output(3)
      )
      try require(format ?? 0 == 0 || format == 1, "a memory format that is not contiguous")
      try require(input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
      try out.resize(like: input)
      try call.fill(out, value)
    }
    register("aten::fill.Scalar_out") { call throws(KernelError) in
      let (input, value, out) = (try call.tensor(0), try call.scalar(1), try call.output(2))
      try require(input.type == out.type, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      try call.fill(out, value)
    }
    register("aten::fill.Tensor_out") { call throws(KernelError) in
      let (input, value, out) = (try call.tensor(0), try call.tensor(1), try call.output(2))
      try require(input.type == out.type && value.rank == 0, "\(input.type) and \(out.type)")
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      try call.convertOne(value, toAllOf: out)
    }
    register("aten::scalar_tensor.out") { call throws(KernelError) in
      let (value, out) = (try call.scalar(0), try call.output(1))
      try out.resize(to: UnsafeBufferPointer(start: nil, count: 0))
      try call.fill(out, value)
    }
    register("aten::arange.out") { call throws(KernelError) in
      try call.range(start: .int(0), end: call.scalar(0), step: .int(1), call.output(1))
    }
    register("aten::arange.start_out") { call throws(KernelError) in
      try call.range(start: call.scalar(0), end: call.scalar(1), step: call.scalar(2), call.output(3))
    }
    register("aten::rand.out") { call throws(KernelError) in
      try call.drawn { $0.uniform() }
    }
    register("aten::randn.out") { call throws(KernelError) in
      try call.drawn { $0.normal() }
    }
    registerCasts()
  }

  private mutating func registerFilled(_ name: String, with value: Scalar) {
    register("aten::\(name).out") { call throws(KernelError) in
      let out = try call.output(1)
      try out.resize(to: call.ints(0))
      try call.fill(out, value)
    }
  }

  private mutating func registerCasts() {
    register("aten::_to_copy.out") { call throws(KernelError) in
      let (input, nonBlocking, format, out) = (
        try call.tensor(0), try call.bool(1), try call.optionalInt(2), try call.output(3)
      )
      try require(!nonBlocking && format ?? 0 == 0, "a copy that does not block, or a memory format")
      try require(input.isContiguous && out.isContiguous, "a dim order that is not contiguous")
      try out.resize(like: input)
      try call.convertOrdinary(input, to: out)
    }
    register("dim_order_ops::_to_dim_order_copy.out") { call throws(KernelError) in
      let (input, nonBlocking, order, out) = (
        try call.tensor(0), try call.bool(1), try call.optionalInts(2), try call.output(3)
      )
      try require(!nonBlocking, "a copy that does not block")
      try call.requireDimOrder(out, order, like: input)
      try out.resize(like: input)
      try call.convertOrdinary(input, to: out)
    }
    register("dim_order_ops::_clone_dim_order.out") { call throws(KernelError) in
      let (input, nonBlocking, order, out) = (
        try call.tensor(0), try call.bool(1), try call.optionalInts(2), try call.output(3)
      )
      try require(!nonBlocking && input.type == out.type, "\(input.type) and \(out.type)")
      try call.requireDimOrder(out, order, like: input)
      try out.resize(like: input)
      try call.convert(input, to: out)
    }
    register("aten::copy.out") { call throws(KernelError) in
      let (input, source, nonBlocking, out) = (
        try call.tensor(0), try call.tensor(1), try call.bool(2), try call.output(3)
      )
      try require(!nonBlocking && input.type == out.type, "\(input.type) and \(out.type)")
      try call.requireBroadcast(source, to: input)
      try requireSameDimOrder(input, out)
      try out.resize(like: input)
      try call.convertOrdinary(source, to: out)
    }
    register("aten::copy_") { call throws(KernelError) in
      let (input, source, nonBlocking) = (try call.output(0), try call.tensor(1), try call.bool(2))
      try require(!nonBlocking, "a copy that does not block")
      try call.requireBroadcast(source, to: input)
      try requireSameDimOrder(input, source)
      try call.convertOrdinary(source, to: input)
    }
    for name in ["_h2d_copy.out", "_d2h_copy.out"] {
      register("et_copy::" + name) { call throws(KernelError) in
        throw KernelError(.notSupported, "a copy between devices: there is only the CPU")
      }
    }
  }
}

extension RandomStream {
  /// Of the standard normal distribution, by Marsaglia's polar method (1964).
  mutating func normal() -> Double {
    while true {
      let (x, y) = (2 * uniform() - 1, 2 * uniform() - 1)
      let square = x * x + y * y
      if square > 0, square < 1 { return x * (-2 * log(square) / square).squareRoot() }
    }
  }
}

extension KernelCall {
  /// Writes a number to every element.
  ///
  /// - Throws: Where the type does not hold it.
  func fill(_ out: Tensor, _ value: Scalar) throws(KernelError) {
    try require(out.type.isOrdinary, "an element type of \(out.type)")
    if out.type != .bool { try requireFits(value, out.type) }
    let word: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
    let integer: UnsafeMutablePointer<Int64> = try context.scratch(count: 1)
    let element: UnsafeMutableRawPointer = UnsafeMutableRawPointer(try context.scratch(UInt64.self, count: 1))
    if out.type.isFloatingPoint || value.isFloatingPoint {
      word.pointee = value.asDouble
      store(word, element, out.type, 0, 1)
    } else {
      integer.pointee = Int64(value.asInt)
      store(integer, element, out.type, 0, 1)
    }
    try copyView(element, to: out)
  }

  private func copyView(_ element: UnsafeMutableRawPointer, to out: Tensor) throws(KernelError) {
    let width = out.elementSize
    guard out.count > 0 else { return }
    try copyBox(
      sizes: UnsafeBufferPointer(start: out.state.pointee.sizes, count: out.rank), order: out.dimOrder, width: width,
      to: out.data, toStride: { out.strides[$0] * width }, from: UnsafeRawPointer(element), fromStride: { _ in 0 })
  }

  fileprivate func convertOne(_ value: Tensor, toAllOf out: Tensor) throws(KernelError) {
    try require(value.type.isOrdinary && out.type.isOrdinary, "\(value.type) and \(out.type)")
    let element: UnsafeMutableRawPointer = UnsafeMutableRawPointer(try context.scratch(UInt64.self, count: 1))
    func run<T: Computable>(_: T.Type) throws(KernelError) {
      let number: UnsafeMutablePointer<T> = try context.scratch(count: 1)
      load(UnsafeRawPointer(value.data), value.type, 0, 1, into: number)
      store(number, element, out.type, 0, 1)
    }
    switch try value.type.compute() {
    case .int: try run(Int64.self)
    case .float: try run(Float.self)
    case .double: try run(Double.self)
    }
    try copyView(element, to: out)
  }

  fileprivate func convertOrdinary(_ input: Tensor, to out: Tensor) throws(KernelError) {
    try require(input.type.isOrdinary && out.type.isOrdinary || input.type == out.type, "\(input.type) and \(out.type)")
    try convert(input, to: out)
  }

  fileprivate func requireBroadcast(_ source: Tensor, to target: Tensor) throws(KernelError) {
    try require(source.rank <= target.rank, "a source of rank \(source.rank)")
    for d in 0..<source.rank {
      let size = target.sizes[d + target.rank - source.rank]
      try require(source.sizes[d] == 1 || source.sizes[d] == size, "a source of \(describe(source.sizes))")
    }
  }

  /// The output has the order that is asked for, which is contiguous or channels last.
  fileprivate func requireDimOrder(_ out: Tensor, _ order: UnsafeBufferPointer<Int>) throws(KernelError) {
    try require(order.count == out.rank, "a dim order of \(order.count) for a tensor of rank \(out.rank)")
    for i in 0..<out.rank { try require(order[i] == Int(out.dimOrder[i]), "a result of another dim order") }
    try require(out.isContiguous || out.isChannelsLast, "a dim order that is neither contiguous nor channels last")
  }

  fileprivate func requireDimOrder(
    _ out: Tensor, _ order: UnsafeBufferPointer<Int>?, like input: Tensor
  ) throws(KernelError) {
    try require(out.rank == input.rank, "a result of rank \(out.rank)")
    if let order { return try requireDimOrder(out, order) }
    for i in 0..<out.rank { try require(input.dimOrder[i] == out.dimOrder[i], "a result of another dim order") }
  }

  fileprivate func range(start: Scalar, end: Scalar, step: Scalar, _ out: Tensor) throws(KernelError) {
    try require(!start.isBool && !end.isBool && !step.isBool, "a range of booleans")
    let (a, b, s) = (start.asDouble, end.asDouble, step.asDouble)
    try require(a.isFinite && b.isFinite && s.isFinite && s != 0, "a range from \(a) to \(b) by \(s)")
    try require(s > 0 ? b >= a : b <= a, "a range from \(a) to \(b) by \(s)")
    try require(out.rank == 1 && out.type.isOrdinary && out.type != .bool, "a result of \(out.type)")
    let count = saturating(((b - a) / s).rounded(.up))
    try require(count >= 0 && count < Int32.max, "a range of \(count) numbers")
    try out.resize(to: sizes(1) { _ in count })
    let number: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
    let integer: UnsafeMutablePointer<Int64> = try context.scratch(count: 1)
    let width = out.elementSize
    for i in 0..<count {
      if out.type.isInteger {
        integer.pointee = Int64(saturating(a + Double(i) * s))
        store(integer, out.data + i * width, out.type, 0, 1)
      } else {
        number.pointee = a + Double(i) * s
        store(number, out.data + i * width, out.type, 0, 1)
      }
    }
  }

  fileprivate func drawn(_ draw: (inout RandomStream) -> Double) throws(KernelError) {
    let (size, out) = (try ints(0), try output(1))
    try require(out.type.isFloatingPoint, "a result of \(out.type)")
    try out.resize(to: size)
    let number: UnsafeMutablePointer<Double> = try context.scratch(count: 1)
    for i in 0..<out.count {
      number.pointee = draw(&context.random)
      store(number, out.data + i * out.elementSize, out.type, 0, 1)
    }
  }
}
