#if canImport(Accelerate)
  import Accelerate
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Matrix products of Float and Double: through CBLAS where there is a library, else with loops of our own.
///
/// Matrices are row-major; `lda` is the distance between rows of `a` as it lies in memory, in elements. Each product runs
/// on the calling thread: who wants more threads divides the work into pieces that depend on the shape alone.
///
/// On Linux OpenBLAS is loaded by `prepare`, else when the first large product is wanted, so that tools that compute nothing
/// start without.
enum BLAS {
  /// Loads the library, which takes milliseconds, so that no product has to.
  static func prepare() {
    #if !canImport(Accelerate)
      _ = library
    #endif
  }

  /// Products of fewer multiplications are not worth a call.
  private static let small = 512

  #if !canImport(Accelerate)
    private typealias SGEMM =
      @convention(c) (
        Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32,
        Float,
        UnsafeMutablePointer<Float>, Int32
      ) -> Void
    private typealias DGEMM =
      @convention(c) (
        Int32, Int32, Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32, UnsafePointer<Double>, Int32,
        Double, UnsafeMutablePointer<Double>, Int32
      ) -> Void
    private typealias SGEMV =
      @convention(c) (
        Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32, Float,
        UnsafeMutablePointer<Float>, Int32
      ) -> Void
    private typealias DGEMV =
      @convention(c) (
        Int32, Int32, Int32, Int32, Double, UnsafePointer<Double>, Int32, UnsafePointer<Double>, Int32, Double,
        UnsafeMutablePointer<Double>, Int32
      ) -> Void

    private struct Library: Sendable {
      let sgemm: SGEMM
      let dgemm: DGEMM
      let sgemv: SGEMV
      let dgemv: DGEMV

      init?() {
        // Before it loads: it would start threads of its own.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        guard let handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL),
          let sgemm = dlsym(handle, "cblas_sgemm"), let dgemm = dlsym(handle, "cblas_dgemm"),
          let sgemv = dlsym(handle, "cblas_sgemv"), let dgemv = dlsym(handle, "cblas_dgemv")
        else { return nil }
        if let setThreads = dlsym(handle, "openblas_set_num_threads") {
          unsafeBitCast(setThreads, to: (@convention(c) (Int32) -> Void).self)(1)
        }
        self.sgemm = unsafeBitCast(sgemm, to: SGEMM.self)
        self.dgemm = unsafeBitCast(dgemm, to: DGEMM.self)
        self.sgemv = unsafeBitCast(sgemv, to: SGEMV.self)
        self.dgemv = unsafeBitCast(dgemv, to: DGEMV.self)
      }
    }

    private static let library = Library()
  #endif

  // CBLAS's numbers for row-major order and for a matrix as it lies or transposed.
  private static let rowMajor: Int32 = 101
  private static func transposition(_ transposed: Bool) -> Int32 { transposed ? 112 : 111 }

