#if canImport(Accelerate)
  import Accelerate
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Matrix products: through CBLAS where there is a library, else with loops of our own.
///
/// On Linux OpenBLAS is loaded when the first product is wanted, so that tools that compute nothing start without it. It
/// runs with one thread: who multiplies divides the work.
enum BLAS {
  #if !canImport(Accelerate)
    private typealias SGEMM = @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32, Float,
      UnsafeMutablePointer<Float>, Int32
    ) -> Void
    private typealias DGEMM = @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32, UnsafePointer<Double>, Int32,
      Double, UnsafeMutablePointer<Double>, Int32
    ) -> Void

    private struct Library: @unchecked Sendable {
      let sgemm: SGEMM
      let dgemm: DGEMM

      init?() {
        // Before the library starts threads of its own.
        setenv("OPENBLAS_NUM_THREADS", "1", 0)
        guard let handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) ?? dlopen("libcblas.so.3", RTLD_NOW | RTLD_LOCAL),
          let single = dlsym(handle, "cblas_sgemm"), let double = dlsym(handle, "cblas_dgemm")
        else { return nil }
        if let setThreads = dlsym(handle, "openblas_set_num_threads") {
          unsafeBitCast(setThreads, to: (@convention(c) (Int32) -> Void).self)(1)
        }
        sgemm = unsafeBitCast(single, to: SGEMM.self)
        dgemm = unsafeBitCast(double, to: DGEMM.self)
      }
    }

    private static let library = Library()
  #endif

  private static let rowMajor: Int32 = 101
  private static let plain: Int32 = 111
  private static let transposed: Int32 = 112

  /// c = alpha·op(a)·op(b) + beta·c, row-major: op(a) is m×k, op(b) k×n. `lda` is the distance between rows of `a` as it
  /// lies in memory. All sizes fit 32 bits.
  static func multiply(
    m: Int, n: Int, k: Int, alpha: Float = 1, _ a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false, beta: Float = 0, _ c: UnsafeMutablePointer<Float>,
    ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    // The library refuses distances shorter than a row, which products of one row or column may have.
    let (lda, ldb, ldc) = (max(lda, transposeA ? m : k, 1), max(ldb, transposeB ? k : n, 1), max(ldc, n))
    #if canImport(Accelerate)
      cblas_sgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n),
        Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
    #else
      if k > 0, let library {
        library.sgemm(
          rowMajor, transposeA ? transposed : plain, transposeB ? transposed : plain, Int32(m), Int32(n), Int32(k), alpha,
          a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
      } else {
        product(m, n, k, alpha, a, lda, transposeA, b, ldb, transposeB, beta, c, ldc)
      }
    #endif
  }

  static func multiply(
    m: Int, n: Int, k: Int, alpha: Double = 1, _ a: UnsafePointer<Double>, lda: Int, transposeA: Bool = false,
    _ b: UnsafePointer<Double>, ldb: Int, transposeB: Bool = false, beta: Double = 0,
    _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    let (lda, ldb, ldc) = (max(lda, transposeA ? m : k, 1), max(ldb, transposeB ? k : n, 1), max(ldc, n))
    #if canImport(Accelerate)
      cblas_dgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n),
        Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
    #else
      if k > 0, let library {
        library.dgemm(
          rowMajor, transposeA ? transposed : plain, transposeB ? transposed : plain, Int32(m), Int32(n), Int32(k), alpha,
          a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
      } else {
        product(m, n, k, alpha, a, lda, transposeA, b, ldb, transposeB, beta, c, ldc)
      }
    #endif
  }

  private static func product<F: BinaryFloatingPoint>(
    _ m: Int, _ n: Int, _ k: Int, _ alpha: F, _ a: UnsafePointer<F>, _ lda: Int, _ transposeA: Bool,
    _ b: UnsafePointer<F>, _ ldb: Int, _ transposeB: Bool, _ beta: F, _ c: UnsafeMutablePointer<F>, _ ldc: Int
  ) {
    for i in 0..<m {
      let row = c + i * ldc
      for j in 0..<n { row[j] = beta == 0 ? 0 : row[j] * beta }
      for p in 0..<k {
        let factor = alpha * (transposeA ? a[p * lda + i] : a[i * lda + p])
        if transposeB {
          for j in 0..<n { row[j] += factor * b[j * ldb + p] }
        } else {
          let other = b + p * ldb
          for j in 0..<n { row[j] += factor * other[j] }
        }
      }
    }
  }
}
