import Bytes
import ETCore
import ETFormats
import TestSupport

// What the reader found, as text in the form of `CFlatBuffers.h`, less what `RecordComparison` leaves out.

extension Program {
  var recordText: [UInt8] {
    var text = RecordText()
    text.begin("Program")
    text.number("version", version)
    text.number("execution_plan", executionPlans.count)
    text.number("constant_buffer", constantBuffer.count)
    text.number("backend_delegate_data", backendDelegateData.count)
    text.number("segments", segments.count)
    text.number("mutable_data_segments", mutableDataSegments.count)
    text.number("named_data", namedData.count)
    text.end()
    for plan in executionPlans { plan.write(of: self, to: &text) }
    for range in constantBuffer { write("Buffer", "storage", range, to: &text) }
    for range in backendDelegateData { write("BackendDelegateInlineData", "data", range, to: &text) }
    for range in segments {
      text.begin("DataSegment")
      let base = header.map { place.lowerBound + $0.segmentBaseOffset } ?? range.lowerBound
      text.number("offset", header?.segmentBaseOffset == 0 ? 0 : range.lowerBound - base)
      text.number("size", range.count)
      text.end()
    }
    if let constantSegment { write(constantSegment, to: &text) }
    for offsets in mutableDataSegments { write(offsets, to: &text) }
    for named in namedData {
      text.begin("NamedData")
      text.name("key", named.key, names)
      text.number("segment_index", named.segment)
      text.end()
    }
    return text.bytes
  }

  private func write(_ table: StaticString, _ field: StaticString, _ range: Range<Int>, to text: inout RecordText) {
    text.begin(table)
    text.blob(field, bytes(range))
    text.end()
  }

  private func write(_ offsets: SubsegmentOffsets, to text: inout RecordText) {
    text.begin("SubsegmentOffsets")
    if let segment = offsets.segment {
      text.number("segment_index", segment)
      text.numbers("offsets", offsets.offsets)
    }
    text.end()
  }
}

extension Program.ExecutionPlan {
  fileprivate func write(of program: Program, to text: inout RecordText) {
    text.begin("ExecutionPlan")
    text.string("name", name)
    text.number("values", values.count)
    text.numbers("inputs", inputs)
    text.numbers("outputs", outputs)
    text.number("chains", chains.count)
    text.number("operators", operators.count)
    text.number("delegates", delegates.count)
    text.numbers("non_const_buffer_sizes", nonConstBufferSizes)
    text.number("non_const_buffer_device", nonConstBufferDevices.count)
    text.end()
    text.begin("ContainerMetadata")
    text.string("encoded_inp_str", inputEncoding)
    text.string("encoded_out_str", outputEncoding)
    text.end()
    for value in values { write(value, to: &text) }
    for chain in chains { write(chain, to: &text) }
    for entry in operators {
      text.begin("Operator")
      text.name("name", entry.name, names)
      text.name("overload", entry.overload, names)
      text.end()
    }
    for delegate in delegates { write(delegate, of: program, to: &text) }
    for device in nonConstBufferDevices {
      text.begin("NonConstBufferDevice")
      text.number("buffer_idx", device.buffer)
      text.number("device_type", device.deviceType.number)
      text.number("device_index", device.deviceIndex)
      text.end()
    }
  }

  private func write(_ value: Program.EValue, to text: inout RecordText) {
    func begin(_ kind: Int, _ name: StaticString?) {
      text.begin("EValue")
      text.number("val", kind)
      text.end()
      if let name { text.begin(name) }
    }
    switch value {
    case .null: return begin(1, nil)
    case .int(let value):
      begin(2, "Int")
      text.number("int_val", value)
    case .bool(let value):
      begin(3, "Bool")
      text.flag("bool_val", value)
    case .double(let value):
      begin(4, "Double")
      text.bits("double_val", value)
    case .tensor(let index):
      begin(5, "Tensor")
      return write(tensors[index], to: &text)
    case .string(let name):
      begin(6, "String")
      text.name("string_val", name, names)
    case .intList(let range):
      begin(7, "IntList")
      text.numbers("items", valueIndices[range])
    case .doubleList(let range):
      begin(8, "DoubleList")
      text.bits("items", doubles[range])
    case .boolList(let range):
      begin(9, "BoolList")
      text.numbers("items", bools[range].map { $0 ? 1 : 0 })
    case .tensorList(let range):
      begin(10, "TensorList")
      text.numbers("items", valueIndices[range])
    case .optionalTensorList(let range):
      begin(11, "OptionalTensorList")
      text.numbers("items", valueIndices[range])
    }
    text.end()
  }

