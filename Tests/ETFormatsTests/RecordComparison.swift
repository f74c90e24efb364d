import ETFormats
import TestSupport

/// Compares a reader's records with the official library's.
///
/// Lines that differ are brought to what the readers keep: they do not tell an absent list from an empty one, nor an
/// absent table from one of defaults; they decode some names to text, and leave out fields that nothing uses.
struct RecordComparison {
  private var lines: [ArraySlice<UInt8>]
  private var place = 0
  private let isGraph: Bool
  /// The union's member of the XNNPACK node that was met last, and the constants met.
  private var nodeKind = 0
  private var constants = 0

  /// The first difference, or nil.
  static func firstDifference(_ ours: [UInt8], _ theirs: [UInt8]) -> String? {
    var (ours, theirs) = (RecordComparison(ours), RecordComparison(theirs))
    while true {
      // Nearly all lines are equal as they are; the kinds that count what came before are looked at all the same.
      while let line = ours.peek, line == theirs.peek, line.first != UInt8(ascii: "X"), line.first != UInt8(ascii: "C")
      {
        ours.place += 1
        theirs.place += 1
      }
      let (our, their) = (ours.next(), theirs.next())
      guard our != their else {
        if our == nil { return nil }
        continue
      }
      // Bytes that are no UTF-8 have become U+FFFD.
      if our?.contains(#"\ef\bf\bd"#) == true { continue }
      return "record \(ours.place)\n  ours:   \(our ?? "(nothing)")\n  theirs: \(their ?? "(nothing)")"
    }
  }

  private init(_ text: [UInt8]) {
    lines = text.split(separator: UInt8(ascii: "\n"))
    isGraph = text.starts(with: "XNNGraph".utf8)
  }

  private var peek: ArraySlice<UInt8>? { place < lines.count ? lines[place] : nil }

  private mutating func next() -> String? {
    while place < lines.count {
      let line = String(decoding: lines[place], as: UTF8.self)
      place += 1
      if let kept = kept(line) { return kept }
    }
    return nil
  }

  private static let leftOut = [
    "Program": ["constant_segment"],
    "Tensor": ["extra_tensor_info"],
    "ExtraTensorInfo": ["mutable_data_segments_idx"],
    "ExecutionPlan": ["container_meta_type"],
    "XNNGraph": ["mem_buffer_sizes", "constant_buffer", "constant_data"],
  ]

  private static let lists = [
    "inputs", "outputs", "args", "non_const_buffer_sizes", "input_ids", "output_ids", "dims", "scale", "perm",
    "new_shape",
    "pre_paddings", "post_paddings", "offsets", "sizes",
  ]

  /// A line as the readers keep it, or nil for one that says nothing.
  private mutating func kept(_ line: String) -> String? {
    var line = line
    let table = String(line.prefix { $0 != " " })
    for field in Self.leftOut[table] ?? [] { Self.remove(field, from: &line) }
    if line.utf8.contains(UInt8(ascii: "-")) {
      for list in Self.lists { Self.replaceAbsent(list, by: "[]", in: &line) }
      if ["Buffer", "BackendDelegateInlineData", "CompileSpec"].contains(table) && line.hasSuffix("=-") {
        line = line.dropLast() + "0:cbf29ce484222325"
      }
    }
    switch table {
    case "Null", "XValue", "XNNQuantizedTensorValue": return nil
    case "ContainerMetadata" where line.hasSuffix("encoded_inp_str=- encoded_out_str=-"): return nil
    case "ExtraTensorInfo" where line.hasSuffix(" fully_qualified_name=- location=0 device_type=0 device_index=0"):
      return nil
    case "SubsegmentOffsets" where !line.contains(","): return table
    case "BoolList":
      let items = line.drop { $0 != "[" }.dropFirst().dropLast().split(separator: ",")
      return "BoolList items=[" + items.map { $0 == "0" ? "0" : "1" }.joined(separator: ",") + "]"
    case "XNNGraph": Self.replaceAbsent("version", by: "\"\"", in: &line)
    case "XNode": nodeKind = line.split(separator: " ").dropFirst().first.flatMap { Int($0.dropFirst(12)) } ?? 0
    case "Buffer" where isGraph: return nil
    case "ConstantDataOffset":
      constants += 1
      // The first is reserved.
      if constants == 1 { return nil }
      if line.hasSuffix(" named_key=-") || line.hasSuffix(" named_key=\"\"") {
        Self.remove("named_key", from: &line)
      } else {
        Self.remove("offset", from: &line)
        Self.remove("size", from: &line)
      }
    case "NodeCat":
      // Concatenate2 to 4 do not use them all.
      let inputs = nodeKind == 38 ? 5 : nodeKind - 30
      for input in 3...5 where input > inputs { Self.remove("input\(input)_id", from: &line) }
    default: break
    }
    return line
  }

  private static func replaceAbsent(_ field: String, by value: String, in line: inout String) {
    guard let range = line.firstRange(of: " \(field)=-") else { return }
    if range.upperBound == line.endIndex || line[range.upperBound] == " " {
      line.replaceSubrange(line.index(before: range.upperBound)..<range.upperBound, with: value)
    }
  }

  private static func remove(_ field: String, from line: inout String) {
    guard let range = line.firstRange(of: " \(field)=") else { return }
    let end = line[range.upperBound...].firstIndex(of: " ") ?? line.endIndex
    line.removeSubrange(range.lowerBound..<end)
  }
}
