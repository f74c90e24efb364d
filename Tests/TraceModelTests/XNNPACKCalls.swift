import Bytes
import ETCore
import ETDumpFormat
import ETFormats
import TestSupport
import TraceModel

/// The XNNPACK calls of a recorded trace, each with its events, payload and what the ETRecord says of it.
struct XNNPACKCalls {
  var calls: [Call] = []
  var delegates: [Range<Int>: Delegate] = [:]
  /// Calls whose instruction is no call of a delegate, and payloads that cannot be read.
  var faults: [String] = []

  struct Call {
    let delegate: Range<Int>
    let delegateIndex: Int
    let names: [String]
  }

  struct Delegate {
    let payload: XNNPACKPayload
    let handles: [DebugHandle]?
    let graph: OperatorGraph?
  }

  /// - Parameter folder: With `model.pte` and `model.etrecord`, from the fixtures' root.
  init(folder: String, trace: String = "time.etdp", method: String? = nil) throws {
    try self.init(
      program: Program.load(Fixtures.contents(folder + "/model.pte")),
      dump: Fixtures.withBytes(folder + "/" + trace) { try ETDump(reading: $0) },
      record: ETRecord(reading: Fixtures.contents(folder + "/model.etrecord")), method: method)
  }

  init(program: Program, dump: ETDump, record: ETRecord?, method: String?) throws {
    let plan = try method.flatMap { program.method(named: $0) } ?? program.executionPlans.first.required("a method")
    let recorded = record?.method(plan.name)
    let graph = try recorded?.edgeGraphEntry.map { try record!.graph($0) }
    for run in dump.runs where dump.text(run.name) == "Execute" {
      var waiting: [ETDump.Event] = []
      for event in dump.events[run.events ?? 0..<0] where event.kind == .profile {
        if event.isDelegated {
          waiting.append(event)
        } else if dump.text(event.name) == EventBlock.FrameworkEvent.delegateCall {
          let names = waiting.filter { $0.instructionID == event.instructionID }.map {
            dump.text($0.delegateDebugIDString)
          }
          waiting = []
          let instruction = InstructionID(event.instructionID)
          guard case .delegateCall(let index, _)? = plan.instruction(instruction, chain: max(0, Int(event.chainIndex)))
          else {
            faults.append("instruction \(instruction) is no call of a delegate")
            continue
          }
          guard let payload = try program.xnnpackPayload(ofDelegate: index, in: plan) else { continue }
          let data = plan.delegates[index].data
          delegates[data] = Delegate(
            payload: payload, handles: recorded?.debugHandles[Int(instruction.value)]?.all, graph: graph)
          calls.append(Call(delegate: data, delegateIndex: index, names: names))
        }
      }
    }
  }

  /// An aligner for each delegate.
  func aligners() -> [Range<Int>: XNNPACKAligner] {
    delegates.mapValues { XNNPACKAligner($0.payload, handles: $0.handles, graph: $0.graph) }
  }
}

struct MissingError: Error { let what: String }

extension Optional {
  func required(_ what: String) throws -> Wrapped {
    guard let self else { throw MissingError(what: what) }
    return self
  }
}
