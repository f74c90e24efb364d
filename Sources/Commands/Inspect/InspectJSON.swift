import Analysis
import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import Presentation
import TraceModel

/// The schema `ettools.inspect/1`: every event in the reference's order, with all that is known of it.
struct InspectJSON {
  let aligned: AlignedTrace
  let conversion: TimeConversion
  let reference: Bool
  private let selfTimes: [SelfTimes]

  init(aligned: AlignedTrace, conversion: TimeConversion, reference: Bool) {
    self.aligned = aligned
    self.conversion = conversion
    self.reference = reference
    selfTimes = aligned.trace.blocks.map(SelfTimes.init)
  }

  /// - Parameter lines: One event a line (NDJSON) instead of one document.
  func write(lines: Bool, to sink: any ByteSink) throws(WriteError) {
    var json = JSONWriter(indentation: lines ? nil : 1)
    var failure: WriteError?
    func flush(_ json: inout JSONWriter) {
      guard failure == nil, json.pendingCount > 1 << 16 else { return }
      do throws(WriteError) { try sink.write(json.take()) } catch { failure = error }
    }
    if lines {
      for (block, events) in aligned.trace.blocks.enumerated() {
        for row in events.rows.indices {
          json.object { json in
            json.member("schema", "ettools.inspect/1")
            json.member("event_block", events.name)
            json.member("block_index", block)
            appendFields(block, row, to: &json)
          }
          json.endLine()
          flush(&json)
        }
      }
    } else {
      json.object { json in
        json.member("schema", "ettools.inspect/1")
        json.member("source_time_scale", conversion.source.rawValue)
        json.member("target_time_scale", conversion.target.rawValue)
        json.key("event_blocks")
        json.array { json in
          for (block, events) in aligned.trace.blocks.enumerated() {
            json.object { json in
              json.member("name", events.name)
              json.member("runs", events.runs.count)
              json.member("bundled_input_index", events.bundledInputIndex)
              if let method = aligned.methods.methods[block] { json.member("method", method) }
              json.key("phases")
              json.array { json in appendPhases(block, to: &json) }
              json.key("events")
              json.array { json in
                for row in events.rows.indices {
                  json.object { json in appendFields(block, row, to: &json) }
                  flush(&json)
                }
              }
            }
          }
        }
      }
      json.endLine()
    }
    if let failure { throw failure }
    try sink.write(json.take())
  }

  private func appendPhases(_ block: Int, to json: inout JSONWriter) {
    for phase in aligned.phases[block] {
      json.object { json in
        json.member("name", phase.name.rawValue)
        json.key("runs")
        json.array { json in for run in phase.runs { json.value(run) } }
      }
    }
  }

  private func appendFields(_ block: Int, _ row: Int, to json: inout JSONWriter) {
    let trace = aligned.trace
    let events = trace.blocks[block]
    let association = aligned.alignment[block, row]
    json.member("name", trace.name(of: events.rows[row]))
    json.member("chain_index", trace.chain(of: events.rows[row]))
    json.member("instruction_id", trace.instruction(of: events.rows[row]).value)
    json.key("delegate_debug_identifier")
    switch trace.delegateIdentifier(of: events.rows[row]) {
    case .int(let number)?: json.value(number)
    case .string(let text)?: json.value(text)
    case nil: json.null()
    }
    json.member("parent", events.parents[row])
    json.member("other_clock", events.isForeign[row])
    json.key("count")
    json.array { json in for run in events.runs.indices { json.value(events.count(row: row, run: run)) } }
    if let perf = trace.perfData(block: block, row: row, in: conversion, reference: reference) {
      json.key("raw")
      json.array { json in for time in perf.raw { json.value(time) } }
      for (name, value) in [
        ("p10", perf.p10), ("p50", perf.p50), ("p90", perf.p90), ("avg", perf.avg), ("min", perf.min),
        ("max", perf.max),
        ("stddev", perf.standardDeviation),
      ] {
        json.member(name, value)
      }
    } else {
      for name in ["raw", "p10", "p50", "p90", "avg", "min", "max", "stddev"] {
        json.key(name)
        json.null()
      }
    }
    appendShares(block, row, to: &json)
    appendSource(block, row, association, to: &json)
    json.key("start_time")
    if let starts = trace.starts(block: block, row: row, reference: reference) {
      json.array { json in for start in starts { json.value(start) } }
    } else {
      json.null()
    }
  }

