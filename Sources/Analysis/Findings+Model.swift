import ETCore
import ETDumpFormat
import ETFormats
import TraceModel

// Whether the trace and the exporter's files belong together.
extension Findings {
  static func checkMethods(_ aligned: AlignedTrace, record: ETRecord?, program: Program?, _ list: inout FindingList) {
    let what =
      switch (record, program) {
      case (_?, _?): "the ETRecord and the program"
      case (_?, nil): "the ETRecord"
      default: "the program"
      }
    for block in aligned.methods.unfitting {
      list.add(
        .otherModel, .init(block: block), "the instructions that were recorded are not those of \(what)",
        mend: "take the files of the export that was run; with --method, check the method's name")
    }
    for (block, kernels) in (aligned.program?.kernels ?? []).enumerated() {
      let unmatched = kernels.values.count { $0.confidence == .unmatched }
      guard unmatched * 2 > kernels.count else { continue }
      list.add(
        .payloadMismatch, .init(block: block),
        "\(unmatched) of \(kernels.count) of XNNPACK's kernels are not those that the program's payload makes",
        mend: "take the program that was run")
    }
    for block in aligned.methods.ambiguous {
      list.add(
        .ambiguousMethod, .init(block: block), "several methods fit what was recorded", mend: "say which with --method")
    }
  }

  /// Each instruction of the trace against the ETRecord's maps: is it there, and is it about the same operator?
  static func checkMatches(_ aligned: AlignedTrace, _ record: ETRecord, _ list: inout FindingList) {
    let trace = aligned.trace
    for (block, events) in trace.blocks.enumerated() where !aligned.methods.unfitting.contains(block) {
      if aligned.methods.ambiguous.contains(block), let ran = lastInstruction(trace, block),
        record.methods.allSatisfy({ !endsAt(ran, $0) })
      {
        list.add(
          .otherModel, .init(block: block, run: events.runs.first, instruction: ran),
          "the execution ended with instruction \(ran), as no method of the ETRecord does",
          mend: "take the ETRecord of the export that was run")
      }
      guard let name = aligned.methods.methods[block], let method = record.method(name), !method.debugHandles.isEmpty
      else { continue }
      var (known, missing) = (0, [Int]())
      var (alike, different) = (0, [Int]())
      // The maps are of the method's own chain. Bodies of branches and loops that the emitter put into it have no handles.
      for row in events.rows.indices where trace.chain(of: events.rows[row]) == 0 {
        let instruction = Int(trace.instruction(of: events.rows[row]).value)
        switch trace.kinds[block][row] {
        case .kernel where !isPrimitive(trace.name(of: events.rows[row])), .delegateCall:
          if method.debugHandles[instruction] == nil { missing.append(row) } else { known += 1 }
          guard trace.kinds[block][row] == .kernel else { continue }
          let operators = aligned.alignment.operators(block: block, row: row).operators
          guard !operators.isEmpty else { continue }
          if isAbout(trace.name(of: events.rows[row]), operators) { alike += 1 } else { different.append(row) }
        case .delegated:
          guard let delegate = method.delegates[instruction], !delegate.handlesByEvent.isEmpty else { continue }
          if aligned.alignment[block, row].handles == nil { missing.append(row) } else { known += 1 }
        default: break
        }
      }
      // Of two models that begin alike, as relatives do, the longer one goes on where the trace ends.
      let ran = lastInstruction(trace, block)
      let last = method.debugHandles.keys.max() ?? 0
      if let row = different.first, different.count * 4 > alike + different.count {
        let operators = aligned.alignment.operators(block: block, row: row).operators
        list.add(
          .otherModel, place(trace, block, row),
          "\(different.count) of \(different.count + alike) kernels do not run what the ETRecord says: \(trace.name(of: events.rows[row])) where it has \(operators[0])",
          mend: "take the ETRecord of the export that was run")
      } else if let row = missing.first, missing.count > known, !trace.kinds[block].contains(.control) {
        list.add(
          .otherModel, place(trace, block, row),
          "\(missing.count) of \(missing.count + known) operators and delegate events are not in the ETRecord",
          mend: "take the ETRecord of the export that was run")
      } else if let ran, ran < last {
        list.add(
          .otherModel, .init(block: block, run: events.runs.first, instruction: ran),
          "the execution ended with instruction \(ran), and the ETRecord has instructions up to \(last)",
          mend: "take the ETRecord of the export that was run")
      } else {
        for row in missing {
          list.add(
            .unmatched, place(trace, block, row),
            "\(trace.name(of: events.rows[row])) has no debug handle in the ETRecord",
            mend: "operators that passes insert have none; else take the ETRecord of the export that was run")
        }
      }
    }
  }

