import Bytes
import ETCore
import ETFormats
import ETKernels
import ETRuntime
import TensorFiles

/// The outputs of the last execution, copied.
struct RunOutputs {
  let values: [RunValue]

  init(_ method: Method) throws {
    // One that is named many times is copied once.
    var copies: [UnsafeMutablePointer<TensorState>: TensorData] = [:]
    values = try (0..<method.outputCount).map { index in
      let value = method.output(index)
      switch value.tag {
      case .tensor:
        guard let tensor = value.asTensor, tensor.count == 0 || tensor.state.pointee.data != nil else {
          return RunValue.none
        }
        let copy = try copies[tensor.state] ?? TensorLayout.rowMajor(tensor)
        copies[tensor.state] = copy
        return .tensor(copy)
      case .int: return .int(value.asInt ?? 0)
      case .double: return .double(value.asDouble ?? 0)
      case .bool: return .bool(value.asBool ?? false)
      default: return .none
      }
    }
  }

  /// Writes the tensors as `output_0`, `output_1`, …; numbers as tensors of rank 0.
  func save(to path: String) throws {
    var members: [NamedTensor] = []
    for (index, value) in values.enumerated() {
      if let tensor = try value.asTensor() { members.append(NamedTensor(name: "output_\(index)", tensor: tensor)) }
    }
    do {
      try TensorFile.write(members, to: path)
    } catch {
      throw Trouble("\(path): \(error)")
    }
  }
}

extension RunValue {
  /// A tensor, of rank 0 for a number; nil for none.
  func asTensor() throws -> TensorData? {
    func scalar(_ type: ScalarType, _ value: some BitwiseCopyable) throws -> TensorData {
      try withUnsafeBytes(of: value) { try TensorData(dtype: type, sizes: [], copying: $0) }
    }
    switch self {
    case .tensor(let tensor): return tensor
    case .int(let value): return try scalar(.long, Int64(value))
    case .double(let value): return try scalar(.double, value)
    case .bool(let value): return try scalar(.bool, UInt8(value ? 1 : 0))
    case .none: return nil
    }
  }
}

extension RunRequest {
  /// Compares the outputs with the bundled case's expected ones.
  ///
  /// - Returns: A paragraph for each output that differs.
  func verify(_ outputs: RunOutputs, model: LoadedModel, plan: Program.ExecutionPlan) throws -> [String] {
    let expected = try model.bundledCase(bundledCase ?? 0, method: plan.name, path: self.model).expectedOutputs
    guard !expected.isEmpty else {
      throw Trouble("\(self.model): case \(bundledCase ?? 0) has no expected outputs")
    }
    guard expected.count == outputs.values.count else {
      return ["\(outputs.values.count) outputs instead of \(expected.count)"]
    }
    var mismatches: [String] = []
    for (index, (observed, wanted)) in zip(outputs.values, expected).enumerated() {
      let wantedTensor: TensorData? =
        switch wanted {
        case .tensor(let tensor): try TensorLayout.rowMajor(tensor, of: model.bundled)
        case .int(let value): try RunValue.int(Int(value)).asTensor()
        case .double(let value): try RunValue.double(value).asTensor()
        case .bool(let value): try RunValue.bool(value).asTensor()
        }
      guard let b = wantedTensor else { continue }
      guard let a = try observed.asTensor() else {
        mismatches.append("output \(index): nothing instead of a tensor")
        continue
      }
      let tolerance = relativeTolerance.map { Tolerance(relative: $0, absolute: absoluteTolerance ?? 0) }
      if let mismatch = TensorMismatch(of: a, expected: b, tolerance: tolerance, equalNaN: true) {
        mismatches.append("output \(index): \(mismatch.description)")
      }
    }
    return mismatches
  }
}
