/// Pieces of text that are written again and again, one behind the other in memory.
struct Fragments {
  private var bytes: [UInt8] = []
  private var ends = [0]

  init(_ count: Int, _ make: (Int) -> some Collection<UInt8>) {
    ends.reserveCapacity(count + 1)
    for index in 0..<count {
      bytes.append(contentsOf: make(index))
      ends.append(bytes.count)
    }
  }

  subscript(index: Int) -> ArraySlice<UInt8> { bytes[ends[index]..<ends[index + 1]] }
}
