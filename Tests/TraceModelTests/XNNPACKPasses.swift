import ETFormats
import TestSupport
import Testing
import TraceModel

/// What XNNPACK does to small graphs, each worked by hand from its passes.
@Suite struct XNNPACKPasses {
  /// Names with the payload's nodes that they stand for.
  private func kernels(_ build: (inout XNNPACKPayloadBuilder) -> Void) throws -> [String] {
    var builder = XNNPACKPayloadBuilder()
    build(&builder)
    return try XNNPACKKernels.predict(builder.payload()).required("a replay").map { "\($0.name) \($0.nodes)" }
  }

  @Test func giveANodeOneKernel() throws {
    let found = try kernels { b in
      let (x, y, z) = (b.value(input: true), b.value(), b.value(output: true))
      b.node(4, [x], [y])
      b.node(1, [y, x], [z])
    }
    #expect(found == ["Sigmoid (NC) [0]", "Add (ND) [1]"])
  }

  @Test func foldAClampIntoTheProductBeforeIt() throws {
    let found = try kernels { b in
      let (x, w) = (b.value(input: true), b.value([4, 4], constant: true))
      let (y, z) = (b.value(), b.value(output: true))
      b.node(2, [x, w], [y])
      b.node(6, [y], [z], range: (0, 6))
    }
    #expect(found == ["Fully Connected (NC, F32) GEMM [0, 1]"])
  }

  @Test func giveAnAdditionsActivationAKernelOfItsOwn() throws {
    let found = try kernels { b in
      let (x, y) = (b.value(input: true), b.value(output: true))
      b.node(1, [x, x], [y], range: (0, .infinity))
    }
    #expect(found == ["Add (ND) [0]", "Clamp (NC) [0]"])
  }

  @Test func makeAPointwiseConvolutionAMatrixProduct() throws {
    func convolution(_ kernel: UInt32) throws -> [String] {
      try kernels { b in
        let (x, w) = (b.value([1, 4, 4, 3], input: true), b.value([8, kernel, kernel, 3], constant: true))
        let y = b.value([1, 4, 4, 8], output: true)
        b.node(7, [x, w], [y], window: [0, 0, 0, 0, kernel, kernel, 1, 1, 1, 1, 3, 8, 1])
      }
    }
    #expect(try convolution(1) == ["Fully Connected (NC, F32) GEMM [0]"])
    #expect(try convolution(3) == ["Convolution (NHWC, F32) IGEMM [0]"])
  }

  @Test func foldAZeroPaddingOfHeightAndWidthIntoTheConvolution() throws {
    func padded(_ before: [UInt32]) throws -> Int {
      try kernels { b in
        let (x, p) = (b.value([1, 4, 4, 3], input: true), b.value([1, 6, 6, 3]))
        let (w, y) = (b.value([8, 3, 3, 3], constant: true), b.value([1, 4, 4, 8], output: true))
        b.node(10, [x], [p], numbers: before, more: [0, 1, 1, 0])
        b.node(7, [p, w], [y], window: [0, 0, 0, 0, 3, 3, 1, 1, 1, 1, 3, 8, 1])
      }.count
    }
    #expect(try padded([0, 1, 1, 0]) == 1)
    #expect(try padded([1, 1, 1, 0]) == 2)
  }

  @Test func makeChainsOn8BitsALookupTable() throws {
    let found = try kernels { b in
      let x = b.value(type: 3, input: true, quantization: (0.1, 0))
      let (f, g, y) = (b.value(), b.value(), b.value(type: 3, output: true, quantization: (0.1, 0)))
      b.node(18, [x], [f])
      b.node(4, [f], [g])
      b.node(18, [g], [y])
    }
    #expect(found == ["Invalid Unary Op [2, 0, 1]"])
  }

  @Test func makeAProductWithItselfASquare() throws {
    let found = try kernels { b in
      let (x, y) = (b.value(input: true), b.value(output: true))
      b.node(15, [x, x], [y])
    }
    #expect(found == ["Square (NC) [0]"])
  }

  @Test func makeALimitByAConstantAClamp() throws {
    let found = try kernels { b in
      let (x, c, y) = (b.value(input: true), b.value([1], constant: true), b.value(output: true))
      b.node(26, [x, c], [y])
    }
    #expect(found == ["Clamp (NC) [0]"])
  }

  @Test func computeTheMeanOfASquareAtOnce() throws {
    let found = try kernels { b in
      let (x, s, y) = (
        b.value([1, 4, 4, 3], input: true), b.value([1, 4, 4, 3]), b.value([1, 1, 1, 3], output: true)
      )
      b.node(28, [x], [s])
      b.node(19, [s], [y])
    }
    #expect(found == ["Mean Squared (ND) [1, 0]"])
  }

