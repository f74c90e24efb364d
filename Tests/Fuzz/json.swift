// modules: Bytes
// seeds: .json
// JSON: what can be passed over can be read value by value, and ends at the same byte.
import Bytes

private func read(_ json: inout JSONReader) throws(ReadError) {
  switch json.peek() {
  case UInt8(ascii: "{"): try json.object { (_, json) throws(ReadError) in try read(&json) }
  case UInt8(ascii: "["): try json.array { (json) throws(ReadError) in try read(&json) }
  case UInt8(ascii: "\""): _ = try json.string()
  case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try json.bool()
  case UInt8(ascii: "n"): _ = try json.null()
  default: _ = try json.number()
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  var (reader, skipper) = (JSONReader(bytes), JSONReader(bytes))
  let isRead: Void? = try? read(&reader)
  let isSkipped: Void? = try? skipper.skipValue()
  if isRead != nil {
    precondition(isSkipped != nil && reader.position == skipper.position)
    _ = try? reader.end()
  }
  return 0
}
