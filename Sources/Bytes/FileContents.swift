#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of one input, mapped from its file or held in memory, for as long as this object lives.
///
/// It is the only owner of a mapping in the suite. A reader copies what it checks, and keeps this object
/// only where payloads (tensors, delegate blobs) are read later.
public final class FileContents: @unchecked Sendable {
  /// All bytes of the input. Valid while this object lives.
  public let bytes: UnsafeRawBufferPointer
  private let release: Release

  private enum Release { case unmap, deallocate, free }

  private init(bytes: UnsafeRawBufferPointer, release: Release) {
    self.bytes = bytes
    self.release = release
  }

  deinit {
    switch release {
    case .unmap:
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    case .deallocate:
      bytes.deallocate()
    case .free:
      free(UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
  }

  public var count: Int { bytes.count }

  /// Opens a file: a regular one is mapped, `-` (standard input), a pipe or a device is read to its end.
  ///
  /// - Parameter limit: The most bytes to take from a stream that has no size, so that an endless one ends in an error.
  public static func open(_ path: String, streamLimit limit: Int = 4 << 30) throws(ReadError) -> FileContents {
    let descriptor = path == "-" ? dup(0) : Platform.openForReading(path)
    guard descriptor >= 0 else {
      throw ReadError(.unreadable, at: nil, Platform.errorText)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw ReadError(.unreadable, at: nil, Platform.errorText)
    }
    let kind = status.st_mode & S_IFMT
    guard kind != S_IFDIR else {
      throw ReadError(.unreadable, at: nil, "a directory, not a file")
    }
    guard kind == S_IFREG else {
      return try readAll(descriptor, limit: limit)
    }
    // A size of 0 may be a lie: files of /proc have it, and contents.
    let size = Int(status.st_size)
    guard size > 0, let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      return try readAll(descriptor, limit: limit)
    }
    return FileContents(bytes: .init(start: base, count: size), release: .unmap)
  }

  private static func readAll(_ descriptor: Int32, limit: Int) throws(ReadError) -> FileContents {
    var (capacity, used) = (1 << 16, 0)
    var memory = malloc(capacity)
    while true {
      if used == capacity {
        // Large memory is moved, not copied.
        guard let larger = realloc(memory, capacity * 2) else {
          free(memory)
          throw ReadError(.limit, at: used, "no memory for more than \(used) bytes")
        }
        (memory, capacity) = (larger, capacity * 2)
      }
      guard let base = memory else { fatalError("no memory for \(capacity) bytes") }
      let got = read(descriptor, base + used, capacity - used)
      if got < 0 {
        if errno == EINTR { continue }
        let detail = Platform.errorText
        free(base)
        throw ReadError(.unreadable, at: used, detail)
      }
      if got == 0 { return FileContents(adoptingAllocated: UnsafeRawBufferPointer(start: base, count: used)) }
      used += got
      guard used <= limit else {
        free(base)
        throw ReadError(.limit, at: limit, "the stream goes on after \(limit) bytes")
      }
    }
  }

  /// Bytes in memory, copied.
  public convenience init(copying bytes: some Collection<UInt8>) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    copy.copyBytes(from: bytes)
    self.init(bytes: UnsafeRawBufferPointer(copy), release: .deallocate)
  }

  /// Memory of so many bytes, all zero until `fill` writes them; aligned to 16.
  ///
  /// - Throws: `.limit` where there is no such memory, and what `fill` throws.
  public static func filled(
    byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(ReadError) -> Void
  ) throws(ReadError) -> FileContents {
    guard byteCount >= 0, let base = calloc(max(byteCount, 1), 1) else {
      throw ReadError(.limit, at: nil, "no memory for \(byteCount) bytes")
    }
    // Frees the memory where `fill` throws.
    let contents = FileContents(adoptingAllocated: UnsafeRawBufferPointer(start: base, count: byteCount))
    try fill(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
    return contents
  }

  /// Takes over memory that was allocated with `malloc` or `realloc`, `bytes` its beginning.
  public convenience init(adoptingAllocated bytes: UnsafeRawBufferPointer) {
    self.init(bytes: bytes, release: .free)
  }

  /// Takes over memory that was allocated with `UnsafeMutableRawBufferPointer.allocate`, `bytes` its beginning.
  public convenience init(adopting bytes: UnsafeMutableRawBufferPointer, allocated: UnsafeMutableRawBufferPointer) {
    precondition(bytes.baseAddress == allocated.baseAddress && bytes.count <= allocated.count)
    self.init(bytes: UnsafeRawBufferPointer(bytes), release: .deallocate)
  }
}

enum Platform {
  static var errorText: String { String(cString: strerror(errno)) }

  static func openForReading(_ path: String) -> Int32 {
    open(path, O_RDONLY | O_CLOEXEC)
  }

  // Inside types that have a `write` of their own, the name means theirs.
  static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }
}
