public import Bytes
import Compression
public import ETCore

/// A pack of one-operator programs with the official runtime's answers (`*.etcorpus.zst`; Fixtures/README.md has the
/// format).
public struct Corpus: Sendable {
  public struct Case: Sendable {
    public var op = ""
    public var name = ""
    public var dtype = ""
    public var isExported = false
    /// Only types and shapes count.
    public var isRandom = false
    /// The result accumulates many elements.
    public var isReduction = false
    public var program = 0..<0
    public var inputs: [Value] = []
    /// nil where the official runtime refuses the case.
    public var outputs: [Value]?
    public var rejection = ""
  }

  /// Calls of a whole model, one after the other on one loaded program.
  public struct Session: Sendable {
    /// A folder of `Fixtures/models`: `llama/portable`.
    public var model = ""
    public var name = ""
    /// nil where the program is the fixture's.
    public var program: Range<Int>?
    public var calls: [Call] = []
  }

  public struct Call: Sendable {
    public var method = ""
    public var inputs: [Value] = []
    /// nil where the official runtime fails.
    public var outputs: [Value]?
  }

  public enum Value: Sendable {
    case tensor(type: ScalarType, sizes: [Int], dimOrder: [UInt8], data: Range<Int>)
    case int(Int)
    case double(Double)
    case bool(Bool)
    case none
  }

  public let contents: FileContents
  private let blob: Int
  public private(set) var cases: [Case] = []
  public private(set) var sessions: [Session] = []

  public func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    contents.bytes(in: blob + range.lowerBound..<blob + range.upperBound)
  }

  public init(_ path: String) throws(ReadError) {
    contents = try FileContents.openDecompressed(path)
    let bytes = contents.bytes
    guard bytes.count >= 16, bytes.prefix(8).elementsEqual("ETCORP01".utf8) else {
      throw ReadError(.notThisFormat, at: 0, "not an operator corpus")
    }
    let length = Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    guard length <= bytes.count - 16 else { throw ReadError(.truncated, at: 8, "the index ends beyond the file") }
    blob = 16 + length
    let room = bytes.count - blob
    var json = JSONReader(UnsafeRawBufferPointer(rebasing: bytes[16..<16 + length]))
    var (cases, sessions) = ([Case](), [Session]())
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "cases": try json.array { (json) throws(ReadError) in cases.append(try Self.readCase(&json, room)) }
      case "sessions":
        try json.array { (json) throws(ReadError) in sessions.append(try Self.readSession(&json, room)) }
      default: try json.skipValue()
      }
    }
    self.cases = cases
    self.sessions = sessions
  }

  private static func readCase(_ json: inout JSONReader, _ room: Int) throws(ReadError) -> Case {
    var one = Case()
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "op": one.op = try json.string()
      case "case": one.name = try json.string()
      case "dtype": one.dtype = try json.string()
      case "exported": one.isExported = try json.bool()
      case "random": one.isRandom = try json.bool()
      case "reduction": one.isReduction = try json.bool()
      case "program": one.program = try readRange(&json, room)
      case "inputs": one.inputs = try readValues(&json, room)
      case "outputs": one.outputs = try readValues(&json, room)
      case "rejected":
        try json.object { (key, json) throws(ReadError) in
          if key == "error" { one.rejection = try json.string() } else { try json.skipValue() }
        }
      default: try json.skipValue()
      }
    }
    return one
  }

  private static func readSession(_ json: inout JSONReader, _ room: Int) throws(ReadError) -> Session {
    var session = Session()
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "model": session.model = try json.string()
      case "session": session.name = try json.string()
      case "program": session.program = try readRange(&json, room)
      case "calls":
        try json.array { (json) throws(ReadError) in
          var call = Call()
          try json.object { (key, json) throws(ReadError) in
            switch key {
            case "method": call.method = try json.string()
            case "inputs": call.inputs = try readValues(&json, room)
            case "outputs": call.outputs = try readValues(&json, room)
            default: try json.skipValue()
            }
          }
          session.calls.append(call)
        }
      default: try json.skipValue()
      }
    }
    return session
  }

  private static func readRange(_ json: inout JSONReader, _ room: Int) throws(ReadError) -> Range<Int> {
    let numbers = try readInts(&json)
    guard numbers.count == 2, numbers[0] >= 0, numbers[1] >= 0, numbers[0] <= room, numbers[1] <= room - numbers[0]
    else { throw ReadError(.outOfBounds, at: json.position, "not a range of the corpus") }
    return numbers[0]..<numbers[0] + numbers[1]
  }

  private static func readInts(_ json: inout JSONReader) throws(ReadError) -> [Int] {
    var numbers: [Int] = []
    try json.array { (json) throws(ReadError) in numbers.append(try json.integer()) }
    return numbers
  }

  private static func readValues(_ json: inout JSONReader, _ room: Int) throws(ReadError) -> [Value] {
    var values: [Value] = []
    try json.array { (json) throws(ReadError) in
      if try json.null() { return values.append(.none) }
      try json.object { (key, json) throws(ReadError) in
        switch key {
        case "int": values.append(.int(try json.integer()))
        case "bool": values.append(.bool(try json.bool()))
        case "double":
          if json.peek() == UInt8(ascii: "\"") {
            let word = try json.string()
            values.append(.double(word == "nan" ? .nan : word == "inf" ? .infinity : -.infinity))
          } else {
            values.append(.double(try json.number()))
          }
        default: values.append(try readTensor(&json, room))
        }
      }
    }
    return values
  }

  private static func readTensor(_ json: inout JSONReader, _ room: Int) throws(ReadError) -> Value {
    var (type, sizes, order, data) = (ScalarType.float, [Int](), [UInt8](), 0..<0)
    try json.object { (key, json) throws(ReadError) in
      switch key {
      case "dtype":
        let name = try json.string()
        guard let number = (0..<30).first(where: { ScalarType(rawValue: $0).description == name }) else {
          throw ReadError(.malformed, at: json.position, "unknown type \(name)")
        }
        type = ScalarType(rawValue: number)
      case "sizes": sizes = try readInts(&json)
      case "dim_order": order = try readInts(&json).map { UInt8(clamping: $0) }
      case "data": data = try readRange(&json, room)
      default: try json.skipValue()
      }
    }
    return .tensor(type: type, sizes: sizes, dimOrder: order, data: data)
  }
}
