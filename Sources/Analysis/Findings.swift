import ETCore
import ETDumpFormat
public import ETFormats
public import TraceModel

/// Whether a trace is sound and fits the exporter's files: every rule, applied.
public enum Findings {
  /// What only the file's bytes can tell.
  public struct File: Sendable {
    /// The official verifier's verdict on the part that the trace takes.
    public var isStrictlyValid = true
    /// Where behind the trace another one begins.
    public var secondTrace: Int?
    /// Where the trace ends.
    public var end = 0
    /// Whether what follows the trace is all zeros.
    public var trailingIsZero = false

    public init() {}
  }

  /// - Parameters:
  ///   - aligned: Of all runs of the dump, not of a selection.
  ///   - file: nil where the dump does not come from a file.
  /// - Returns: The worst first, then by rule, then by place. Findings of a kind are one, with a count.
  /// - Complexity: O(*n*) in events, but for sorting.
  public static func find(
    _ aligned: AlignedTrace, file: File? = nil, record: ETRecord? = nil, program: Program? = nil
  ) -> [Finding] {
    var list = FindingList()
    let dump = aligned.trace.dump
    if let file { checkFile(file, dump, &list) }
    checkRuns(dump, &list)
    checkRecords(dump, &list)
    checkNames(dump, &list)
    checkOrder(dump, &list)
    for block in aligned.trace.blocks.indices {
      checkTimes(aligned.trace, block, &list)
      checkDelegates(aligned, block, &list)
      checkNesting(aligned.trace, block, &list)
    }
    checkMethods(aligned, record: record, program: program, &list)
    if let record { checkMatches(aligned, record, &list) }
    if let record, let program { checkContradictions(record, program, &list) }
    for fault in aligned.program?.faults ?? [] {
      list.add(
        .unreadablePayload, .init(), group: "\(fault)", "a delegate's payload cannot be read: \(fault)",
        mend: "take the .pte as the exporter wrote it")
    }
    return list.sorted
  }

  private static func checkFile(_ file: File, _ dump: ETDump, _ list: inout FindingList) {
    if let second = file.secondTrace {
      list.add(
        .secondTrace, .init(byte: second),
        "another trace begins at byte \(second), behind the one that is read: a buffer was used twice without being reset",
        mend:
          "write only the bytes that get_etdump_data returns; the rest of this file, from byte \(second), can be read as a trace of its own"
      )
    } else if dump.container.trailingBytes > 0 {
      list.add(
        .trailingBytes, .init(byte: file.end),
        "\(dump.container.trailingBytes) bytes follow the trace\(file.trailingIsZero ? ", all zero" : "")",
        mend: "write as many bytes as get_etdump_data says, not the whole buffer")
    }
    switch dump.container.form {
    case .sizePrefixed: break
    case .plain:
      list.add(
        .container, .init(byte: 0), "the trace has no size prefix: the reference refuses it",
        mend: "etdump cat --to etdp writes it anew")
    case .prefixedPlain:
      list.add(
        .container, .init(byte: 0), "a size prefix was put in front of a trace that was made without one",
        mend: "etdump cat --to etdp writes it anew")
    case .journal:
      list.add(
        .container, .init(byte: 0), "this is a tracer's journal, which the reference does not know",
        mend: "etdump cat --to etdp makes an ETDump of it")
    }
    if !file.isStrictlyValid {
      list.add(
        .notStrict, .init(byte: 0), "the official verifier refuses these bytes, though every record can be read",
        mend: "etdump cat --to etdp writes them anew")
    }
    if dump.version != 0 {
      list.add(
        .version, .init(), "the version field is \(dump.version); only 0 is known", mend: "look for a newer ettools")
    }
  }
}
