/// Computes one operator.
public typealias Kernel = @Sendable (KernelCall) throws(KernelError) -> Void

/// Kernels by the name that programs call them by: `aten::add.out`.
///
/// Start from `standard` and register your own:
///
///     var kernels = KernelRegistry.standard
///     kernels.register("my_ops::double.out", .init(arity: 2, outputs: 1..<2)) { call throws(KernelError) in … }
public struct KernelRegistry: Sendable {
  public struct Entry: Sendable {
    public let kernel: Kernel
    public let signature: OperatorSignature
  }

  private var entries: [String: Entry] = [:]

  /// Without any kernel.
  public init() {}

  /// Every operator that the reference's runtime brings: portable, quantized and `executorch_prim`.
  public static let standard: KernelRegistry = {
    var registry = KernelRegistry()
    registry.registerPrimitives()
    registry.registerArithmetic()
    registry.registerConditions()
    registry.registerFunctions()
    registry.registerViews()
    registry.registerAssembly()
    registry.registerCreation()
    registry.registerIndexing()
    registry.registerSums()
    registry.registerExtremes()
    registry.registerVariances()
    registry.registerTopK()
    registry.registerSoftmax()
    registry.registerBatchNorm()
    registry.registerLayerNorm()
    registry.registerDistances()
    registry.registerProducts()
    registry.registerConvolutions()
    registry.registerPools()
    registry.registerPadding()
    registry.registerEmbedding()
    registry.registerQuantization()
    registry.registerQuantizedOperators()
    registry.registerUpsampling()
    registry.registerGridSampler()
    registry.registerFourier()
    return registry
  }()

  /// Names with their overload, sorted.
  public var names: [String] { entries.keys.sorted() }

  public subscript(name: String) -> Entry? { entries[name] }

  /// Gets ready what an operator's first call would else have to: the library of matrix products.
  public func prepare(_ name: String) {
    if Self.ofMatrixProducts.contains(name) { BLAS.prepare() }
  }

  private static let ofMatrixProducts: Set<String> = [
    "aten::addmm.out", "aten::bmm.out", "aten::convolution.out", "aten::linear.out", "aten::mm.out",
  ]

  /// Adds a kernel, or replaces the one of the same name.
  public mutating func register(_ name: String, _ signature: OperatorSignature, _ kernel: @escaping Kernel) {
    entries[name] = Entry(kernel: kernel, signature: signature)
  }

  /// Adds a kernel for an operator of the reference.
  mutating func register(_ name: String, _ kernel: @escaping Kernel) {
    guard let signature = OperatorSignature.reference[name] else { fatalError("no signature of \(name)") }
    register(name, signature, kernel)
  }
}
