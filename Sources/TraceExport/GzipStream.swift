import Bytes
import CZlib

/// Compresses what it is given, as gzip does (RFC 1952), on its way to a sink.
final class GzipStream: ByteSink {
  private let sink: any ByteSink
  private var stream = z_stream()
  private var output = [UInt8](repeating: 0, count: 1 << 16)

  init(to sink: any ByteSink) throws(WriteError) {
    self.sink = sink
    // The fastest level; 16 more than the window's 15 bits ask for gzip's frame, which has no time and no name in it.
    let status = deflateInit2_(
      &stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw WriteError("zlib: \(status)") }
  }

  deinit { deflateEnd(&stream) }

  func write(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    // zlib counts in 32 bits.
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(1 << 30)
      rest = rest.dropFirst(piece.count)
      try compress(UnsafeRawBufferPointer(rebasing: piece), Z_NO_FLUSH)
    }
  }

  /// Ends the file. Once: nothing can be written afterwards.
  func finish() throws(WriteError) { try compress(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH) }

  private func compress(_ bytes: UnsafeRawBufferPointer, _ flush: Int32) throws(WriteError) {
    stream.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: Bytef.self).baseAddress)
    stream.avail_in = UInt32(bytes.count)
    var isFull = true
    while isFull {
      let (status, count) = output.withUnsafeMutableBufferPointer { output in
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        let status = deflate(&stream, flush)
        return (status, output.count - Int(stream.avail_out))
      }
      guard status != Z_STREAM_ERROR else { throw WriteError("zlib: \(status)") }
      isFull = count == output.count
      try sink.write(Array(output.prefix(count)))
    }
  }
}
