import CFlatBuffers
import ETFormats
import TestSupport

/// Compares a reader's records with the official library's.
///
/// Both texts are brought to what the readers keep: they do not tell an absent list from an empty one, nor an absent
/// table from one of defaults; they decode some names to text, and leave out fields that nothing uses.
enum RecordComparison {
  /// The first difference, or nil.
  static func firstDifference(_ ours: [UInt8], _ theirs: [UInt8]) -> String? {
    let (ours, theirs) = (lines(ours), lines(theirs))
    for (index, (our, their)) in zip(ours, theirs).enumerated() where our != their {
      // Bytes that are no UTF-8 have become U+FFFD.
      if our.contains(#"\ef\bf\bd"#) { continue }
      return "record \(index)\n  ours:   \(our)\n  theirs: \(their)"
    }
    return ours.count == theirs.count ? nil : "\(ours.count) records, the official library has \(theirs.count)"
  }

  private static func lines(_ text: [UInt8]) -> [String] {
    var result: [String] = []
    var kind = 0
    var constants = 0
    let isGraph = text.starts(with: "XNNGraph".utf8)
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let table = line.prefix { $0 != " " }
      if table == "XNode" { kind = number(line, "xnode_union") ?? 0 }
      if table == "ConstantDataOffset" { constants += 1 }
      // The first constant is reserved; those without a header are not compared.
      if isGraph && table == "Buffer" || line.contains("offset=") && constants == 1 && line.hasPrefix("Constant") { continue }
      if let kept = kept(String(line), table, nodeKind: kind) { result.append(kept) }
    }
    return result
  }

  private static func number(_ line: Substring, _ field: String) -> Int? {
    line.split(separator: " ").first { $0.hasPrefix(field + "=") }.flatMap { Int($0.dropFirst(field.count + 1)) }
  }

  private static let leftOut: [Substring: [String]] = [
    "Program": ["constant_segment"],
    "Tensor": ["extra_tensor_info"],
    "ExtraTensorInfo": ["mutable_data_segments_idx"],
    "ExecutionPlan": ["container_meta_type"],
    "XNNGraph": ["mem_buffer_sizes", "constant_buffer", "constant_data"],
  ]

  private static let lists = [
    "inputs", "outputs", "args", "non_const_buffer_sizes", "input_ids", "output_ids", "dims", "scale", "perm", "new_shape",
    "pre_paddings", "post_paddings", "offsets", "sizes",
  ]

  /// A line as the readers keep it, or nil for one that says nothing.
  private static func kept(_ line: String, _ table: Substring, nodeKind: Int) -> String? {
    var line = line
    for field in leftOut[table] ?? [] { remove(field, from: &line) }
    for list in lists { line = line.replacing(" \(list)=-", with: " \(list)=[]") }
    if ["Buffer", "BackendDelegateInlineData", "CompileSpec"].contains(table) && line.hasSuffix("=-") {
      line = line.dropLast() + "0:cbf29ce484222325"
    }
    switch table {
    case "Null", "XValue", "XNNQuantizedTensorValue": return nil
    case "ContainerMetadata" where line.hasSuffix("encoded_inp_str=- encoded_out_str=-"): return nil
    case "ExtraTensorInfo" where line.hasSuffix("fully_qualified_name=- location=0 device_type=0 device_index=0"): return nil
    case "SubsegmentOffsets" where !line.contains(","): return "SubsegmentOffsets"
    case "BoolList":
      let items = line.drop { $0 != "[" }.dropFirst().dropLast().split(separator: ",")
      return "BoolList items=[" + items.map { $0 == "0" ? "0" : "1" }.joined(separator: ",") + "]"
    case "ConstantDataOffset" where line.hasSuffix(" named_key=-") || line.hasSuffix(" named_key=\"\""):
      remove("named_key", from: &line)
    case "ConstantDataOffset":
      remove("offset", from: &line)
      remove("size", from: &line)
    case "NodeCat":
      // Concatenate2 to 4 do not use them all.
      let inputs = nodeKind == 38 ? 5 : nodeKind - 30
      for input in 3...5 where input > inputs { remove("input\(input)_id", from: &line) }
    default: break
    }
    return line
  }

  private static func remove(_ field: String, from line: inout String) {
    guard let range = line.firstRange(of: " \(field)=") else { return }
    let end = line[range.upperBound...].firstIndex(of: " ") ?? line.endIndex
    line.removeSubrange(range.lowerBound..<end)
  }
}
