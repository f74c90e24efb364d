extension StringProtocol {
  /// Whether some bytes occur in the text: for names, which are compared by the hundred thousand.
  package func containsBytes(_ part: StaticString) -> Bool {
    let length = part.utf8CodeUnitCount
    func search(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
      guard bytes.count >= length else { return false }
      return (0...(bytes.count - length)).contains { start in
        (0..<length).allSatisfy { bytes[start + $0] == part.utf8Start[$0] }
      }
    }
    return utf8.withContiguousStorageIfAvailable(search) ?? Array(utf8).withUnsafeBufferPointer(search)
  }
}
