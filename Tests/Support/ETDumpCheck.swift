public import Bytes
import CFlatBuffers
public import ETDumpFormat

/// What must hold for any bytes: the reader throws, or the official verifier accepts the same bytes and both read
/// equal records from them. Where the reader throws although the verifier accepts, it names a rule or a limit of its
/// own.
public enum ETDumpCheck {
  public enum Outcome {
    case refused(ReadError)
    case equal(ETDump)
    /// A fault of the reader, described.
    case differs(String)
  }

  public static func outcome(of bytes: UnsafeRawBufferPointer) -> Outcome {
    let dump: ETDump
    do throws(ReadError) {
      dump = try ETDump(reading: bytes)
    } catch {
      let ownRule = error.code == .malformed || error.code == .limit
      let prefixed = FlatBuffer(bytes).hasIdentifier("ED00", at: 8)
      guard ownRule || !Oracle.accepts(bytes, as: prefixed ? CFB_ETDUMP_SIZE_PREFIXED : CFB_ETDUMP) else {
        return .differs("refused (\(error)), though the official verifier accepts it")
      }
      return .refused(error)
    }
    let end = bytes.count - dump.container.trailingBytes
    let (start, format) =
      switch dump.container.form {
      case .sizePrefixed: (0, CFB_ETDUMP_SIZE_PREFIXED)
      case .plain: (0, CFB_ETDUMP)
      case .prefixedPlain: (4, CFB_ETDUMP)
      case .journal: (0, CFB_ETDUMP)
      }
    // A journal is no FlatBuffer: there is no second opinion on it.
    if dump.container.form == .journal { return .equal(dump) }
    guard let theirs = Oracle.text(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), as: format) else {
      return .differs("the official verifier refuses what was read as \(dump.container.form)")
    }
    return Oracle.firstDifference(dump.recordText, theirs).map(Outcome.differs) ?? .equal(dump)
  }

  /// A description of what is wrong, or nil.
  public static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
    if case .differs(let what) = outcome(of: bytes) { return what }
    return nil
  }
}
