public import Bytes
import CZstd

/// zstd streams, decompressed within a bound.
public enum Zstandard {
  /// Whether the bytes begin a zstd frame (or a skippable one).
  public static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 4 else { return false }
    let magic = bytes.loadUnaligned(as: UInt32.self).littleEndian
    return magic == 0xFD2F_B528 || magic & 0xFFFF_FFF0 == 0x184D_2A50
  }

  /// The most that an input of `count` compressed bytes may become, so that a small file cannot fill the memory.
  ///
  /// Traces compress four- to twentyfold, ETRecords of zero weights a few hundredfold.
  public static func outputLimit(forInput count: Int) -> Int {
    (64 << 20) + count.multipliedReportingOverflow(by: 8).partialValue
  }

  /// All frames of `bytes`, decompressed.
  ///
  /// - Throws: `.limit` beyond `limit` bytes, `.truncated` where the last frame does not end, `.checksum` and
  ///   `.malformed` as zstd finds them, with the place in the compressed bytes.
  public static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(ReadError) -> FileContents {
    guard let stream = ZSTD_createDStream() else { throw ReadError(.unreadable, at: nil, "zstd: out of memory") }
    defer { ZSTD_freeDStream(stream) }
    // 2^27: what `zstd --long` writes, and what the zstd tool itself accepts unasked.
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27)
    var capacity = min(limit, max(1 << 16, announcedSize(bytes) ?? bytes.count * 4))
    var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    var used = 0
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    var finished = false
    while true {
      if used == capacity && !(finished && input.pos == input.size) {
        guard capacity < limit else {
          memory.deallocate()
          throw ReadError(.limit, at: input.pos, "decompresses to more than \(limit) bytes")
        }
        let larger = min(limit, capacity * 2)
        let moved = UnsafeMutableRawBufferPointer.allocate(byteCount: larger, alignment: 16)
        moved.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<used]))
        memory.deallocate()
        memory = moved
        capacity = larger
      }
      if finished && input.pos == input.size { break }
      var output = ZSTD_outBuffer(dst: memory.baseAddress, size: capacity, pos: used)
      let (inputBefore, outputBefore) = (input.pos, output.pos)
      let result = ZSTD_decompressStream(stream, &output, &input)
      used = output.pos
      if ZSTD_isError(result) != 0 {
        memory.deallocate()
        throw error(result, at: input.pos)
      }
      finished = result == 0
      if !finished && input.pos == inputBefore && output.pos == outputBefore && input.pos == input.size {
        memory.deallocate()
        throw ReadError(.truncated, at: bytes.count, "the zstd stream ends early")
      }
    }
    // Hand over no more than what is used: the allocation is kept for as long as the contents.
    let exact = UnsafeMutableRawBufferPointer(rebasing: memory[..<used])
    guard used < capacity / 2 else { return FileContents(adopting: exact, allocated: memory) }
    let copy = FileContents(copying: UnsafeRawBufferPointer(exact))
    memory.deallocate()
    return copy
  }

  /// The size in the first frame's header. A header can lie: it only sizes the first allocation.
  private static func announcedSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let size = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
    // Unknown and error are the two largest values. A true size is hardly more than 64 times its input.
    guard size < UInt64(bytes.count) * 64 else { return nil }
    return Int(size) + 1
  }

  private static func error(_ result: Int, at position: Int) -> ReadError {
    let text = String(cString: ZSTD_getErrorName(result))
    return switch ZSTD_getErrorCode(result) {
    case ZSTD_error_checksum_wrong: ReadError(.checksum, at: position, "zstd: \(text)")
    case ZSTD_error_frameParameter_windowTooLarge: ReadError(.limit, at: position, "zstd: \(text)")
    default: ReadError(.malformed, at: position, "zstd: \(text)")
    }
  }
}

extension FileContents {
  /// Opens a file and, where it is zstd-compressed, decompresses it, whatever its name says.
  public static func openDecompressed(_ path: String) throws(ReadError) -> FileContents {
    let file = try open(path)
    guard Zstandard.recognises(file.bytes) else { return file }
    return try Zstandard.decompress(file.bytes, limit: Zstandard.outputLimit(forInput: file.count))
  }
}
