/// A hash table of numbers whose keys the caller holds: several times as fast as a dictionary of structures.
struct IndexTable {
  /// −1 for a free slot.
  private var numbers: [Int32]
  private var hashes: [UInt32]
  private var used = 0

  init() {
    numbers = Array(repeating: -1, count: 256)
    hashes = Array(repeating: 0, count: 256)
  }

  /// The number under an equal key, or `new`, which is inserted.
  @inline(__always)
  mutating func findOrInsert(_ hash: UInt64, as new: Int32, equals: (Int32) -> Bool) -> Int32 {
    let short = UInt32(truncatingIfNeeded: hash >> 32)
    let mask = numbers.count &- 1
    var place = Int(short) & mask
    while numbers[place] >= 0 {
      if hashes[place] == short && equals(numbers[place]) { return numbers[place] }
      place = (place &+ 1) & mask
    }
    numbers[place] = new
    hashes[place] = short
    used += 1
    if used * 4 > numbers.count * 3 { grow() }
    return new
  }

  private mutating func grow() {
    let (oldNumbers, oldHashes) = (numbers, hashes)
    let mask = numbers.count * 2 - 1
    numbers = Array(repeating: -1, count: mask + 1)
    hashes = Array(repeating: 0, count: mask + 1)
    for (number, hash) in zip(oldNumbers, oldHashes) where number >= 0 {
      var place = Int(hash) & mask
      while numbers[place] >= 0 { place = (place + 1) & mask }
      numbers[place] = number
      hashes[place] = hash
    }
  }
}
