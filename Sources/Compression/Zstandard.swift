public import Bytes
import CZstd

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// zstd streams, decompressed within a bound.
public enum Zstandard {
  /// Whether the bytes begin a zstd frame (or a skippable one).
  public static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 4 else { return false }
    let magic = bytes.loadUnaligned(as: UInt32.self).littleEndian
    return magic == 0xFD2F_B528 || magic & 0xFFFF_FFF0 == 0x184D_2A50
  }

  /// The most that an input of `count` compressed bytes may become, so that a small file cannot fill the memory: with
  /// what reading takes besides, eight times the input and 64 MB.
  ///
  /// Traces compress four- to twentyfold, ETRecords of zero weights a few hundredfold.
  public static func outputLimit(forInput count: Int) -> Int {
    (60 << 20) + count.multipliedReportingOverflow(by: 8).partialValue
  }

  /// All frames of `bytes`, decompressed.
  ///
  /// - Parameter limit: The most memory to take, in bytes: for the contents, and for the window of a frame that does
  ///   not announce its size (such frames may become half as much).
  /// - Throws: `.limit` beyond it, `.truncated` where the last frame does not end, `.checksum` and
  ///   `.malformed` as zstd finds them, with the place in the compressed bytes.
  public static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(ReadError) -> FileContents {
    guard let stream = ZSTD_createDStream() else { throw ReadError(.unreadable, at: nil, "zstd: out of memory") }
    defer { ZSTD_freeDStream(stream) }
    // 2^27: what `zstd --long` writes, and what the zstd tool itself accepts unasked.
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27)
    let announced = announcedSize(bytes)
    guard announced ?? 0 <= limit else { throw tooLarge(limit, at: 0) }
    var output = Output(capacity: announced ?? min(limit / 2, max(1 << 16, bytes.count * 4)))
    var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    var finished = false
    while !(finished && input.pos == input.size) {
      if output.used == output.memory.count {
        // A window takes its size, and no more than went through it.
        let window = ZSTD_sizeof_DStream(stream) - ownSize
        let most = max(limit / 2, limit - window)
        guard output.used < most else { throw tooLarge(limit, at: input.pos) }
        output.grow(limit: most)
      }
      var part = ZSTD_outBuffer(dst: output.memory.baseAddress, size: output.memory.count, pos: output.used)
      let (inputBefore, outputBefore) = (input.pos, part.pos)
      let result = ZSTD_decompressStream(stream, &part, &input)
      output.used = part.pos
      guard ZSTD_isError(result) == 0 else { throw error(result, at: input.pos) }
      finished = result == 0
      if !finished && input.pos == inputBefore && part.pos == outputBefore && input.pos == input.size {
        throw ReadError(.truncated, at: bytes.count, "the zstd stream ends early")
      }
    }
    return output.contents()
  }

  /// What was decompressed so far. Frees its memory unless `contents` takes it over.
  private struct Output: ~Copyable {
    var memory: UnsafeMutableRawBufferPointer
    var used = 0

    init(capacity: Int) { memory = .init(start: malloc(max(capacity, 1)), count: capacity) }

    deinit { free(memory.baseAddress) }

    /// Twice as large, at most `limit`. The system moves large memory without a copy, so that there are never two of
    /// it.
    mutating func grow(limit: Int) {
      let larger = min(limit, max(1 << 16, memory.count * 2))
      memory = .init(start: realloc(memory.baseAddress, larger), count: larger)
    }

    /// No more than what is used: the allocation is kept for as long as the contents.
    consuming func contents() -> FileContents {
      let exact = realloc(memory.baseAddress, max(used, 1))
      let contents = FileContents(adoptingAllocated: UnsafeRawBufferPointer(start: exact, count: used))
      discard self
      return contents
    }
  }

  /// What a decompression stream takes before it has a window.
  private static let ownSize: Int = {
    let stream = ZSTD_createDStream()
    defer { ZSTD_freeDStream(stream) }
    return ZSTD_sizeof_DStream(stream)
  }()

  private static func tooLarge(_ limit: Int, at position: Int) -> ReadError {
    ReadError(.limit, at: position, "decompresses to more than \(limit) bytes; decompress it with the zstd tool first")
  }

  /// The size in the first frame's header, where it has one. zstd holds the frame to it, and needs no window then.
  private static func announcedSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let size = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
    // Unknown and error are the two largest values.
    guard size < ZSTD_CONTENTSIZE_ERROR else { return nil }
    return Int(clamping: size)
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
    // Its bytes are gone with it.
    defer { withExtendedLifetime(file) {} }
    guard Zstandard.recognises(file.bytes) else { return file }
    return try Zstandard.decompress(file.bytes, limit: Zstandard.outputLimit(forInput: file.count))
  }
}
