import Bytes
import ETCore
import ETFormats
import ETKernels
import ETRuntime

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
      for (index, input) in one.inputs.enumerated() { try give(input, index, to: method) }
      try method.execute()
    } catch {
      return one.outputs == nil ? nil : "refused: \(error)"
    }
    guard let outputs = one.outputs else { return "accepted, where the official runtime says: \(one.rejection)" }
    guard outputs.count == method.outputCount else {
      return "\(method.outputCount) outputs instead of \(outputs.count)"
    }
    for (index, expected) in outputs.enumerated() {
      if let difference = compare(method.output(index), expected, one, closeness) {
        return "output \(index): \(difference)"
      }
    }
    return nil
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

  private func compare(_ observed: ETKernels.Value, _ expected: Value, _ one: Case, _ closeness: Closeness?) -> String? {
    switch expected {
    case .none: return observed.tag == .none ? nil : "not none"
    case .int(let int): return observed.asInt == int ? nil : "\(observed.asInt.map(String.init) ?? "another kind") instead of \(int)"
    case .bool(let bool): return observed.asBool == bool ? nil : "\(String(describing: observed.asBool)) instead of \(bool)"
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
      if one.isRandom { return nil }
      let allowed = closeness ?? .standard(for: type, isReduction: one.isReduction)
      return allowed.firstDifference(
        type, UnsafeRawBufferPointer(start: tensor.data, count: tensor.byteCount), bytes(data))
    }
  }
}
