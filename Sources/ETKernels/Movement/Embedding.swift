import ETCore

extension KernelRegistry {
  mutating func registerEmbedding() {
    register("aten::embedding.out") { call throws(KernelError) in
      let (weight, indices, out) = (try call.tensor(0), try call.tensor(1), try call.output(5))
      try require(weight.rank == 2 && weight.type == out.type, "\(weight.type) and \(out.type)")
      try require(indices.type == .long || indices.type == .int, "indices of \(indices.type)")
      try require(weight.isContiguous && indices.isContiguous && out.isContiguous, "a dim order that is not contiguous")
      try require(out.rank == indices.rank + 1, "a result of rank \(out.rank)")
      try out.resize(to: call.sizes(indices.rank + 1) { $0 < indices.rank ? indices.sizes[$0] : weight.sizes[1] })
      let (rows, bytes) = (weight.sizes[0], weight.sizes[1] * weight.elementSize)
      for i in 0..<indices.count {
        let row = try call.integer(indices, i)
        try require(row >= 0 && row < rows, "index \(row) of \(rows)")
        (out.data + i * bytes).copyMemory(from: weight.data + row * bytes, byteCount: bytes)
      }
    }
  }
}