  /// c = alpha·op(a)·op(b) + beta·c, where op(a) is m×k, op(b) k×n; where `beta` is 0, what `c` held does not count.
  static func multiply(
    m: Int, n: Int, k: Int, alpha: Float = 1, _ a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false, beta: Float = 0, _ c: UnsafeMutablePointer<Float>,
    ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    // Libraries refuse rows shorter than they are long, which matrices of one row may be said to have.
    let (lda, ldb, ldc) = (max(lda, transposeA ? m : k, 1), max(ldb, transposeB ? k : n, 1), max(ldc, n))
    if k > 0, m &* n &* k >= small, fits(m, n, k, lda, ldb, ldc) {
      #if canImport(Accelerate)
        cblas_sgemm(
          CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m),
          Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
        return
      #else
        if let library {
          if m == 1, !transposeA || lda == 1 {
            library.sgemv(
              rowMajor, transposition(!transposeB), Int32(transposeB ? n : k), Int32(transposeB ? k : n), alpha, b,
              Int32(ldb), a, 1, beta, c, 1)
          } else if n == 1, transposeB || ldb == 1 {
            library.sgemv(
              rowMajor, transposition(transposeA), Int32(transposeA ? k : m), Int32(transposeA ? m : k), alpha, a,
              Int32(lda), b, 1, beta, c, Int32(ldc))
          } else {
            library.sgemm(
              rowMajor, transposition(transposeA), transposition(transposeB), Int32(m), Int32(n), Int32(k), alpha, a,
              Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
          }
          return
        }
      #endif
    }
    product(m, n, k, alpha, a, lda, transposeA, b, ldb, transposeB, beta, c, ldc)
  }

  static func multiply(
    m: Int, n: Int, k: Int, alpha: Double = 1, _ a: UnsafePointer<Double>, lda: Int, transposeA: Bool = false,
    _ b: UnsafePointer<Double>, ldb: Int, transposeB: Bool = false, beta: Double = 0,
    _ c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    let (lda, ldb, ldc) = (max(lda, transposeA ? m : k, 1), max(ldb, transposeB ? k : n, 1), max(ldc, n))
    if k > 0, m &* n &* k >= small, fits(m, n, k, lda, ldb, ldc) {
      #if canImport(Accelerate)
        cblas_dgemm(
          CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m),
          Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
        return
      #else
        if let library {
          if m == 1, !transposeA || lda == 1 {
            library.dgemv(
              rowMajor, transposition(!transposeB), Int32(transposeB ? n : k), Int32(transposeB ? k : n), alpha, b,
              Int32(ldb), a, 1, beta, c, 1)
          } else if n == 1, transposeB || ldb == 1 {
            library.dgemv(
              rowMajor, transposition(transposeA), Int32(transposeA ? k : m), Int32(transposeA ? m : k), alpha, a,
              Int32(lda), b, 1, beta, c, Int32(ldc))
          } else {
            library.dgemm(
              rowMajor, transposition(transposeA), transposition(transposeB), Int32(m), Int32(n), Int32(k), alpha, a,
              Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
          }
          return
        }
      #endif
    }
    product(m, n, k, alpha, a, lda, transposeA, b, ldb, transposeB, beta, c, ldc)
  }

  private static func fits(_ m: Int, _ n: Int, _ k: Int, _ lda: Int, _ ldb: Int, _ ldc: Int) -> Bool {
    max(max(m, n), max(k, lda), max(ldb, ldc)) <= Int32.max
  }

  /// The same without a library, a block of `b` at a time so that it stays in the cache.
  private static func product<T: Computable>(
    _ m: Int, _ n: Int, _ k: Int, _ alpha: T, _ a: UnsafePointer<T>, _ lda: Int, _ transposeA: Bool,
    _ b: UnsafePointer<T>, _ ldb: Int, _ transposeB: Bool, _ beta: T, _ c: UnsafeMutablePointer<T>, _ ldc: Int
  ) {
    for i in 0..<m {
      let row = c + i * ldc
      if beta == .zero {
        row.update(repeating: .zero, count: n)
      } else if beta != .one {
        for j in 0..<n { row[j] = T.multiply(row[j], beta) }
      }
    }
    let (depth, width) = (min(k, 128), min(n, 256))
    withUnsafeTemporaryAllocation(of: T.self, capacity: depth * (width + 1) + 1) { memory in
      let block = memory.baseAddress.unsafelyUnwrapped
      let factors = block + depth * width
      for p in stride(from: 0, to: k, by: max(depth, 1)) {
        let rows = min(depth, k - p)
        for j in stride(from: 0, to: n, by: width) {
          let columns = min(width, n - j)
          for q in 0..<rows {
            let (to, line) = (block + q * columns, p + q)
            if transposeB {
              for x in 0..<columns { to[x] = b[(j + x) * ldb + line] }
            } else {
              to.update(from: b + line * ldb + j, count: columns)
            }
          }
          for i in 0..<m {
            for q in 0..<rows {
              factors[q] = T.multiply(alpha, transposeA ? a[(p + q) * lda + i] : a[i * lda + p + q])
            }
            accumulateRow(c + i * ldc + j, factors, block, rows, columns)
          }
        }
      }
    }
  }
}

/// row += factors·block, where the block is of `depth` rows.
@inline(never)
func accumulateRow<T: Computable>(
  _ row: UnsafeMutablePointer<T>, _ factors: UnsafePointer<T>, _ block: UnsafePointer<T>, _ depth: Int, _ columns: Int
) {
  var p = 0
  while p + 4 <= depth {
    let (f0, f1, f2, f3) = (factors[p], factors[p + 1], factors[p + 2], factors[p + 3])
    let b0 = block + p * columns
    let (b1, b2, b3) = (b0 + columns, b0 + 2 * columns, b0 + 3 * columns)
    for j in 0..<columns {
      let first = T.add(T.multiply(f0, b0[j]), T.multiply(f1, b1[j]))
      row[j] = T.add(row[j], T.add(first, T.add(T.multiply(f2, b2[j]), T.multiply(f3, b3[j]))))
    }
    p += 4
  }
  while p < depth {
    let (factor, line) = (factors[p], block + p * columns)
    for j in 0..<columns { row[j] = T.add(row[j], T.multiply(factor, line[j])) }
    p += 1
  }
}