  /// Self times in ticks, the share of `Method::execute`, and where runs differ in size the statistics of each phase.
  private func appendShares(_ block: Int, _ row: Int, to json: inout JSONWriter) {
    let trace = aligned.trace
    let events = trace.blocks[block]
    guard events.rows[row].hasProfile, !events.isForeign[row] else { return }
    json.key("self_ticks")
    json.array { json in for run in events.runs.indices { json.value(selfTimes[block].ticks(row: row, run: run)) } }
    func total(_ row: Int) -> Double {
      events.runs.indices.reduce(0) { $0 + Double(events.duration(row: row, run: $1)) }
    }
    if let whole = trace.kinds[block].firstIndex(of: .methodExecute), total(whole) > 0 {
      json.member("share", total(row) / total(whole))
    }
    let phases = aligned.phases[block]
    guard phases.count > 1 else { return }
    json.key("phases")
    json.array { json in
      for phase in phases {
        guard let perf = trace.perfData(block: block, row: row, in: conversion, runs: phase.runs, reference: reference)
        else {
          continue
        }
        json.object { json in
          json.member("name", phase.name.rawValue)
          for (name, value) in [("p10", perf.p10), ("p50", perf.p50), ("p90", perf.p90), ("avg", perf.avg)] {
            json.member(name, value)
          }
        }
      }
    }
  }

  private func appendSource(_ block: Int, _ row: Int, _ association: Alignment.Association, to json: inout JSONWriter) {
    let kernel = aligned.program?.kernels[block][row]
    let set = aligned.alignment.operators(block: block, row: row)
    // A kernel of XNNPACK goes back to its own operators where the payload tells them.
    let nodes = kernel == nil ? set.nodes : aligned.nodes(block: block, row: row)
    json.key("op_types")
    json.array { json in for op in kernel == nil ? set.operators : nodes.map(\.op) { json.value(op) } }
    json.key("debug_handles")
    switch (association.handles, kernel) {
    case (_, let kernel?):
      json.array { json in
        for handle in [kernel.primary].compactMap({ $0 }) + kernel.covered { json.value(handle.value) }
      }
    case (.one(let handle)?, nil): json.value(handle.value)
    case (.list(let handles)?, nil): json.array { json in for handle in handles { json.value(handle.value) } }
    case (nil, nil): json.null()
    }
    if let kernel {
      json.member("inserted", kernel.isInserted)
      json.member("alignment", "\(kernel.confidence)")
      if !kernel.why.isEmpty { json.member("why", kernel.why) }
    }
    json.key("operator")
    if let name = aligned.operatorName(block: block, row: row) { json.value(name) } else { json.null() }
    json.member("num_outputs", association.outputCount)
    json.member("is_delegated_op", aligned.trace.kinds[block][row] == .delegated)
    json.key("delegate_backend_name")
    if let backend = aligned.backend(block: block, row: row) { json.value(backend) } else { json.null() }
    json.key("stack_traces")
    json.object { json in
      for node in nodes {
        // Names end in an underscore, as in the reference's operator graph.
        json.key(node.name + "_")
        if let text = node.stackTrace { json.value(text) } else { json.null() }
      }
    }
    json.key("module_hierarchy")
    json.object { json in
      for node in nodes {
        json.key(node.name + "_")
        json.object { json in
          for module in node.modules {
            json.key(module.key)
            json.array { json in
              json.value(module.path)
              json.value(module.type)
            }
          }
        }
      }
    }
  }
}
