#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a file could not be written.
public struct WriteError: Error, Sendable, CustomStringConvertible {
  /// The file, or empty where the trouble is in what was to be written.
  public let path: String
  public let detail: String
  /// The system's number for it, 0 where there is none.
  let number: Int32

  /// Trouble in what was to be written.
  public init(_ detail: String) { self.init(path: "", detail: detail) }

  init(path: String, detail: String, number: Int32 = 0) {
    self.path = path
    self.detail = detail
    self.number = number
  }

  /// The system's complaint of the last call, about `path`.
  static func system(_ path: String) -> WriteError {
    let number = errno
    return WriteError(path: path, detail: String(cString: strerror(number)), number: number)
  }

  /// What a FlatBuffer's offsets cannot span.
  public static func tooLargeForOffsets(_ size: Int) -> WriteError {
    WriteError(path: "", detail: "a FlatBuffer of \(size) bytes: its offsets cannot span more than 2 GiB")
  }

  public var description: String { path.isEmpty ? detail : "\(path): \(detail)" }
}

/// Somewhere that bytes go, in order.
public protocol ByteSink: AnyObject {
  func write(_ bytes: UnsafeRawBufferPointer) throws(WriteError)
}

extension ByteSink {
  public func write(_ text: String) throws(WriteError) {
    var text = text
    let result: Result<Void, WriteError> = text.withUTF8 { utf8 in
      do throws(WriteError) {
        return .success(try write(UnsafeRawBufferPointer(utf8)))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  public func write(_ bytes: [UInt8]) throws(WriteError) {
    let result: Result<Void, WriteError> = bytes.withUnsafeBytes { raw in
      do throws(WriteError) {
        return .success(try write(raw))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}

/// A file that appears whole or not at all: written beside its final name, then renamed over it.
///
/// Dropping it without `commit()` removes what was written. A symbolic link stays and what it leads to is replaced. A
/// name that is not a regular file (a pipe, `/dev/stdout`) is written in place.
public final class AtomicFile: ByteSink {
  private let path: String
  /// Where the bytes go: `path` with symbolic links followed.
  private let target: String
  /// Where the bytes lie until `commit()`, for a library that writes its files itself; nil where the name is not a regular
  /// file's.
  public let temporary: String?
  private var descriptor: Int32

  public init(path: String) throws(WriteError) {
    self.path = path
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists && (status.st_mode & S_IFMT) != S_IFREG {
      target = path
      temporary = nil
      descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .system(path) }
      return
    }
    target = exists ? Self.resolved(path) : path
    var template = Array((target + ".XXXXXX").utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw .system(path) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // What open(2) would have given a new file, or what the file to be replaced has.
    let mask = umask(0)
    umask(mask)
    fchmod(descriptor, exists ? status.st_mode & 0o7777 : 0o666 & ~mask)
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if descriptor >= 0, let temporary { unlink(temporary) }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    try Descriptor.writeAll(bytes, to: descriptor, named: path)
  }

  /// Makes the file visible under its name. Once: nothing can be written afterwards.
  public func commit() throws(WriteError) {
    precondition(descriptor >= 0, "committed twice")
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0, temporary.map({ rename($0, target) == 0 }) ?? true else {
      let error = WriteError.system(path)
      if let temporary { unlink(temporary) }
      throw error
    }
  }
}

/// Standard output or standard error, gathered into large writes. A reader that went away is no error.
public final class StandardStream: ByteSink {
  private let descriptor: Int32
  private let name: String
  private var pending: [UInt8] = []
  private var readerLeft = false

  public init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
    signal(SIGPIPE, SIG_IGN)
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(WriteError) {
    pending.append(contentsOf: bytes)
    if pending.count >= 1 << 16 { try flush() }
  }

  /// Writes what is pending.
  public func flush() throws(WriteError) {
    defer { pending.removeAll(keepingCapacity: true) }
    guard !readerLeft, !pending.isEmpty else { return }
    let result: Result<Void, WriteError> = pending.withUnsafeBytes { raw in
      do throws(WriteError) {
        return .success(try Descriptor.writeAll(raw, to: descriptor, named: name))
      } catch {
        return .failure(error)
      }
    }
    if case .failure(let error) = result {
      guard error.number == EPIPE else { throw error }
      readerLeft = true
    }
  }
}

/// Bytes gathered in memory, for tests and for output that is post-processed.
public final class MemorySink: ByteSink {
  public private(set) var bytes: [UInt8] = []
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  public init() {}

  public func write(_ bytes: UnsafeRawBufferPointer) { self.bytes.append(contentsOf: bytes) }
}

private enum Descriptor {
  static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, named name: String) throws(WriteError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let wrote = Platform.write(descriptor, part)
      if wrote < 0 {
        if errno == EINTR { continue }
        throw .system(name)
      }
      rest = rest.dropFirst(wrote)
    }
  }
}
