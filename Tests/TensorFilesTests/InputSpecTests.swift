import Bytes
import ETCore
import TensorFiles
import TestSupport
import Testing

@Suite struct InputSpecTests {
  @Test(
    arguments: [
      ("x.npy", .file(path: "x.npy", .npy, member: nil)),
      ("a:b/x.npy", .file(path: "a:b/x.npy", .npy, member: nil)),
      ("x.npz", .file(path: "x.npz", .npz, member: nil)),
      ("x.npz:arr_0", .file(path: "x.npz", .npz, member: "arr_0")),
      ("x.npz:a:b", .file(path: "x.npz", .npz, member: "a:b")),
      ("x.npz.safetensors:in", .file(path: "x.npz.safetensors", .safetensors, member: "in")),
      ("x.raw:2x3:float32", .raw(path: "x.raw", sizes: [2, 3], dtype: .float)),
      ("x.bin:scalar:bfloat16", .raw(path: "x.bin", sizes: [], dtype: .bfloat16)),
      ("shape:1x3x224x224", .made(sizes: [1, 3, 224, 224], dtype: nil, nil)),
      ("shape:4:int64", .made(sizes: [4], dtype: .long, nil)),
      ("shape:4:zeros", .made(sizes: [4], dtype: nil, .zeros)),
      ("shape:4:7", .made(sizes: [4], dtype: nil, .seeded(7))),
      ("shape:4x0:bool:ones", .made(sizes: [4, 0], dtype: .bool, .ones)),
      ("shape:scalar:float64:18446744073709551615", .made(sizes: [], dtype: .double, .seeded(.max))),
    ] as [(String, InputSpec)])
  func readsEachForm(_ text: String, _ expected: InputSpec) throws {
    #expect(try InputSpec(text) == expected)
  }

  @Test(arguments: [
    ("-", 0), ("", 0), ("x.pt", 0), (".npy", 0), ("shape:", 6), ("shape:2x", 8), ("shape:2xx3", 8), ("shape:-1", 6),
    ("shape:99999999999999999999", 6), ("shape:2:float", 8), ("shape:2:float32:two", 16), ("shape:2:zeros:ones", 13),
    ("shape:2:int64:1:2", 15), ("x.npy:a", 6), ("x.npz:", 6), ("x.raw", 5), ("x.raw:2x3", 6), ("x.raw:2:int", 8),
    ("x.raw:2:int32:1", 6),
  ])
  func saysWhereAFormIsWrong(_ text: String, _ place: Int) {
    let error = failure { _ = try InputSpec(text) }
    #expect(error?.code == .malformed && error?.offset == place, "\(String(describing: error))")
  }

  @Test func loadsFilesAndMadeValues() throws {
    let folder = try TemporaryFolder()
    let raw = try folder.write([1, 0, 2, 0], to: "x.raw")
    let one = try #require(try InputSpec(raw + ":2x1:int16").load().first).tensor
    #expect(one.sizes == [2, 1] && one.hexadecimal == "01000200")
    #expect(code { _ = try InputSpec(raw + ":2x1:int32").load() } == .truncated)
    #expect(code { _ = try InputSpec(raw + ":1x1:int16").load() } == .malformed)
    #expect(code { _ = try InputSpec(folder.file("none.npy")).load() } == .unreadable)
    #expect(try InputSpec(Files.path("deflated.npz")).load().map(\.name) == ["mask", "x", "arr_0"])
    #expect(try InputSpec(Files.path("tensors.safetensors") + ":wide").load().map(\.tensor.dtype) == [.long])
    let made = try #require(try InputSpec("shape:2x2").load(defaultType: .int, defaultSeed: 5).first).tensor
    #expect(made.hexadecimal == (try SeededValues.fill(dtype: .int, sizes: [2, 2], seed: 5)).hexadecimal)
    #expect(try InputSpec("shape:2:float16:ones").load().map(\.tensor.hexadecimal) == ["003c003c"])
    #expect(try InputSpec("shape:3:bool:zeros").load().map(\.tensor.hexadecimal) == ["000000"])
    #expect(code { _ = try InputSpec("shape:4000000000x4000000000").load() } == .malformed)
  }
}
