import ETCore
import ETKernels
import Foundation
import TestSupport
import Testing

/// Shapes that are computed in pieces, tiles or by another algorithm than small ones, against the plain definition; on
/// one thread and on three, to the same bits.
@Suite struct LargeShapes {
  struct Convolution: Sendable, CustomTestStringConvertible {
    var batches = 1
    var (channels, filters) = (1, 1)
    var groups = 1
    var (height, width) = (1, 1)
    var kernel = 1
    var stride = 1
    var padding = 0
    var dilation = 1
    var transposed = false

    var testDescription: String {
      "\(batches)x\(channels)x\(height)x\(width) → \(filters), \(kernel)x\(kernel), groups \(groups), stride \(stride), "
        + "padding \(padding), dilation \(dilation)\(transposed ? ", transposed" : "")"
    }

    func outSize(_ size: Int) -> Int {
      transposed
        ? (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
        : (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
    }

    /// Every product of an input and a weight, added where it belongs.
    func plain(_ x: [Float], _ w: [Float], _ b: [Float]) -> [Double] {
      let (outHeight, outWidth) = (outSize(height), outSize(width))
      let (inGroup, outGroup) = (channels / groups, filters / groups)
      var y = (0..<batches * filters * outHeight * outWidth).map { Double(b[$0 / (outHeight * outWidth) % filters]) }
      for batch in 0..<batches {
        for filter in 0..<filters {
          for own in 0..<inGroup {
            let channel = filter / outGroup * inGroup + own
            for ky in 0..<kernel {
              for kx in 0..<kernel {
                let tap =
                  transposed
                  ? w[((channel * outGroup + filter % outGroup) * kernel + ky) * kernel + kx]
                  : w[((filter * inGroup + own) * kernel + ky) * kernel + kx]
                for small in 0..<(transposed ? height * width : outHeight * outWidth) {
                  let line = transposed ? width : outWidth
                  let (fy, fx) = (
                    small / line * stride - padding + ky * dilation, small % line * stride - padding + kx * dilation
                  )
                  guard fy >= 0, fx >= 0, fy < (transposed ? outHeight : height), fx < (transposed ? outWidth : width)
                  else { continue }
                  let (from, to) = transposed ? (small, fy * outWidth + fx) : (fy * width + fx, small)
                  y[(batch * filters + filter) * outHeight * outWidth + to] +=
                    Double(tap) * Double(x[(batch * channels + channel) * height * width + from])
                }
              }
            }
          }
        }
      }
      return y
    }
  }

  private func random(_ count: Int, _ seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
  }

  @Test(arguments: [
    Convolution(channels: 64, filters: 200, height: 14, width: 14),  // filters in strips
    Convolution(batches: 2, channels: 24, filters: 40, height: 70, width: 65),  // pixels in tiles
    Convolution(channels: 12, filters: 18, groups: 3, height: 29, width: 31, kernel: 3, stride: 2, padding: 1),
    Convolution(channels: 3, filters: 8, height: 64, width: 3, kernel: 5, padding: 6, dilation: 3),
    Convolution(channels: 5, filters: 7, height: 300, width: 1, kernel: 1, stride: 3),  // upright
    Convolution(channels: 40, filters: 40, groups: 40, height: 56, width: 57, kernel: 3, padding: 1),
    Convolution(
      channels: 6, filters: 12, groups: 6, height: 47, width: 33, kernel: 5, stride: 2, padding: 3, dilation: 2),
    Convolution(
      batches: 3, channels: 4, filters: 4, groups: 4, height: 9, width: 120, kernel: 3, stride: 4, padding: 1),
    Convolution(channels: 4, filters: 4, groups: 4, height: 9, width: 40, kernel: 3, stride: 5, padding: 1),
    Convolution(channels: 16, filters: 24, height: 31, width: 29, kernel: 4, stride: 2, padding: 1, transposed: true),
    Convolution(
      batches: 2, channels: 6, filters: 9, groups: 3, height: 8, width: 40, kernel: 3, dilation: 2, transposed: true),
  ])
  func ofConvolutions(_ c: Convolution) throws {
    let x = random(c.batches * c.channels * c.height * c.width, 1)
    let w = random(c.channels * c.filters / c.groups * c.kernel * c.kernel, 2)
    let b = random(c.filters, 3)
    var answers: [[Float]] = []
    for threads in [1, 3] {
      let bench = KernelBench(threads: threads)
      let weightSizes = c.transposed ? [c.channels, c.filters / c.groups] : [c.filters, c.channels / c.groups]
      let (input, weight, bias) = (
        bench.tensor(x, [c.batches, c.channels, c.height, c.width]),
        bench.tensor(w, weightSizes + [c.kernel, c.kernel]),
        bench.tensor(b, [c.filters])
      )
      let out = bench.tensor(.float, [c.batches, c.filters, c.outSize(c.height), c.outSize(c.width)])
      #expect(
        bench.run(
          "aten::convolution.out", input, weight, bias, bench.ints([c.stride, c.stride]),
          bench.ints([c.padding, c.padding]), bench.ints([c.dilation, c.dilation]), bench.bool(c.transposed),
          bench.ints([0, 0]), bench.int(c.groups), out))
      #expect(bench.guardsAreWhole)
      answers.append(bench.elements(out))
    }
    #expect(answers[0] == answers[1])
    let plain = c.plain(x, w, b)
    let greatest = plain.map(\.magnitude).max() ?? 0
    #expect(plain.count == answers[0].count)
    for (a, b) in zip(answers[0], plain) where (Double(a) - b).magnitude > 1e-5 * greatest {
      Issue.record("\(a) instead of \(b)")
      break
    }
  }

