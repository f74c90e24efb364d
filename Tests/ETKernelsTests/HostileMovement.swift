import ETCore
import ETKernels
import Testing

/// Programs whose tensors overlap, or whose numbers no compiler writes: kernels refuse or compute anything, but stay in
/// their tensors' memory.
@Suite struct HostileMovement {
  let bench = KernelBench()

  /// An index of zeros that the kernel's own results turn into huge numbers.
  private func overwrittenIndex(_ sizes: [Int]) -> (index: Int32, data: UnsafeMutableRawPointer) {
    let data = bench.memory(8 * sizes.reduce(1, *))
    return (bench.tensor(.long, sizes, data: data), data)
  }

  @Test func gathersThroughAnIndexThatItOverwrites() {
    let (_, data) = overwrittenIndex([64])
    let input = bench.tensor([Int64](repeating: 1 << 40, count: 64), [64])
    let shifted = bench.tensor(.long, [63], data: data + 8)
    let part = bench.tensor(.long, [63], data: data)
    bench.run("aten::gather.out", input, bench.int(0), part, bench.bool(false), shifted)
    #expect(bench.guardsAreWhole)
  }

  @Test func scattersThroughAnIndexThatItOverwrites() {
    let (index, data) = overwrittenIndex([64])
    let input = bench.tensor([Int64](repeating: 1 << 40, count: 64), [64])
    let out = bench.tensor(.long, [64], data: data)
    bench.run("aten::scatter.src_out", input, bench.int(0), index, input, out)
    for i in 0..<64 { bench[index].elements(Int64.self)[i] = 0 }
    bench.run("aten::scatter.value_out", input, bench.int(0), index, bench.int(3), out)
    for i in 0..<64 { bench[index].elements(Int64.self)[i] = 0 }
    bench.run("aten::scatter_add.out", input, bench.int(0), index, input, out)
    #expect(bench.guardsAreWhole)
  }

  @Test func selectsRowsThroughAnIndexThatItOverwrites() {
    let (index, data) = overwrittenIndex([64])
    let input = bench.tensor([Int64](repeating: 1 << 40, count: 64), [64])
    let part = bench.tensor(.long, [63], data: data)
    let out = bench.tensor(.long, [63], data: data + 8)
    bench.run("aten::index_select.out", input, bench.int(0), part, out)
    let table = bench.tensor([Int64](repeating: 1 << 40, count: 4), [4, 1])
    for i in 0..<64 { bench[index].elements(Int64.self)[i] = 0 }
    let rows = bench.tensor(.long, [63, 1], data: data + 8)
    bench.run("aten::embedding.out", table, part, bench.int(-1), bench.bool(false), bench.bool(false), rows)
    #expect(bench.guardsAreWhole)
  }

  @Test func selectsByAMaskThatItOverwrites() {
    let data = bench.memory(64)
    data.storeBytes(of: 1, as: UInt8.self)
    let mask = bench.tensor(.bool, [64], data: data)
    let input = bench.tensor([UInt8](repeating: 1, count: 64), [64])
    let out = bench.tensor(.byte, [64], bound: 64, data: data + 1)
    bench[out].state.pointee.capacity = 1
    bench.run("aten::masked_select.out", input, mask, out)
    #expect(bench.guardsAreWhole)
  }

  @Test func countsRepeatsThatItOverwrites() {
    let data = bench.memory(8 * 8)
    data.storeBytes(of: 1, toByteOffset: 0, as: Int64.self)
    data.storeBytes(of: 2, toByteOffset: 8, as: Int64.self)
    let repeats = bench.tensor(.long, [8], data: data)
    let out = bench.tensor(.long, [3], data: data + 40)
    bench.run("aten::repeat_interleave.Tensor_out", repeats, bench.none(), out)
    #expect(bench.guardsAreWhole)
  }

