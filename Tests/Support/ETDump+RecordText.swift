import Bytes
import ETCore
public import ETDumpFormat

extension ETDump {
  /// Every record as text, in the form of `CFlatBuffers.h`.
  public var recordText: [UInt8] {
    var text = RecordText()
    text.begin("ETDump")
    text.number("version", version)
    text.number("run_data", runs.count)
    text.end()
    for run in runs { write(run, to: &text) }
    return text.bytes
  }

  private func write(_ run: RunData, to text: inout RecordText) {
    text.begin("RunData")
    write("name", run.name, to: &text)
    text.number("bundled_input_index", run.bundledInputIndex)
    text.number("allocators", run.allocators.count)
    text.number("events", ifPresent: run.events?.count)
    text.end()
    for allocator in run.allocators {
      text.begin("Allocator")
      write("name", allocator, to: &text)
      text.end()
    }
    for event in events[run.events ?? 0..<0] { write(event, to: &text) }
  }

  private func write(_ event: Event, to text: inout RecordText) {
    text.begin("Event")
    text.table("profile_event", present: event.kind == .profile)
    text.table("allocation_event", present: event.kind == .allocation)
    text.table("debug_event", present: event.kind == .debug)
    text.end()
    switch event.kind {
    case .profile:
      text.begin("ProfileEvent")
      write("name", event.name, to: &text)
      text.number("chain_index", event.chainIndex)
      text.number("instruction_id", event.instructionID)
      text.number("delegate_debug_id_int", event.delegateDebugIDInt)
      write("delegate_debug_id_str", event.delegateDebugIDString, to: &text)
      if let metadata = metadata(of: event) {
        metadata.withUnsafeBytes { text.blob("delegate_debug_metadata", $0) }
      } else {
        text.blob("delegate_debug_metadata", nil)
      }
      text.number("start_time", event.start)
      text.number("end_time", event.end)
      text.end()
    case .allocation:
      text.begin("AllocationEvent")
      text.number("allocator_id", event.payload)
      text.number("allocation_size", event.start)
      text.end()
    case .debug:
      text.begin("DebugEvent")
      text.number("chain_index", event.start)
      text.number("instruction_id", event.instructionID)
      text.table("debug_entry", present: event.payload != Event.none)
      text.number("delegate_debug_id_int", event.delegateDebugIDInt)
      write("delegate_debug_id_str", event.delegateDebugIDString, to: &text)
      write("name", event.name, to: &text)
      text.end()
      if event.payload != Event.none { write(debugValues[Int(event.payload)], to: &text) }
    case .empty:
      break
    }
  }

  private func write(_ value: DebugValue, to text: inout RecordText) {
    text.begin("Value")
    text.number("val", value.kind.rawValue)
    text.table("tensor", present: value.tensor != nil)
    text.table("tensor_list", present: value.tensorList != nil)
    text.number("int_value", ifPresent: value.int)
    text.bits("float_value", value.float)
    text.bits("double_value", value.double)
    text.number("bool_value", ifPresent: value.bool.map { $0 ? 1 : 0 })
    text.number("output", ifPresent: value.isOutput.map { $0 ? 1 : 0 })
    text.end()
    if let tensor = value.tensor { write(tensors[tensor], to: &text) }
    if let list = value.tensorList {
      text.begin("TensorList")
      text.number("tensors", list.count)
      text.end()
      for tensor in tensors[list] { write(tensor, to: &text) }
    }
  }

  private func write(_ tensor: Tensor, to text: inout RecordText) {
    text.begin("Tensor")
    text.number("scalar_type", tensor.scalarType.rawValue)
    text.numbers("sizes", tensor.sizes.map { dimensions[$0] })
    text.numbers("strides", tensor.strides.map { dimensions[$0] })
    text.number("offset", tensor.offset)
    text.end()
  }

  private func write(_ field: StaticString, _ name: Int32, to text: inout RecordText) {
    guard name != Event.none else { return text.string(field, nil as UnsafeRawBufferPointer?) }
    names.withBytes(of: name) { text.string(field, $0) }
  }
}