  /// Infinity times the zeros of padding would be no number.
  @Test func ofWeightsThatAreInfinite() {
    let bench = KernelBench()
    let input = bench.tensor([Float](repeating: 1, count: 16), [1, 1, 4, 4])
    var taps = [Float](repeating: 0, count: 9)
    taps[0] = .infinity
    let (weight, out) = (bench.tensor(taps, [1, 1, 3, 3]), bench.tensor(.float, [1, 1, 4, 4]))
    let (one, zero) = (bench.ints([1, 1]), bench.ints([0, 0]))
    #expect(
      bench.run(
        "aten::convolution.out", input, weight, bench.none(), one, one, one, bench.bool(false), zero, bench.int(1), out)
    )
    let plain: [Float] = (0..<16).map { $0 < 4 || $0 % 4 == 0 ? 0 : .infinity }
    #expect(bench.elements(out) == plain)
  }

  @Test(arguments: [1, 2, 4, 8])
  func ofTransposedMatrices(width: Int) {
    let type: ScalarType = [1: .byte, 2: .short, 4: .int, 8: .long][width]!
    for sizes in [[70, 37], [8, 8], [3, 65, 40], [33, 2, 129]] {
      let bench = KernelBench(threads: 2)
      let count = sizes.reduce(1, *)
      let order = Array((0..<sizes.count).reversed())
      let (input, out) = (bench.tensor(type, sizes), bench.tensor(type, order.map { sizes[$0] }))
      let bytes = bench[input].elements(UInt8.self)
      for i in 0..<count * width { bytes[i] = UInt8(truncatingIfNeeded: i &* 31 &+ i / 251) }
      #expect(bench.run("aten::permute_copy.out", input, bench.ints(order), out))
      let result = bench[out].elements(UInt8.self)
      for place in 0..<count {
        var (rest, from) = (place, 0)
        for d in 0..<sizes.count {
          // Dimension d of the input is the fastest but d of the output's.
          let coordinate = rest % sizes[d]
          rest /= sizes[d]
          from += coordinate * bench[input].strides[d]
        }
        for byte in 0..<width where result[place * width + byte] != bytes[from * width + byte] {
          Issue.record("\(sizes): element \(place)")
          return
        }
      }
      #expect(bench.guardsAreWhole)
    }
  }

  @Test(arguments: [1, 2, 3, 61, 67, 101, 134, 257, 360, 1009])
  func ofFourierTransforms(count n: Int) {
    let lines = 3
    let x = random(lines * n, 5)
    let bench = KernelBench()
    let half = n / 2 + 1
    let input = bench.tensor(x, [lines, n])
    let (out, back) = (bench.tensor(.complexFloat, [lines, half]), bench.tensor(.float, [lines, n]))
    #expect(bench.run("aten::_fft_r2c.out", input, bench.ints([1]), bench.int(0), bench.bool(true), out))
    let result = bench[out].elements(Float.self)
    for line in 0..<lines {
      for k in 0..<half {
        var (real, imaginary) = (0.0, 0.0)
        for j in 0..<n {
          let angle = -2 * Double.pi * Double(j * k % n) / Double(n)
          real += Double(x[line * n + j]) * cos(angle)
          imaginary += Double(x[line * n + j]) * sin(angle)
        }
        let at = 2 * (line * half + k)
        #expect((Double(result[at]) - real).magnitude < 1e-6 * Double(n) + 1e-5, "\(line), \(k)")
        #expect((Double(result[at + 1]) - imaginary).magnitude < 1e-6 * Double(n) + 1e-5, "\(line), \(k)")
      }
    }
    #expect(bench.run("aten::_fft_c2r.out", out, bench.ints([1]), bench.int(2), bench.int(n), back))
    for (a, b) in zip(bench.elements(back, Float.self), x) { #expect((a - b).magnitude < 1e-5) }
    #expect(bench.guardsAreWhole)
  }

  /// Sizes that have nothing behind them take no time.
  @Test(.timeLimit(.minutes(1))) func withoutElements() {
    let bench = KernelBench()
    let huge = 1 << 31 - 1
    let (one, none) = (bench.ints([1, 1]), bench.ints([0, 0]))
    let (out, no) = (bench.tensor(.double, [1, 1, 2, 1]), bench.bool(false))
    #expect(
      bench.run(
        "aten::convolution.out", bench.tensor(.double, [1, huge, 0, 0]),
        bench.tensor(.double, [1, huge, 16_777_215, 0]),
        bench.none(), one, bench.ints([8_388_608, 0]), one, no, none, bench.int(1), out))
    let input = bench.tensor([Float](repeating: 2, count: 4096), [1, 64, 64])
    let (pooled, places) = (bench.tensor(.float, [1, 64, 64]), bench.tensor(.long, [1, 64, 64]))
    let (kernel, padding) = (bench.ints([16_777_215, 16_777_215]), bench.ints([8_388_607, 8_388_607]))
    #expect(bench.run("aten::max_pool2d_with_indices.out", input, kernel, one, padding, one, no, pooled, places))
    #expect(bench.elements(pooled, Float.self).allSatisfy { $0 == 2 })
  }
}
