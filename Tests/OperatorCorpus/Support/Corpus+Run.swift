import Bytes
import ETCore
public import ETFormats
import ETKernels
public import ETRuntime

extension Corpus {
  /// Runs a case.
  ///
  /// - Parameter closeness: What to allow instead of the standard.
  /// - Returns: nil where the answer is the official runtime's, else how it differs.
  public func run(_ one: Case, threads: Int = 1, closeness: Closeness? = nil) -> String? {
    let method: Method
    do {
      let program = try Program(reading: FileContents(copying: bytes(one.program)))
      var options = Method.Options()
      options.threads = threads
      method = try Method(program, options: options)
      try give(one.inputs, to: method)
      try method.execute()
    } catch {
      return one.outputs == nil ? nil : "refused: \(error)"
    }
    guard let outputs = one.outputs else { return "accepted, where the official runtime says: \(one.rejection)" }
    return compare(method, outputs) {
      one.isRandom ? nil : closeness ?? .standard(for: $0, isReduction: one.isReduction)
    }
  }

  /// Makes the calls of a session.
  ///
  /// - Parameters:
  ///   - program: The fixture's, where the pack has none.
  ///   - options: How to run, for each call after loading.
  /// - Returns: nil where every answer is the official runtime's, else how the first other one differs.
  public func run(_ session: Session, program: Program?, options: Method.Options = .init()) throws -> String? {
    let packed = try session.program.map { try Program(reading: FileContents(copying: bytes($0))) }
    guard let program = packed ?? program else { return "no program" }
    var methods: [String: Method] = [:]
    for (number, call) in session.calls.enumerated() {
      let method = try methods[call.method] ?? Method(program, name: call.method, options: options)
      methods[call.method] = method
      do {
        try give(call.inputs, to: method)
        try method.execute()
      } catch {
        if call.outputs == nil { continue }
        return "call \(number): refused: \(error)"
      }
      guard let outputs = call.outputs else { return "call \(number): accepted, where the official runtime fails" }
      if let difference = compare(method, outputs, { .standard(for: $0, isReduction: true) }) {
        return "call \(number), \(difference)"
      }
    }
    return nil
  }

  /// The bytes of every output of every call of a session.
  public func outputs(
    of session: Session, program: Program?, options: Method.Options
  ) throws -> [[UInt8]] {
    let packed = try session.program.map { try Program(reading: FileContents(copying: bytes($0))) }
    guard let program = packed ?? program else { return [] }
    var methods: [String: Method] = [:]
    var outputs: [[UInt8]] = []
    for call in session.calls where call.outputs != nil {
      let method = try methods[call.method] ?? Method(program, name: call.method, options: options)
      methods[call.method] = method
      try give(call.inputs, to: method)
      try method.execute()
      for index in 0..<method.outputCount {
        guard let tensor = method.output(index).asTensor else { continue }
        outputs.append([UInt8](UnsafeRawBufferPointer(start: tensor.data, count: tensor.byteCount)))
      }
    }
    return outputs
  }

  private func compare(_ method: Method, _ outputs: [Value], _ closeness: (ScalarType) -> Closeness?) -> String? {
    guard outputs.count == method.outputCount else {
      return "\(method.outputCount) outputs instead of \(outputs.count)"
    }
    for (index, expected) in outputs.enumerated() {
      if let difference = compare(method.output(index), expected, closeness) {
        return "output \(index): \(difference)"
      }
    }
    return nil
  }

  private func give(_ inputs: [Value], to method: Method) throws {
    for (index, input) in inputs.enumerated() { try give(input, index, to: method) }
  }

  private func give(_ value: Value, _ index: Int, to method: Method) throws {
    switch value {
    case .tensor(let type, let sizes, _, let data):
      try method.setInput(index, type: type, sizes: sizes, elements: bytes(data))
    case .int(let int): try method.setInput(index, .int(int))
    case .double(let double): try method.setInput(index, .double(double))
    case .bool(let bool): try method.setInput(index, .bool(bool))
    case .none: try method.setInput(index, .none)
    }
  }

  private func compare(
    _ observed: ETKernels.Value, _ expected: Value, _ closeness: (ScalarType) -> Closeness?
  ) -> String? {
    switch expected {
    case .none: return observed.tag == .none ? nil : "not none"
    case .int(let int): return observed.asInt == int ? nil : "\(observed) instead of \(int)"
    case .bool(let bool): return observed.asBool == bool ? nil : "\(observed) instead of \(bool)"
    case .double(let double):
      guard let got = observed.asDouble else { return "not a floating-point number" }
      return got == double || got.isNaN && double.isNaN || (got - double).magnitude <= 1e-12 * double.magnitude
        ? nil : "\(got) instead of \(double)"
    case .tensor(let type, let sizes, let dimOrder, let data):
      guard let tensor = observed.asTensor else { return "not a tensor" }
      guard tensor.type == type else { return "\(tensor.type) instead of \(type)" }
      guard Array(tensor.sizes) == sizes else { return "sizes \(Array(tensor.sizes)) instead of \(sizes)" }
      guard Array(tensor.dimOrder) == dimOrder || tensor.count == 0 else {
        return "dim order \(Array(tensor.dimOrder)) instead of \(dimOrder)"
      }
      guard let allowed = closeness(type) else { return nil }
      return allowed.firstDifference(
        type, UnsafeRawBufferPointer(start: tensor.data, count: tensor.byteCount), bytes(data))
    }
  }
}
