import Bytes
import TestSupport
import Testing

@Suite struct NamePoolTests {
  @Test func numbersNamesInOrderOfFirstAppearance() {
    var pool = NamePool()
    #expect(["add", "mul", "add", "", "mul", ""].map { pool.intern($0) } == [0, 1, 0, 2, 1, 2])
    #expect((0..<3).map { pool[$0] } == ["add", "mul", ""])
    #expect(pool.count == 3 && pool.byteCount == 6)
  }

  @Test func findsOnlyWhatIsThere() {
    var pool = NamePool()
    #expect(pool.find("add") == nil)
    let add = pool.intern("add")
    #expect(pool.find("add") == add)
    #expect(pool.find("ad") == nil && pool.find("addd") == nil && pool.find("") == nil)
  }

  @Test func tellsNamesOfEveryLengthApart() {
    // Every length, and every single byte of it changed.
    var pool = NamePool()
    var count: Int32 = 0
    for length in 0...70 {
      let name = [UInt8](repeating: 65, count: length)
      #expect(name.withUnsafeBytes { pool.intern($0) } == count)
      count += 1
      for place in 0..<length {
        var other = name
        other[place] = 66
        #expect(other.withUnsafeBytes { pool.intern($0) } == count)
        count += 1
      }
    }
    #expect(Int32(pool.count) == count)
  }

  @Test func keepsNumbersWhenItGrows() {
    var pool = NamePool()
    let ids = (0..<5000).map { pool.intern("native_call_\($0)") }
    #expect(ids == Array(0..<5000))
    #expect((0..<5000).allSatisfy { pool.find("native_call_\($0)") == Int32($0) })
    #expect(pool[4999] == "native_call_4999")
  }

  @Test func keepsBytesThatAreNotText() {
    var pool = NamePool()
    let bytes: [UInt8] = [0xFF, 0, 0xC3]
    let id = bytes.withUnsafeBytes { pool.intern($0) }
    #expect(pool.withBytes(of: id) { Array($0) } == bytes)
    #expect(pool[id] == "\u{FFFD}\0\u{FFFD}")
  }

  @Test func aCopyIsIndependent() {
    var first = NamePool()
    _ = first.intern("add")
    var second = first
    #expect(second.intern("mul") == 1)
    #expect(first.find("mul") == nil)
    #expect(first.intern("sub") == 1)
    #expect(second[1] == "mul")
  }
}
