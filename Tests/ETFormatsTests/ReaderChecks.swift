import Bytes
import CFlatBuffers
import ETFormats
import TestSupport

/// What must hold for any bytes: a reader throws, or the official verifier accepts the same bytes and both read equal
/// records from them. Where the verifier accepts what a reader refuses, the reader names a rule of its own.
enum ReaderChecks {
  /// A description of what is wrong, or nil.
  typealias Check = @Sendable (UnsafeRawBufferPointer) -> String?

  static let program: Check = { bytes in
    check(CFB_PROGRAM, contentsCopying: bytes) { contents throws(ReadError) in
      let program = try Program(reading: contents)
      let size = program.header?.programSize ?? contents.count
      return [(0..<size, program.recordText, CFB_PROGRAM)]
    }
  }

  static let bundledProgram: Check = { bytes in
    check(nil, contentsCopying: bytes) { contents throws(ReadError) in
      let bundle = try BundledProgram(reading: contents)
      let place = bundle.program.place
      let size = bundle.program.header?.programSize ?? place.count
      return [
        (0..<contents.count, bundle.recordText, CFB_BUNDLED_PROGRAM),
        (place.lowerBound..<(place.lowerBound + size), bundle.program.recordText, CFB_PROGRAM),
      ]
    }
  }

  static let flatTensor: Check = { bytes in
    check(CFB_FLAT_TENSOR, contentsCopying: bytes) { contents throws(ReadError) in
      let file = try FlatTensor(reading: contents)
      return [(0..<file.flatBufferSize, file.recordText, CFB_FLAT_TENSOR)]
    }
  }

  static let xnnpackPayload: Check = { bytes in
    check(CFB_XNNPACK, contentsCopying: bytes) { contents throws(ReadError) in
      let payload = try XNNPACKPayload(reading: contents.bytes)
      return [(payload.header?.flatBuffer ?? 0..<contents.count, payload.recordText, CFB_XNNPACK)]
    }
  }

  private static func check(
    _ format: cfb_format?, contentsCopying bytes: UnsafeRawBufferPointer,
    _ read: (FileContents) throws(ReadError) -> [(Range<Int>, [UInt8], cfb_format)]
  ) -> String? {
    let contents = FileContents(copying: bytes)
    do throws(ReadError) {
      for (range, ours, format) in try read(contents) {
        guard let theirs = Oracle.text(contents.bytes(in: range), as: format) else {
          return "the official verifier refuses what was read"
        }
        if let difference = RecordComparison.firstDifference(ours, theirs) { return difference }
      }
      return nil
    } catch {
      // Alignment is the verifier's business alone. A bundle's verifier does not look into its program.
      guard error.code == .misaligned, let format, Oracle.accepts(contents.bytes, as: format) else { return nil }
      return "refused (\(error)), though the official verifier accepts it"
    }
  }
}