  @Test func findsNonzerosThatItOverwrites() {
    let data = bench.memory(8 * 16)
    data.storeBytes(of: 1, toByteOffset: 0, as: Int64.self)
    data.storeBytes(of: 1, toByteOffset: 8, as: Int64.self)
    data.storeBytes(of: 1, toByteOffset: 16, as: Int64.self)
    let input = bench.tensor(.long, [16], data: data)
    let out = bench.tensor(.long, [3, 1], data: data + 8 * 13)
    bench.run("aten::nonzero.out", input, out)
    #expect(bench.guardsAreWhole)
  }

  @Test func concatenatesBesideAnEmptyTensorOfAnotherShape() {
    let whole = bench.tensor(.int, [100, 100])
    let empty = bench.tensor(.int, [5, 0])
    let out = bench.tensor(.int, [100, 0])
    let tensors = bench.list(.tensorList, [whole, empty])
    bench.run("aten::cat.out", tensors, bench.int(0), out)
    #expect(bench.guardsAreWhole)
  }

  @Test func growsAnOutputThatIsItsInput() {
    let tensor = bench.tensor(.int, [4, 4], bound: 64)
    bench.run("aten::repeat.out", tensor, bench.ints([2, 2]), tensor)
    #expect(bench.guardsAreWhole)
    let list = bench.tensor(.int, [16], bound: 64)
    bench.run("aten::cat.out", bench.list(.tensorList, [list, list, list]), bench.int(0), list)
    #expect(bench.guardsAreWhole)
  }

  @Test func writesToATensorWithoutMemory() {
    let tensor = bench.tensor(.int, [0], bound: 64)
    bench[tensor].state.pointee.data = nil
    #expect(!bench.run("aten::full.out", bench.ints([64]), bench.int(1), tensor))
  }

  @Test(arguments: [Int(Int32.max), Int.max, Int.max / 8])
  func sizesThatOverflowBesideASizeOfZero(_ size: Int) {
    let input = bench.tensor(.int, [1, 0, 1, 1, 1], bound: 0)
    let out = bench.tensor(.int, [1, 0, 1, 1, 1], bound: 0)
    bench.run("aten::expand_copy.out", input, bench.ints([size, 0, size, size, size]), bench.bool(false), out)
    bench.run("aten::full.out", bench.ints([size, 0, size, size, size]), bench.int(1), input)
    bench.run(
      "aten::select_copy.int_out", input, bench.int(0), bench.int(-1), bench.tensor(.int, [0, 1, 1, 1], bound: 0))
    bench.run("aten::permute_copy.out", input, bench.ints([4, 3, 2, 1, 0]), out)
    bench.run("aten::pixel_shuffle.out", input, bench.int(32767), out)
    bench.run("aten::add.out", input, input, bench.int(1), out)
    #expect(bench.guardsAreWhole)
  }

  @Test(arguments: [Int.max, Int.min, Int.max - 1, -3, 3])
  func keepsATriangleOfAnyDiagonal(_ diagonal: Int) {
    let input = bench.tensor([Int32](repeating: 1, count: 9), [3, 3])
    let out = bench.tensor(.int, [3, 3])
    #expect(bench.run("aten::tril.out", input, bench.int(diagonal), out))
    #expect(bench.elements(out, Int32.self) == [Int32](repeating: diagonal > 0 ? 1 : 0, count: 9))
  }

  /// Indices whose common shape has 2⁶⁴ + 418 elements, which wraps to 418.
  @Test func indicesOfMoreElementsThanAnIntCounts() {
    let input = bench.tensor(.int, [1000, 1, 1, 1, 1, 1, 1])
    let sizes = [15242, 5821, 11683, 853, 673, 31]
    let indices = sizes.indices.map { i in
      bench.tensor(.long, [sizes[i]] + [Int](repeating: 1, count: sizes.count - 1 - i))
    }
    let value = bench.tensor(.int, [1])
    let accepted = bench.run(
      "aten::index_put.out", input, bench.list(.optionalTensorList, [bench.none()] + indices), value, bench.bool(false),
      bench.tensor(.int, [1000, 1, 1, 1, 1, 1, 1]))
    #expect(!accepted)
    #expect(bench.guardsAreWhole)
  }
}
