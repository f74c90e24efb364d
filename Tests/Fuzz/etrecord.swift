// modules: CZstd Bytes Compression ETCore ETFormats
// seeds: .etrecord
// ETRecords, the checksums of their entries made right first: the maps, and every graph.
import Bytes
import ETFormats

/// Writes the checksum of each entry's bytes into the directory, as far as the directory makes sense.
private func mendChecksums(_ bytes: inout [UInt8]) {
  func number(_ place: Int, _ width: Int) -> Int {
    (0..<width).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
  }
  var place = 0
  while place + 46 <= bytes.count {
    guard number(place, 4) == 0x0201_4B50 else {
      place += 1
      continue
    }
    let (size, header) = (number(place + 24, 4), number(place + 42, 4))
    if header + 30 <= bytes.count {
      let start = header + 30 + number(header + 26, 2) + number(header + 28, 2)
      if start + size <= bytes.count {
        let checksum = bytes.withUnsafeBytes { CRC32.of(UnsafeRawBufferPointer(rebasing: $0[start..<start + size])) }
        for index in 0..<4 { bytes[place + 16 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(index))) }
      }
    }
    place += 46
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var bytes = Array(UnsafeBufferPointer(start: start, count: count))
  mendChecksums(&bytes)
  guard let record = try? ETRecord(reading: FileContents(copying: bytes)) else { return 0 }
  for entry in record.graphEntries.prefix(100) { _ = try? record.graph(entry) }
  return 0
}
