import Bytes
import ETCore
import ETFormats
import ETKernels
import ETRuntime
import TensorFiles

/// An input or an output: a tensor, or a number that the program was exported with.
enum RunValue {
  case tensor(TensorData)
  case int(Int)
  case double(Double)
  case bool(Bool)
  case none
}

/// The inputs of one execution.
struct RunCall {
  let inputs: [RunValue]

  func give(to method: Method) throws {
    guard inputs.count == method.inputCount else {
      throw Trouble("\(inputs.count) inputs for method \(method.plan.name), which has \(method.inputCount)")
    }
    for (index, input) in inputs.enumerated() {
      switch input {
      case .tensor(let tensor):
        let order = method.input(index).asTensor.map { [UInt8]($0.dimOrder) } ?? []
        try TensorLayout.withElements(of: tensor, in: order) {
          try method.setInput(index, type: tensor.dtype, sizes: tensor.sizes, elements: $0)
        }
      case .int(let value): try method.setInput(index, .int(value))
      case .double(let value): try method.setInput(index, .double(value))
      case .bool(let value): try method.setInput(index, .bool(value))
      case .none: try method.setInput(index, .none)
      }
    }
  }
}

/// Turns what the user named into the inputs of one or more executions.
struct RunInputs {
  let request: RunRequest
  let model: LoadedModel
  let plan: Program.ExecutionPlan

  init(_ request: RunRequest, model: LoadedModel, plan: Program.ExecutionPlan) throws {
    let sources = [request.bundledCase != nil, !request.inputs.isEmpty, request.steps != nil].filter { $0 }
    guard sources.count <= 1 else {
      throw Trouble("--case, --input and --steps exclude one another", status: .usage)
    }
    self.request = request
    self.model = model
    self.plan = plan
  }

  func calls() throws -> [RunCall] {
    if let steps = request.steps { return try calls(from: steps) }
    if let number = request.bundledCase {
      let one = try model.bundledCase(number, method: plan.name, path: request.model)
      return [RunCall(inputs: try one.inputs.map { try value($0) })]
    }
    if !request.inputs.isEmpty { return [RunCall(inputs: try named())] }
    var room = Method.Options().memoryLimit
    return [
      RunCall(
        inputs: try plan.inputs.indices.map { index in
          room -= plan.tensor(Int(plan.inputs[index]))?.byteCount ?? 0
          guard room >= 0 else { throw Trouble("the inputs of method \(plan.name) have no room in memory") }
          return try seeded(index)
        })
    ]
  }

  private func named() throws -> [RunValue] {
    var values: [RunValue] = []
    for (index, text) in request.inputs.enumerated() {
      if let number = try number(text) {
        values.append(number)
        continue
      }
      let expected = values.count < plan.inputs.count ? plan.tensor(Int(plan.inputs[values.count])) : nil
      values += try Inputs.reading("--input \(text)") { (_) throws(ReadError) in
        try InputSpec(text).load(
          defaultType: expected?.scalarType ?? .float, defaultSeed: request.seed &+ UInt64(index))
      }.map { .tensor($0.tensor) }
    }
    return values
  }

  /// A number that the method was exported with, or none; nil for other texts.
  private func number(_ text: String) throws -> RunValue? {
    func value<T>(_ prefix: String, _ parse: (String) -> T?) throws -> T? {
      guard text.hasPrefix(prefix) else { return nil }
      guard let value = parse(String(text.dropFirst(prefix.count))) else {
        throw Trouble("--input \(text): not a value", status: .usage)
      }
      return value
    }
    if text == "none" { return RunValue.none }
    if let int = try value("int:", { Int($0) }) { return .int(int) }
    if let double = try value("float:", { Double($0) }) { return .double(double) }
    if let bool = try value("bool:", { Bool($0) }) { return .bool(bool) }
    return nil
  }

  /// Members are named `STEP.INPUT`: `0.0`, `0.1`, `1.0`, …; an input that never changes may be left out after step 0.
  private func calls(from path: String) throws -> [RunCall] {
    guard let kind = TensorFile(path: path) else {
      throw Trouble("--steps \(path): neither .npz nor .safetensors", status: .usage)
    }
    let members = try Inputs.reading(path) { (path) throws(ReadError) in try kind.read(try FileContents.open(path)) }
    var steps: [Int: [Int: TensorData]] = [:]
    for member in members {
      let (name, tensor) = (member.name, member.tensor)
      let parts = name.split(separator: ".").map { Int($0) }
      guard parts.count == 2, let step = parts[0], let input = parts[1], plan.inputs.indices.contains(input),
        step >= 0, step < members.count
      else {
        throw Trouble("\(path): member \(name) is not named STEP.INPUT, such as 0.0, of \(plan.inputs.count) inputs")
      }
      steps[step, default: [:]][input] = tensor
    }
    var current: [Int: TensorData] = [:]
    return try (0..<steps.count).map { step in
      guard let given = steps[step] else { throw Trouble("\(path): there is no step \(step)") }
      current.merge(given) { _, new in new }
      return RunCall(
        inputs: try plan.inputs.indices.map { index in
          try current[index].map { .tensor($0) } ?? constant(index)
            ?? { throw Trouble("\(path): step \(step) lacks input \(index)") }()
        })
    }
  }

  /// Values that fit the method: seeded random tensors of the largest planned shape, and the numbers that it was
  /// exported with.
  private func seeded(_ index: Int) throws -> RunValue {
    if let constant = constant(index) { return constant }
    guard let tensor = plan.tensor(Int(plan.inputs[index])) else {
      throw Trouble("input \(index) of method \(plan.name) is a list or a string: give it with --input")
    }
    let sizes = plan.sizes(of: tensor).map(Int.init)
    let bytes = sizes.reduce(tensor.scalarType.byteSize) { $0.multipliedReportingOverflow(by: $1).partialValue }
    guard tensor.shapeDynamism != .dynamicUnbound, bytes == tensor.byteCount else {
      throw Trouble("input \(index) of method \(plan.name) has no bound: give it with --input")
    }
    do {
      return .tensor(
        try SeededValues.fill(dtype: tensor.scalarType, sizes: sizes, seed: request.seed &+ UInt64(index)))
    } catch {
      throw Trouble("input \(index) of method \(plan.name): \(error)")
    }
  }

  private func constant(_ index: Int) -> RunValue? {
    switch plan.values[Int(plan.inputs[index])] {
    case .int(let value): .int(Int(value))
    case .double(let value): .double(value)
    case .bool(let value): .bool(value)
    case .null: RunValue.none
    default: nil
    }
  }

  private func value(_ value: BundledProgram.Value) throws -> RunValue {
    switch value {
    case .int(let value): .int(Int(value))
    case .double(let value): .double(value)
    case .bool(let value): .bool(value)
    case .tensor(let tensor): .tensor(try TensorLayout.rowMajor(tensor, of: model.bundled))
    }
  }
}
