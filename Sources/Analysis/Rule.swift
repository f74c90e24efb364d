/// How much a finding matters: errors make the times or the model wrong, warnings make them doubtful, notes are good to know.
public enum Severity: String, CaseIterable, Sendable, Comparable {
  case note, warning, error

  private var rank: Int { Self.allCases.firstIndex(of: self)! }
  public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
}

/// Something that `etdump check` looks for. A number never changes its meaning, and one that goes is not given again.
public struct Rule: Sendable, Hashable {
  public let number: Int
  public let severity: Severity
  public let title: String
  /// What it means when the rule finds something.
  public let meaning: String

  private init(_ number: Int, _ severity: Severity, _ title: String, _ meaning: String) {
    self.number = number
    self.severity = severity
    self.title = title
    self.meaning = meaning
  }

  /// `ETD007`.
  public var id: String {
    let digits = String(number)
    return "ETD" + String(repeating: "0", count: 3 - digits.count) + digits
  }

  // MARK: What ran

  public static let noEvents = Rule(
    1, .error, "no events", "The trace was written, but nothing was recorded in it.")
  public static let failedRun = Rule(
    2, .error, "execution without Method::execute", "The run stopped before its end: its times are those of a part.")
  public static let clockWrap = Rule(
    3, .note, "32-bit clock wrapped",
    "An end lies below its start as 32-bit numbers do when they wrap; one lap is added. Longer events would lose laps.")
  public static let clockBackwards = Rule(
    4, .error, "clock went backwards",
    "An event ends before it starts, beyond 32 bits: it has no duration. The reference refuses the trace.")
  public static let repeatedSignature = Rule(
    5, .note, "event repeated within a run",
    "Loops repeat events; here their times are added up. The reference keeps the last one only.")

  // MARK: The exporter's files

  public static let unmatched = Rule(
    6, .warning, "not in the ETRecord",
    "Instructions or delegate ids of the trace have no debug handle in the ETRecord: they cannot be led back to the source."
  )
  public static let otherModel = Rule(
    7, .error, "another model", "The recorded instructions are not those of the ETRecord or program.")
  public static let contradiction = Rule(
    8, .error, "ETRecord and program contradict each other",
    "Their instructions, delegates or backends differ: they are from different exports.")
  public static let ambiguousMethod = Rule(
    9, .warning, "several methods fit", "Nothing tells which method ran, so nothing is led back to the source.")

  // MARK: The file

  public static let trailingBytes = Rule(
    10, .warning, "bytes behind the trace",
    "More was written than the trace: a whole buffer instead of its used part, or something else.")
  public static let secondTrace = Rule(
    11, .error, "another trace behind the trace",
    "The file holds two traces and only the first is read: runs are missing.")
  public static let container = Rule(
    12, .note, "not framed as the runtime frames it",
    "The size prefix is missing or was put in front later. The reference refuses the former.")

  // MARK: Clocks

  public static let foreignClock = Rule(
    13, .warning, "delegate events on another clock",
    "The times of a backend's events do not lie within their call: another unit or origin. They are in no sum.")
  public static let coarseGrid = Rule(
    14, .note, "coarse delegate clock",
    "Many of a backend's kernels are shorter than its clock's step: single times say little, averages over many runs more."
  )
  public static let valuesLogged = Rule(
    15, .warning, "values logged in a timing trace", "Copying values is part of the times.")

  // MARK: Records

  public static let allocatorID = Rule(
    16, .warning, "allocator id out of range", "Allocator ids count from 1 into the run's own list.")
  public static let unsupportedType = Rule(
    17, .note, "logged tensor of a type that the reference refuses", "The reference does not open the trace.")
  public static let allocations = Rule(
    18, .note, "allocation events", "The reference does not open the trace.")
  public static let notStrict = Rule(
    19, .note, "the official strict verifier refuses the file", "It can be read, but strict readers will not.")
  public static let notUTF8 = Rule(
    20, .warning, "name that is not UTF-8", "Its odd bytes are shown as U+FFFD. The reference does not open the trace.")

  // MARK: Nesting

  public static let strayDelegateEvent = Rule(
    21, .warning, "delegate event without a DELEGATE_CALL", "It cannot be counted as a part of a call.")
  public static let outsideParent = Rule(
    22, .warning, "event not within what encloses it",
    "Events cross, or parts add up to more than the whole, beyond rounding.")
  public static let singleRun = Rule(
    23, .note, "a single execution", "There is no spread to judge by, and warm-up cannot be told from the rest.")
  public static let version = Rule(
    24, .warning, "unknown version", "The version field is not 0: fields may mean something else.")
  public static let disorder = Rule(
    25, .warning, "times out of order",
    "Events stand in the order in which they ended; here the times say otherwise: runs overlap or the clock was set.")
  public static let unreadablePayload = Rule(
    26, .warning, "a delegate's payload cannot be read",
    "The program's XNNPACK graph is damaged or of an unknown version.")
  public static let notFinite = Rule(
    27, .note, "logged scalar that is not finite", "The reference does not open the trace.")
  public static let payloadMismatch = Rule(
    28, .warning, "kernels do not fit the program's payload",
    "XNNPACK ran other kernels than the payload makes: another program, or an XNNPACK that is not known.")

  /// All rules, by number.
  public static let all: [Rule] = [
    .noEvents, .failedRun, .clockWrap, .clockBackwards, .repeatedSignature, .unmatched, .otherModel, .contradiction,
    .ambiguousMethod, .trailingBytes, .secondTrace, .container, .foreignClock, .coarseGrid, .valuesLogged, .allocatorID,
    .unsupportedType, .allocations, .notStrict, .notUTF8, .strayDelegateEvent, .outsideParent, .singleRun, .version,
    .disorder, .unreadablePayload, .notFinite, .payloadMismatch,
  ]
}
