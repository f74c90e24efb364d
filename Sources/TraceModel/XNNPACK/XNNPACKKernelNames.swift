import ETFormats

extension XNNPACKGraph {
  /// What the runtime calls a node's operator.
  ///
  /// Types are those of `src/xnnpack/operator-type-defs.inc`'s table; which one a node gets follows from its values' types.
  func namePattern(of node: Node, _ options: XNNPACKOptions) -> XNNPACKNamePattern {
    guard let firstInput = node.inputs.first, !node.outputs.isEmpty else { return .anything }
    let type = values[firstInput].datatype
    let size = "X\(type.bits)"
    switch node.operation {
    case .unary(let function):
      if options.contains(.hasGenericNames) {
        return XNNPACKNamePattern([function.rawValue, "Unary Elementwise"], .among(["NC", "ND"]), types: .any)
      }
      return XNNPACKNamePattern(function.rawValue, "NC")
    case .binary(let function):
      if options.contains(.hasGenericNames) {
        return XNNPACKNamePattern([function.rawValue, "Binary Elementwise"], .among(["NC", "ND"]), types: .any)
      }
      return XNNPACKNamePattern(function.rawValue, "ND")
    // XNNPACK has no name for it but this one.
    case .lookupTable:
      return XNNPACKNamePattern(["Invalid Unary Op", "Unary Elementwise", "Convert"], .none)
        .or(XNNPACKNamePattern("Unary Elementwise", "NC"))
    case .convert: return XNNPACKNamePattern(["Convert"], .among(["NC"]), types: .any)
    case .mean:
      return XNNPACKNamePattern("Mean", "ND", suffixes: .any)
        .or(XNNPACKNamePattern(["Global Average Pooling"], .any, types: .any, suffixes: .any))
    case .meanSquared: return XNNPACKNamePattern("Mean Squared", "ND", suffixes: .any)
    case .averagePooling: return XNNPACKNamePattern("Average Pooling", "NHWC", types: .any, suffixes: .any)
    case .maxPooling:
      let types: [XNNPACKPayload.Datatype: String] = [.qint8: "S8", .quint8: "U8", .fp32: "F32", .fp16: "F16"]
      return XNNPACKNamePattern("Max Pooling", "NHWC", types: types[type].map { .among([$0]) } ?? .any)
    case .argMaxPooling: return XNNPACKNamePattern("ArgMax Pooling", "NHWC", types: .among(["F32"]))
    case .softmax: return XNNPACKNamePattern("Softmax", "NC", types: .any)
    case .transpose:
      return XNNPACKNamePattern("Transpose", "ND", types: .among([size]), suffixes: .among(["", "Transpose"]))
    case .resize: return XNNPACKNamePattern(["Resize Bilinear"], .among(["NHWC", "NCHW"]), types: .any)
    case .pad: return XNNPACKNamePattern("Constant Pad", "ND", types: .among([size]))
    case .reshape:
      return XNNPACKNamePattern("Static Reshape", "NC").or(XNNPACKNamePattern("Copy", "NC", types: .among([size])))
    case .slice: return XNNPACKNamePattern("Slice", "ND", types: .among([size]))
    case .concatenate, .copy:
      return XNNPACKNamePattern(["Copy", "Concatenate"], .among(["NC", "ND"]), types: .among([size]))
    case .batchMatrixMultiply:
      return XNNPACKNamePattern("Batch Matrix Multiply", "NC", types: .any, suffixes: .among(["GEMM"]))
    case .fullyConnected:
      let isDynamic = !values[node.inputs[1]].isStatic
      return XNNPACKNamePattern(
        isDynamic ? "Dynamic Fully Connected" : "Fully Connected", "NC", types: productTypes(of: node, type),
        suffixes: .among(["GEMM"]))
    case .convolution, .depthwiseConvolution:
      // Only one channel in and one out of each group, whatever the node is called (`src/operators/convolution-nhwc.c`).
      let kernels =
        node.window?.isDepthwise == true
        ? ["DWConv", "IGEMM", "GEMM", "VMulCAddC"] : ["IGEMM", "GEMM", "Conv2D HWC2CHW", "SPMM"]
      return XNNPACKNamePattern(
        ["Convolution"], .among(["NHWC", "NCHW"]), types: convolutionTypes(of: node, type), suffixes: .among(kernels))
    case .deconvolution:
      return XNNPACKNamePattern(
        ["Deconvolution"], .among(["NHWC", "NC"]), types: .any, suffixes: .among(["IGEMM", "Subconv2D"]))
    case .other: return .anything
    }
  }

  private func productTypes(of node: Node, _ type: XNNPACKPayload.Datatype) -> XNNPACKNamePattern.Words {
    let weight = values[node.inputs[1]].datatype
    if node.quantizesInput || type == .qdint8 {
      let names: [XNNPACKPayload.Datatype: String] = [.qcint8: "QC8W", .qcint4: "QC4W", .qbint4: "QB4W"]
      guard let name = names[weight] else { return .beginning("Q") }
      return .among(
        ["QD8", "QDU8", "QP8"].flatMap { input in ["F32", "F16", "BF16"].map { "\(input), \($0), \(name)" } })
    }
    switch (type, weight) {
    case (.qint8, .qint8): return .among(["QS8"])
    case (.qint8, .qcint8): return .among(["QS8, QC8W", "PQS8, QC8W"])
    case (.qint8, .qcint4): return .among(["QS8, QC4W"])
    case (.quint8, _): return .among(["QU8"])
    case (.fp32, _): return .among(["F32", "PF32", "F32, QC8W", "F32, QC4W", "PF32, QC8W", "PF32, QC4W"])
    case (.fp16, _): return .among(["F16", "F32", "PF16", "PF32"])
    case (.bf16, _): return .beginning("BF16")
    default: return .any
    }
  }

  private func convolutionTypes(of node: Node, _ type: XNNPACKPayload.Datatype) -> XNNPACKNamePattern.Words {
    switch (type, values[node.inputs[1]].datatype) {
    case (.qint8, .qint8): .among(["QS8", "QC8", "PQS8, QS8, QC8W"])
    case (.qint8, .qcint8): .among(["QC8", "QS8, QC8W", "PQS8, QS8, QC8W"])
    case (.qdint8, _): .among(["QD8, F32, QC8W", "QD8, F16, QC8W", "QDU8, F32, QC8W", "QDU8, F16, QC8W"])
    case (.quint8, _): .among(["QU8"])
    case (.fp32, _): .among(["F32", "PF32"])
    case (.fp16, _): .among(["F16", "F32", "PF16", "PF32"])
    default: .any
    }
  }
}
