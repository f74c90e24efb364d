public import Bytes

/// The first 64 bytes of a journal, all numbers little-endian:
///
/// | Byte | Field |
/// |---|---|
/// | 0 | `ETJOURN1` |
/// | 8 | UInt32: bytes of a record's place, 40 |
/// | 12 | UInt32: 1 where times are of the processor's counter, 0 where they are nanoseconds of the system clock |
/// | 16 | Double: ticks of the clock in a second, as measured at first |
/// | 24 | UInt64: the clock when the tracer was made |
/// | 32 | UInt64: the system clock then, in nanoseconds |
/// | 40 | zero |
///
/// Pieces follow from byte 16,384 on, one behind the other, each a header (`JournalChunk`) and places of 40 bytes that
/// hold records (`TraceRecord`). A place whose tag is zero ends its piece; a piece whose mark is zero ends the file.
package struct JournalHeader {
  package static let size = 1 << 14
  static let magic: StaticString = "ETJOURN1"

  package var usesCounter: Bool
  package var ticksPerSecond: Double
  package var begun: TraceRecording.Anchor

  package init(usesCounter: Bool, ticksPerSecond: Double, begun: TraceRecording.Anchor) {
    self.usesCounter = usesCounter
    self.ticksPerSecond = ticksPerSecond
    self.begun = begun
  }

  /// All bytes in front of the first piece.
  package func encoded() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.size)
    bytes.withUnsafeMutableBytes { raw in
      for index in 0..<8 { raw[index] = Self.magic.utf8Start[index] }
      raw.storeBytes(of: UInt32(TraceRecord.size).littleEndian, toByteOffset: 8, as: UInt32.self)
      raw.storeBytes(of: UInt32(usesCounter ? 1 : 0).littleEndian, toByteOffset: 12, as: UInt32.self)
      raw.storeBytes(of: ticksPerSecond.bitPattern.littleEndian, toByteOffset: 16, as: UInt64.self)
      raw.storeBytes(of: begun.counter.littleEndian, toByteOffset: 24, as: UInt64.self)
      raw.storeBytes(of: begun.nanoseconds.littleEndian, toByteOffset: 32, as: UInt64.self)
    }
    return bytes
  }
}

/// The first 64 bytes of a journal's piece:
///
/// | Byte | Field |
/// |---|---|
/// | 0 | UInt32: the mark `CHNK`, written last |
/// | 4 | UInt32: 0 for texts, else the thread's number and 1 |
/// | 8 | UInt32: bytes of the piece, this header among them; a multiple of 16,384 |
/// | 12 | UInt32: how many pieces the thread had before |
/// | 16 | UInt64: events that the thread dropped, up to the end of this piece |
/// | 24 | UInt64: values that it dropped |
/// | 32 | UInt64: what it left out for the sake of ExecuTorch 1.5's Inspector |
/// | 40 | zero |
package enum JournalChunk {
  package static let headerSize = 64
  package static let mark: UInt32 = 0x4B4E_4843

  /// Writes all but the mark.
  package static func begin(stream: UInt32, size: UInt32, ordinal: UInt32, in base: UnsafeMutableRawPointer) {
    base.storeBytes(of: stream.littleEndian, toByteOffset: 4, as: UInt32.self)
    base.storeBytes(of: size.littleEndian, toByteOffset: 8, as: UInt32.self)
    base.storeBytes(of: ordinal.littleEndian, toByteOffset: 12, as: UInt32.self)
  }

  package static func publish(
    droppedEvents: UInt64, droppedValues: UInt64, unsupported: UInt64, in base: UnsafeMutableRawPointer
  ) {
    base.storeBytes(of: droppedEvents.littleEndian, toByteOffset: 16, as: UInt64.self)
    base.storeBytes(of: droppedValues.littleEndian, toByteOffset: 24, as: UInt64.self)
    base.storeBytes(of: unsupported.littleEndian, toByteOffset: 32, as: UInt64.self)
  }
}

/// A journal: what a tracer streams, readable at every moment, also after its process was killed.
public enum Journal {
  /// Whether the bytes begin as a journal's do.
  public static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 8 && (0..<8).allSatisfy { bytes[$0] == JournalHeader.magic.utf8Start[$0] }
  }

  /// Reads a journal as the ETDump that it becomes.
  ///
  /// What was being written when the process ended is not there. A file that was cut ends with its last whole record.
  ///
  /// - Throws: `ReadError` with the byte of the file, where its records contradict the format.
  public static func read(_ bytes: UnsafeRawBufferPointer) throws(ReadError) -> ETDump {
    try recording(bytes).etdump().dump
  }

  package static func recording(_ bytes: UnsafeRawBufferPointer) throws(ReadError) -> TraceRecording {
    guard recognises(bytes) else { throw ReadError(.notThisFormat, at: 0, "not a journal: the mark is not ETJOURN1") }
    guard bytes.count >= 64 else { throw ReadError(.truncated, at: bytes.count, "truncated: a journal has 64 bytes") }
    let size = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    guard size == UInt32(TraceRecord.size) else {
      throw ReadError(.unsupported, at: 8, "a journal with records of \(size) bytes, not \(TraceRecord.size)")
    }
    let clock = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
    guard clock <= 1 else { throw ReadError(.malformed, at: 12, "an unknown clock, \(clock)") }
    let rate = Double(
      bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)))
    guard rate.isFinite, rate >= 1, rate <= 1e12 else {
      throw ReadError(.malformed, at: 16, "a clock of \(rate) ticks a second")
    }
    let counter = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    let nanoseconds = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
    var recording = TraceRecording(
      usesCounter: clock == 1, ticksPerSecond: rate, begun: .init(counter: counter, nanoseconds: nanoseconds))
    try readChunks(of: bytes, into: &recording)
    return recording
  }

  private static func readChunks(
    of bytes: UnsafeRawBufferPointer, into recording: inout TraceRecording
  ) throws(ReadError) {
    var place = JournalHeader.size
    while place <= bytes.count - JournalChunk.headerSize {
      func field(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + offset, as: UInt32.self))
      }
      func count(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place + offset, as: UInt64.self))
      }
      let mark = field(0)
      if mark == 0 { return }
      guard mark == JournalChunk.mark else { throw ReadError(.malformed, at: place, "not a piece of a journal") }
      let (stream, size) = (Int(field(4)), Int(field(8)))
      guard size >= 1 << 14, size % (1 << 14) == 0 else {
        throw ReadError(.malformed, at: place + 8, "a piece of \(size) bytes")
      }
      let end = min(place + size, bytes.count)
      let records = UnsafeRawBufferPointer(rebasing: bytes[place + JournalChunk.headerSize..<end])
      let piece = TraceRecording.Piece(bytes: records, offset: place + JournalChunk.headerSize)
      if stream == 0 {
        try recording.readTexts(piece)
      } else {
        // A thread is made known before its first piece is.
        guard stream <= recording.threads.count else {
          throw ReadError(.malformed, at: place + 4, "a piece of thread \(stream - 1), which is not known")
        }
        guard Int(field(12)) == recording.threads[stream - 1].pieces.count else {
          throw ReadError(.malformed, at: place + 12, "piece \(field(12)) of thread \(stream - 1) out of its order")
        }
        recording.threads[stream - 1].pieces.append(piece)
        recording.threads[stream - 1].droppedEvents = count(16)
        recording.threads[stream - 1].droppedValues = count(24)
        recording.threads[stream - 1].unsupported = count(32)
      }
      place += size
    }
  }
}