  @Test func mergeReshapesAndLeaveOutThoseWithoutEffect() throws {
    let found = try kernels { b in
      let (x, a, c) = (b.value([4, 4], input: true), b.value([16]), b.value([2, 8]))
      let (d, y) = (b.value([2, 8]), b.value([2, 8], output: true))
      b.node(20, [x], [a], numbers: [16])
      b.node(20, [a], [c], numbers: [2, 8])
      b.node(20, [c], [d], numbers: [2, 8])
      b.node(4, [d], [y])
    }
    #expect(found == ["Static Reshape (NC) [2, 1, 0]", "Sigmoid (NC) [3]"])
  }

  @Test func transposeTheRightSideInsideTheProduct() throws {
    let found = try kernels { b in
      let (x, k) = (b.value([2, 4, 8], input: true), b.value([2, 4, 8], input: true))
      let (t, y) = (b.value([2, 8, 4]), b.value([2, 4, 4], output: true))
      b.node(5, [k], [t], numbers: [0, 2, 1])
      b.node(37, [x, t], [y])
    }
    #expect(found == ["Batch Matrix Multiply (NC, …) GEMM [1, 0]"])
  }

  @Test func quantizeInsideProductsButNotInsideConvolutions() throws {
    func dynamic(_ convolution: Bool) throws -> [String] {
      try kernels { b in
        let (x, q) = (b.value([1, 4, 4, 3], input: true), b.value([1, 4, 4, 3], type: 9))
        let (w, y) = (b.value([8, 3, 3, 3], type: 6, constant: true), b.value([1, 4, 4, 8], output: true))
        b.node(18, [x], [q])
        if convolution {
          b.node(7, [q, w], [y], window: [1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 3, 8, 1])
        } else {
          b.node(2, [q, w], [y])
        }
      }
    }
    #expect(try dynamic(false) == ["Fully Connected (NC, QD8, F32, QC8W) GEMM [1, 0]"])
    #expect(try dynamic(true) == ["Convert (NC, …) [0]", "Convolution (NHWC, QD8, F32, QC8W) IGEMM [1]"])
  }

  @Test func rewriteADequantizedRightSideWhichChangesTheOrder() throws {
    let found = try kernels { b in
      let x = b.value([1, 4, 4], input: true)
      let (q, d) = (b.value([1, 4, 4], type: 3, input: true, quantization: (0.1, 0)), b.value([1, 4, 4]))
      let (y, z) = (b.value([1, 4, 4], output: true), b.value([1, 4, 4], output: true))
      b.node(18, [q], [d])
      b.node(37, [x, d], [y])
      b.node(44, [x], [z])
    }
    // The new conversion is appended, so that the exponential now comes first.
    #expect(found == ["Exp (NC) [2]", "Convert (NC, …) [0]", "Batch Matrix Multiply (NC, …) GEMM [1]"])
  }

  @Test func leaveOutWhatNothingReads() throws {
    let found = try kernels { b in
      let (x, a, c, y) = (b.value(input: true), b.value(), b.value(), b.value(output: true))
      b.node(4, [x], [a])
      b.node(44, [a], [c])
      b.node(30, [x], [y])
    }
    #expect(found == ["Abs (NC) [2]"])
  }

  @Test func followOlderVersionsWhereTheNamesAskForIt() throws {
    var builder = XNNPACKPayloadBuilder()
    let x = builder.value(type: 3, input: true, quantization: (0.1, 0))
    let (f, g) = (builder.value(), builder.value())
    let y = builder.value(type: 3, output: true, quantization: (0.1, 0))
    builder.node(18, [x], [f])
    builder.node(4, [f], [g])
    builder.node(18, [g], [y])
    let names = ["Convert (NC) #1", "Sigmoid (NC) #1", "Convert (NC) #2"]
    let matches = try XNNPACKKernels.match(eventNames: names, builder.payload())
    #expect(matches.map(\.status) == [.exact, .exact, .exact])
    #expect(matches.map(\.nodes) == [[0], [1], [2]])
    #expect(matches[0].why.contains("June 2025"))
  }

  @Test func areAmbiguousWhereNamesDoNotTell() throws {
    var builder = XNNPACKPayloadBuilder()
    var x = builder.value(input: true)
    for index in 0..<4 {
      let y = builder.value(output: index == 3)
      builder.node(index == 3 ? 30 : 4, [x], [y])
      x = y
    }
    let matches = try XNNPACKKernels.match(
      eventNames: ["Sigmoid (NC) #1", "Sigmoid (NC) #2", "Abs (NC) #1", "Pack LH (X32) #1"], builder.payload())
    #expect(matches.map(\.isMatched) == [false, false, true, false])
    #expect(matches[0].status != matches[3].status && matches[0].why.contains("equally good"))
    #expect(matches[2].status == .aligned && matches[2].nodes == [3])
    #expect(matches[3].isInserted && matches[3].why.contains("inserted by XNNPACK"))
  }
}
