public import Bytes
import ETCore
import ETDumpFormat
import Presentation

/// `etdump cat`: every record of a trace, as NDJSON or as a clean ETDump.
public struct CatRequest: Sendable {
  public enum Format: String, CaseIterable, Sendable { case ndjson, etdp }

  public var trace: String
  public var format: Format
  public var output: String?

  public init(trace: String, format: Format = .ndjson, output: String? = nil) {
    self.trace = trace
    self.format = format
    self.output = output
  }

  public func run(out: any ByteSink, notes: any ByteSink) throws -> ExitStatus {
    let dump = try Inputs.reading(trace) { (path) throws(ReadError) in try Inputs.readTrace(path) }
    try Output.write(to: output, standard: out) { sink in
      switch format {
      case .ndjson: try RecordLines(dump: dump).write(to: sink)
      case .etdp: try sink.write(try dump.encoded())
      }
    }
    return .fine
  }
}

/// One line for the file, one for each run, one for each event, under the schema's names. Absent fields are left out.
private struct RecordLines {
  let dump: ETDump

  func write(to sink: any ByteSink) throws(WriteError) {
    var json = JSONWriter()
    json.object { json in
      json.member("schema", "ettools.cat/1")
      json.member("version", dump.version)
      json.member("container", "\(dump.container.form)")
      json.member("trailing_bytes", dump.container.trailingBytes)
      json.member("runs", dump.runs.count)
      json.member("events", dump.events.count)
    }
    json.endLine()
    for (index, run) in dump.runs.enumerated() {
      json.object { json in
        json.member("run", index)
        if run.name != ETDump.Event.none { json.member("name", dump.text(run.name)) }
        json.member("bundled_input_index", run.bundledInputIndex)
        json.key("allocators")
        json.array { json in for name in run.allocators { json.value(dump.text(name)) } }
        if let events = run.events { json.member("events", events.count) }
      }
      json.endLine()
      for event in run.events ?? 0..<0 {
        append(dump.events[event], run: index, to: &json)
        json.endLine()
        if json.pendingCount > 1 << 16 { try sink.write(json.take()) }
      }
    }
    try sink.write(json.take())
  }

  private func append(_ event: ETDump.Event, run: Int, to json: inout JSONWriter) {
    json.object { json in
      json.member("run", run)
      json.member("event", "\(event.kind)")
      switch event.kind {
      case .profile:
        appendIDs(event, chain: Int64(event.chainIndex), to: &json)
        if let metadata = dump.metadata(of: event) { json.member("delegate_debug_metadata", Self.hex(metadata)) }
        json.member("start_time", event.start)
        json.member("end_time", event.end)
      case .allocation:
        json.member("allocator_id", event.payload)
        json.member("allocation_size", event.start)
      case .debug:
        // The schema's field is unsigned; the runtime means −1 by its largest value.
        appendIDs(event, chain: Int64(bitPattern: event.start), to: &json)
        if event.payload != ETDump.Event.none {
          json.key("debug_entry")
          append(dump.debugValues[Int(event.payload)], to: &json)
        }
      case .empty: break
      }
    }
  }

  private func appendIDs(_ event: ETDump.Event, chain: Int64, to json: inout JSONWriter) {
    if event.name != ETDump.Event.none { json.member("name", dump.text(event.name)) }
    json.member("chain_index", chain)
    json.member("instruction_id", event.instructionID)
    if event.delegateDebugIDInt != -1 { json.member("delegate_debug_id_int", event.delegateDebugIDInt) }
    if event.delegateDebugIDString != ETDump.Event.none {
      json.member("delegate_debug_id_str", dump.text(event.delegateDebugIDString))
    }
  }

  private func append(_ value: ETDump.DebugValue, to json: inout JSONWriter) {
    json.object { json in
      json.member("val", "\(value.kind)")
      if let int = value.int { json.member("int_val", int) }
      if let float = value.float { json.member("float_val", Double(float)) }
      if let double = value.double { json.member("double_val", double) }
      if let bool = value.bool { json.member("bool_val", bool) }
      if let tensor = value.tensor {
        json.key("tensor")
        append(dump.tensors[tensor], to: &json)
      }
      if let list = value.tensorList {
        json.key("tensor_list")
        json.array { json in for tensor in list { append(dump.tensors[tensor], to: &json) } }
      }
      if let output = value.isOutput { json.member("output", output) }
    }
  }

  private func append(_ tensor: ETDump.Tensor, to json: inout JSONWriter) {
    json.object { json in
      json.member("scalar_type", "\(tensor.scalarType)")
      for (name, range) in [("sizes", tensor.sizes), ("strides", tensor.strides)] {
        guard let range else { continue }
        json.key(name)
        json.array { json in for size in dump.dimensions[range] { json.value(size) } }
      }
      json.member("offset", tensor.offset)
    }
  }

  private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