  /// The last instruction of a block whose runs ended and went straight through; nil for others.
  private static func lastInstruction(_ trace: Trace, _ block: Int) -> Int? {
    let kinds = trace.kinds[block]
    guard kinds.contains(.methodExecute), !kinds.contains(.control) else { return nil }
    let rows = trace.blocks[block].rows.enumerated().filter { row, event in
      [.operatorCall, .delegateCall].contains(kinds[row]) && trace.chain(of: event) == 0
    }
    return rows.map { Int(trace.instruction(of: $0.element).value) }.max()
  }

  /// Whether a method may end with an instruction: all after it, or a few before it, have no handle.
  private static func endsAt(_ instruction: Int, _ method: ETRecord.Method) -> Bool {
    guard let last = method.debugHandles.keys.max(), last <= instruction else { return false }
    return instruction - last <= method.debugHandles.count
  }

  /// Arithmetic on sizes and the writing back of mutable buffers (`copy_`): the exporter adds them and gives them no handle.
  private static func isPrimitive(_ name: String) -> Bool {
    let name = name.dropFirst(
      name.hasPrefix(EventBlock.FrameworkEvent.kernelPrefix) ? EventBlock.FrameworkEvent.kernelPrefix.count : 0)
    return name.hasPrefix("executorch_prim") || name.hasPrefix("et_") || name == "copy_" || name.hasPrefix("copy_.")
  }

  /// Whether a kernel's name is that of one of the operators, overloads and the dialect's spelling aside. Backends' passes put
  /// `quantized_add` in the place of `add`.
  private static func isAbout(_ kernel: String, _ operators: [String]) -> Bool {
    let prefix = EventBlock.FrameworkEvent.kernelPrefix
    let base =
      (kernel.hasPrefix(prefix) ? kernel.dropFirst(prefix.count) : kernel[...]).split(separator: ":").last?
      .split(separator: ".").first.map(letters) ?? ""
    return operators.contains { name in
      let parts = name.split(separator: ".")
      return letters(name[...]).contains(base) || base.contains(letters(parts.count > 1 ? parts[1] : name[...]))
    }
  }

  private static func letters(_ text: Substring) -> String {
    String(text.lowercased().filter { $0.isLetter || $0.isNumber })
  }

  // MARK: Record against program

  static func checkContradictions(_ record: ETRecord, _ program: Program, _ list: inout FindingList) {
    let mend = "take both from one export"
    let described = record.methods.filter { !$0.debugHandles.isEmpty }
    for plan in program.executionPlans {
      guard let method = described.first(where: { $0.name == plan.name }) else {
        if !described.isEmpty {
          list.add(
            .contradiction, .init(), group: "method", "the program's method \(plan.name) is not in the ETRecord",
            mend: mend)
        }
        continue
      }
      let count = plan.chains.first?.instructions.count ?? 0
      if plan.chains.count == 1, let last = method.debugHandles.keys.max(), last >= count {
        list.add(
          .contradiction, .init(instruction: last), group: "count \(plan.name)",
          "\(plan.name) has \(count) instructions in the program, and instruction \(last) in the ETRecord", mend: mend)
      }
      for instruction in 0..<count {
        let id = InstructionID(Int32(truncatingIfNeeded: instruction))
        let backend = plan.backendID(at: id)
        let recorded = method.delegates[instruction]
        let place = Finding.Place(instruction: instruction)
        switch (backend, recorded) {
        case (let backend?, let recorded?) where !recorded.backend.isEmpty && recorded.backend != backend:
          list.add(
            .contradiction, place, group: "backend \(plan.name)",
            "instruction \(instruction) of \(plan.name) calls \(backend) in the program and \(recorded.backend) in the ETRecord",
            mend: mend)
        case (let backend?, nil):
          list.add(
            .contradiction, place, group: "delegate \(plan.name)",
            "instruction \(instruction) of \(plan.name) calls \(backend) in the program and no delegate in the ETRecord",
            mend: mend)
        case (nil, let recorded?) where plan.chains.count == 1:
          list.add(
            .contradiction, place, group: "delegate \(plan.name)",
            "instruction \(instruction) of \(plan.name) calls \(recorded.backend) in the ETRecord and no delegate in the program",
            mend: mend)
        default: break
        }
      }
    }
    for method in described where !program.methodNames.contains(method.name) {
      list.add(
        .contradiction, .init(), group: "method", "the ETRecord's method \(method.name) is not in the program",
        mend: mend)
    }
  }
}
