import Bytes
import ETDumpFormat
import TestSupport
import Testing

#if os(Linux)
  import Glibc
#endif

@Suite struct HostileTraces {
  @Test(arguments: HostileShape.allCases)
  func areReadAsTheOfficialLibraryReadsThem(_ shape: HostileShape) {
    shape.bytes(size: 100_000).withUnsafeBytes { bytes in
      switch ETDumpCheck.outcome(of: bytes) {
      case .refused(let error):
        #expect(shape.overlaps, "\(shape): \(error)")
        #expect(error.code == .limit, "\(shape): \(error)")
      case .equal: #expect(!shape.overlaps)
      case .differs(let fault): Issue.record("\(shape): \(fault)")
      }
    }
  }

  @Test(arguments: HostileShape.allCases)
  func readEqualAfterWriting(_ shape: HostileShape) throws {
    guard !shape.overlaps else { return }
    let dump = try shape.bytes(size: 20_000).withUnsafeBytes { try ETDump(reading: $0) }
    let again = try dump.encoded().withUnsafeBytes { try ETDump(reading: $0) }
    // Empty vectors of allocators and tensors are written as absent ones, which mean the same.
    #expect(Oracle.firstDifference(again.recordText, dump.recordText) == nil)
  }

  #if os(Linux)
    /// Eight times the file, and a little.
    @Test(arguments: HostileShape.allCases)
    func takeLittleMemory(_ shape: HostileShape) async {
      await #expect(processExitsWith: .success) { [shape] in
        let bytes = shape.bytes(size: 2 << 20)
        let (_, growth) = PeakMemory.growth {
          bytes.withUnsafeBytes { raw in
            withExtendedLifetime(try? ETDump(reading: raw)) {}
          }
        }
        exit(growth <= 8 * bytes.count + (1 << 20) ? EXIT_SUCCESS : EXIT_FAILURE)
      }
    }
  #endif

  // MARK: Single faults, with their place

  private func error(_ edit: (inout RawBuffer, _ root: Int) -> Void) -> ReadError? {
    var raw = RawBuffer()
    let root = raw.head("ED00")
    edit(&raw, root)
    return raw.bytes.withUnsafeBytes { bytes in
      do throws(ReadError) {
        _ = try ETDump(reading: bytes)
        return nil
      } catch {
        return error
      }
    }
  }

  @Test func refusesARootBeyondTheEnd() {
    for offset: UInt32 in [12, 1000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
      let error = error { raw, root in
        raw.put(UInt32(0))
        raw.set(offset, at: root)
      }
      #expect(error?.code == .outOfBounds && error?.offset == 0)
    }
  }

  @Test func refusesAnOffsetToItself() {
    let error = error { raw, _ in raw.put(UInt32(0)) }
    #expect(error?.code == .malformed && error?.offset == 0)
  }

  @Test func refusesATableThatIsItsOwnVtable() {
    let error = error { raw, root in
      raw.put(UInt32(0), UInt32(0))
      raw.link(root, to: 8)
    }
    #expect(error?.code == .malformed && error?.offset == 8)
  }

  @Test func refusesAVtableOutsideTheFile() {
    for distance: Int32 in [9, 1000, .max, -4, -1000, .min] {
      let error = error { raw, root in
        raw.put(distance)
        raw.link(root, to: 8)
      }
      #expect(error?.code == .outOfBounds || error?.code == .misaligned, "\(distance)")
    }
  }

  @Test func refusesAbsurdCounts() {
    for count: UInt32 in [1, 0x4000_0000, 0x7FFF_FFFF, 0xFFFF_FFFF] {
      let error = error { raw, root in
        let vtable = raw.vtable(size: 8, 0, 4)
        raw.link(root, to: raw.table(vtable))
        raw.put(UInt32(4), count)
      }
      #expect(error?.code == .outOfBounds && error?.offset == 24)
    }
  }

  @Test func refusesAStringWithoutItsEnd() {
    let error = error { raw, root in
      let dump = raw.vtable(size: 8, 0, 4)
      let run = raw.vtable(size: 8, 4)
      raw.align(4)
      raw.link(root, to: raw.table(dump))
      raw.put(UInt32(4), UInt32(1), UInt32(4))
      _ = raw.table(run)
      raw.put(UInt32(4), UInt32(2), UInt32(0x0101_0101))
    }
    #expect(error?.code == .malformed)
    #expect(error?.detail.contains("terminated") == true)
  }

  @Test func refusesAnEventOfTwoKinds() {
    let error = error { raw, root in
      let dump = raw.vtable(size: 8, 0, 4)
      let run = raw.vtable(size: 8, 0, 0, 0, 4)
      let event = raw.vtable(size: 12, 4, 8)
      let empty = raw.vtable(size: 4)
      raw.align(4)
      raw.link(root, to: raw.table(dump))
      raw.put(UInt32(4), UInt32(1), UInt32(4))
      _ = raw.table(run)
      raw.put(UInt32(4), UInt32(1), UInt32(4))
      _ = raw.table(event)
      raw.put(UInt32(8), UInt32(4))
      _ = raw.table(empty)
    }
    #expect(error?.code == .malformed)
    #expect(error?.detail.contains("2 kinds") == true)
  }
}
