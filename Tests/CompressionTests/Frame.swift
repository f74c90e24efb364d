import CZstd

/// One zstd frame.
struct Frame {
  let bytes: [UInt8]

  init(_ content: [UInt8], size: Bool = true, checksum: Bool = false) {
    self.init(parts: [content], total: content.count, size: size, checksum: checksum)
  }

  init(zeros count: Int, size: Bool, windowLog: Int32) {
    let part = [UInt8](repeating: 0, count: 1 << 20)
    self.init(
      parts: Array(repeating: part, count: count >> 20), total: count, size: size, checksum: false, windowLog: windowLog
    )
  }

  private init(parts: [[UInt8]], total: Int, size: Bool, checksum: Bool, windowLog: Int32? = nil) {
    let context = ZSTD_createCCtx()
    defer { ZSTD_freeCCtx(context) }
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, size ? 1 : 0)
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0)
    if let windowLog { ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog) }
    if size { ZSTD_CCtx_setPledgedSrcSize(context, UInt64(total)) }
    var output = [UInt8](repeating: 0, count: ZSTD_compressBound(total))
    var used = 0
    for (index, part) in parts.enumerated() {
      part.withUnsafeBytes { source in
        output.withUnsafeMutableBytes { target in
          var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
          var buffer = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: used)
          let end = index == parts.count - 1
          while true {
            let rest = ZSTD_compressStream2(context, &buffer, &input, end ? ZSTD_e_end : ZSTD_e_continue)
            precondition(ZSTD_isError(rest) == 0)
            if end ? rest == 0 : input.pos == input.size { break }
          }
          used = buffer.pos
        }
      }
    }
    bytes = Array(output[..<used])
  }
}
