import Bytes
import ETCore
import ETFormats
import TestSupport

extension BundledProgram {
  /// What the reader found, as text in the form of `CFlatBuffers.h`.
  var recordText: [UInt8] {
    var text = RecordText()
    text.begin("BundledProgram")
    text.number("version", version)
    text.number("method_test_suites", suites.count)
    text.blob("program", bytes(program.place))
    text.end()
    for suite in suites {
      text.begin("BundledMethodTestSuite")
      text.string("method_name", suite.methodName)
      text.number("test_cases", suite.cases.count)
      text.end()
      for test in suite.cases {
        text.begin("BundledMethodTestCase")
        text.number("inputs", test.inputs.count)
        text.number("expected_outputs", test.expectedOutputs.count)
        text.end()
        for value in test.inputs + test.expectedOutputs { write(value, to: &text) }
      }
    }
    return text.bytes
  }

  private func write(_ value: Value, to text: inout RecordText) {
    func begin(_ kind: Int, _ name: StaticString) {
      text.begin("Value")
      text.number("val", kind)
      text.end()
      text.begin(name)
    }
    switch value {
    case .tensor(let tensor):
      begin(1, "Tensor")
      text.number("scalar_type", tensor.scalarType.rawValue)
      text.numbers("sizes", tensor.sizes)
      text.blob("data", bytes(tensor.data))
      text.numbers("dim_order", tensor.dimOrder)
    case .int(let value):
      begin(2, "Int")
      text.number("int_val", value)
    case .bool(let value):
      begin(3, "Bool")
      text.flag("bool_val", value)
    case .double(let value):
      begin(4, "Double")
      text.bits("double_val", value)
    }
    text.end()
  }
}

extension FlatTensor {
  /// What the reader found, as text in the form of `CFlatBuffers.h`.
  var recordText: [UInt8] {
    var text = RecordText()
    text.begin("FlatTensor")
    text.number("version", version)
    text.number("segments", segments.count)
    text.number("named_data", entries.count)
    text.end()
    for segment in segments {
      text.begin("DataSegment")
      text.number("offset", segment.lowerBound - segmentData.lowerBound)
      text.number("size", segment.count)
      text.end()
    }
    for entry in entries {
      text.begin("NamedData")
      text.string("key", entry.key)
      text.number("segment_index", entry.segment)
      text.table("tensor_layout", present: entry.layout != nil)
      text.end()
      guard let layout = entry.layout else { continue }
      text.begin("TensorLayout")
      text.number("scalar_type", layout.scalarType.rawValue)
      text.numbers("sizes", layout.sizes)
      text.numbers("dim_order", layout.dimOrder)
      text.end()
    }
    return text.bytes
  }
}
