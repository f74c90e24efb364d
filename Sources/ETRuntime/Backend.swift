import ETFormats
public import ETKernels

/// Runs the parts of a program that were lowered to it.
///
///     struct MyBackend: Backend {
///       func load(_ data: UnsafeRawBufferPointer, specs: [CompileSpec], context: BackendContext) throws -> any Delegate
///     }
public protocol Backend: Sendable {
  /// Prepares one delegate of a method.
  ///
  /// - Parameters:
  ///   - data: What the backend made ahead of time. Valid as long as the method.
  ///   - specs: How it was told to, key and value.
  func load(
    _ data: UnsafeRawBufferPointer, specs: [CompileSpec], context: BackendContext
  ) throws -> any Delegate
}

/// A part of a method that a backend runs. One method uses it, one call at a time.
public protocol Delegate: AnyObject {
  /// Runs once: reads and writes the call's tensors, inputs first.
  func execute(_ call: KernelCall) throws
}

/// A setting of the ahead-of-time compilation.
public struct CompileSpec: Sendable {
  public let key: String
  public let value: [UInt8]
}

/// What a backend may ask while it loads.
public struct BackendContext {
  public let methodName: String
  let program: Program
  let files: [FlatTensor]

  /// A blob by name, such as XNNPACK's weights, of the program or the first tensor file that has it. Valid as long as the
  /// method.
  public func data(named key: String) -> UnsafeRawBufferPointer? {
    if let range = program.data(named: key) { return program.bytes(range) }
    for file in files {
      if let entry = file.entry(named: key) { return file.bytes(file.segments[entry.segment]) }
    }
    return nil
  }
}