  private func write(_ tensor: Program.Tensor, to text: inout RecordText) {
    text.number("scalar_type", tensor.scalarType.rawValue)
    text.number("storage_offset", 0)
    text.numbers("sizes", sizes(of: tensor))
    text.numbers("dim_order", dimOrder(of: tensor))
    text.flag("requires_grad", tensor.requiresGrad)
    text.number("data_buffer_idx", tensor.dataBufferIndex)
    text.table("allocation_info", present: tensor.allocation != nil)
    text.number("layout", tensor.layout)
    text.number("shape_dynamism", tensor.shapeDynamism.rawValue)
    text.end()
    if let details = tensor.allocation {
      text.begin("AllocationDetails")
      text.number("memory_id", details.memoryID)
      text.number("memory_offset_low", UInt32(truncatingIfNeeded: details.offset))
      text.number("memory_offset_high", UInt32(truncatingIfNeeded: details.offset >> 32))
      text.end()
    }
    text.begin("ExtraTensorInfo")
    text.name("fully_qualified_name", tensor.fullyQualifiedName, names)
    text.number("location", tensor.location.rawValue)
    text.number("device_type", tensor.deviceType.number)
    text.number("device_index", tensor.deviceIndex)
    text.end()
  }

  private func write(_ chain: Program.Chain, to text: inout RecordText) {
    text.begin("Chain")
    text.numbers("inputs", valueIndices[chain.inputs])
    text.numbers("outputs", valueIndices[chain.outputs])
    text.number("instructions", chain.instructions.count)
    text.number("stacktrace", chain.stacktraces.count)
    text.end()
    for instruction in instructions[chain.instructions] { write(instruction, to: &text) }
    for range in chain.stacktraces {
      text.begin("FrameList")
      text.number("items", range.count)
      text.end()
      for frame in frames[range] {
        text.begin("Frame")
        text.name("filename", frame.filename, names)
        text.number("lineno", frame.line)
        text.name("name", frame.name, names)
        text.name("context", frame.context, names)
        text.end()
      }
    }
  }

  private func write(_ instruction: Program.Instruction, to text: inout RecordText) {
    func begin(_ kind: Int, _ name: StaticString) {
      text.begin("Instruction")
      text.number("instr_args", kind)
      text.end()
      text.begin(name)
    }
    switch instruction {
    case .kernelCall(let index, let args):
      begin(1, "KernelCall")
      text.number("op_index", index)
      text.numbers("args", valueIndices[args])
    case .delegateCall(let index, let args):
      begin(2, "DelegateCall")
      text.number("delegate_index", index)
      text.numbers("args", valueIndices[args])
    case .moveCall(let from, let to):
      begin(3, "MoveCall")
      text.number("move_from", from)
      text.number("move_to", to)
    case .jumpFalseCall(let condition, let destination):
      begin(4, "JumpFalseCall")
      text.number("cond_value_index", condition)
      text.number("destination_instruction", destination)
    case .freeCall(let value):
      begin(5, "FreeCall")
      text.number("value_index", value)
    }
    text.end()
  }

  private func write(_ delegate: Program.Delegate, of program: Program, to text: inout RecordText) {
    text.begin("BackendDelegate")
    text.name("id", delegate.id, names)
    text.table("processed", present: true)
    text.number("compile_specs", delegate.compileSpecs.count)
    text.end()
    text.begin("BackendDelegateDataReference")
    text.number("location", delegate.location == .inline ? 0 : 1)
    text.number("index", delegate.index)
    text.end()
    for spec in delegate.compileSpecs {
      text.begin("CompileSpec")
      text.name("key", spec.key, names)
      text.blob("value", program.bytes(spec.value))
      text.end()
    }
  }
}

extension Program.DeviceType {
  fileprivate var number: Int8 {
    switch self {
    case .cpu: 0
    case .cuda: 1
    case .other(let number): number
    }
  }
}

extension RecordText {
  mutating func name(_ field: StaticString, _ name: Int32, _ names: NamePool) {
    guard name >= 0 else { return string(field, nil as UnsafeRawBufferPointer?) }
    names.withBytes(of: name) { string(field, $0) }
  }
}
