public import Bytes
public import ETCore

/// A program with inputs to try it on and the outputs to expect (`.bpte`, identifier `BP08`).
public struct BundledProgram: Sendable {
  /// The owner of the bytes that all ranges are of.
  public let contents: FileContents
  /// The schema's version field; 2 since test cases are kept in suites.
  public internal(set) var version: UInt32 = 0
  /// `method_test_suites`: at most one for each method.
  public internal(set) var suites: [Suite] = []
  public let program: Program

  public struct Suite: Sendable, Equatable {
    public let methodName: String
    public internal(set) var cases: [Case]
  }

  /// A bundled input: its index in the suite is what a trace records.
  public struct Case: Sendable, Equatable {
    public let inputs: [Value]
    /// Empty where nothing was recorded to compare with.
    public let expectedOutputs: [Value]
  }

  public enum Value: Sendable, Equatable {
    case tensor(Tensor)
    case int(Int64)
    case bool(Bool)
    case double(Double)
  }

  public struct Tensor: Sendable, Equatable {
    public let scalarType: ScalarType
    public let sizes: [Int32]
    /// Dimensions from the outermost in memory to the innermost.
    public let dimOrder: [UInt8]
    /// The elements' bytes: exactly as many as the sizes ask for.
    public let data: Range<Int>
  }

  /// The suite of a method.
  public func suite(forMethod name: String) -> Suite? {
    suites.first { $0.methodName == name }
  }

  /// Bytes of a range of this file's. Valid while `contents` lives.
  public func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer { contents.bytes(in: range) }
}
