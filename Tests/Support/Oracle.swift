public import CFlatBuffers

/// The official FlatBuffers library's opinion of some bytes.
public enum Oracle {
  /// Whether its strict verifier accepts them.
  public static func accepts(_ bytes: UnsafeRawBufferPointer, as format: cfb_format) -> Bool {
    cfb_verify(format, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count) != 0
  }

  /// Every record as text (see `CFlatBuffers.h`), or nil where the verifier refuses the bytes.
  public static func text(_ bytes: UnsafeRawBufferPointer, as format: cfb_format) -> [UInt8]? {
    var text: [UInt8] = []
    let accepted = withUnsafeMutablePointer(to: &text) { text in
      cfb_text(
        format, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count,
        { context, part, count in
          let text = context!.assumingMemoryBound(to: [UInt8].self)
          text.pointee.append(contentsOf: UnsafeRawBufferPointer(start: part, count: count))
        }, text)
    }
    return accepted != 0 ? text : nil
  }

  /// The first line in which two texts differ, to print in a failure.
  public static func firstDifference(_ ours: [UInt8], _ theirs: [UInt8]) -> String? {
    guard ours != theirs else { return nil }
    let pairs = (ours.split(separator: 10, omittingEmptySubsequences: false), theirs.split(separator: 10, omittingEmptySubsequences: false))
    let index = zip(pairs.0, pairs.1).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(pairs.0.count, pairs.1.count)
    func line(_ lines: [ArraySlice<UInt8>]) -> String {
      index < lines.count ? String(decoding: lines[index], as: UTF8.self) : "(nothing)"
    }
    return "line \(index + 1)\n  ours:   \(line(pairs.0))\n  theirs: \(line(pairs.1))"
  }
}
