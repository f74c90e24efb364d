import Bytes
import ETCore

// The values of a method. Lists refer to values before and behind them, so their members' kinds are checked at the end.
extension ProgramReader {
  mutating func readValues(_ table: FlatTable, into plan: inout Program.ExecutionPlan) throws(ReadError) {
    // Each value has a role as well.
    guard let values = try intake.tables(table, 2, stride: MemoryLayout<Program.EValue>.stride + 1) else {
      throw table.error(.malformed, "method \(plan.name) has no list of values")
    }
    plan.values.reserveCapacity(values.count)
    for index in 0..<values.count {
      let value = try intake.element(values, index)
      plan.values.append(try self.value(value, index, of: values.count, into: &plan))
    }
    for index in 0..<values.count { try checkMembers(of: index, values, in: plan) }
  }

  private mutating func value(
    _ table: FlatTable, _ index: Int, of count: Int, into plan: inout Program.ExecutionPlan
  ) throws(ReadError) -> Program.EValue {
    let kind: UInt8 = try table.integer(0, default: 0)
    guard kind > 0 else { throw table.error(.malformed, "value \(index) is of no kind") }
    guard kind <= 11 else { throw table.error(.unsupported, "value \(index) is of the unknown kind \(kind)") }
    guard let content = try intake.table(table, 1) else {
      // The runtime takes a null without a table; so do we.
      if kind == 1 { return .null }
      throw table.error(.malformed, "value \(index) is empty")
    }
    switch kind {
    case 1: return .null
    case 2: return .int(try content.integer(0, default: 0))
    case 3: return .bool(try content.bool(0))
    case 4: return .double(try content.double(0))
    case 5: return .tensor(try tensor(content, index, into: &plan))
    case 6:
      let string = try intake.name(content, 0)
      guard string != FlatIntake.noName else {
        throw content.error(.malformed, "value \(index) is a string without text")
      }
      return .string(string)
    case 7:
      return .intList(try members(content, as: Int64.self, from: 0, of: count, index, into: &plan))
    case 8:
      let first = plan.doubles.count
      let items = try items(content, as: UInt64.self, index)
      plan.doubles.append(contentsOf: items.lazy.map { Double(bitPattern: $0) })
      return .doubleList(first..<plan.doubles.count)
    case 9:
      let first = plan.bools.count
      let items = try items(content, as: UInt8.self, index)
      plan.bools.append(contentsOf: items.lazy.map { $0 != 0 })
      return .boolList(first..<plan.bools.count)
    case 10:
      return .tensorList(try members(content, as: Int32.self, from: 0, of: count, index, into: &plan))
    default:
      return .optionalTensorList(try members(content, as: Int32.self, from: -1, of: count, index, into: &plan))
    }
  }

  private mutating func items<T: FixedWidthInteger>(
    _ table: FlatTable, as type: T.Type, _ index: Int
  ) throws(ReadError) -> FlatIntegers<T> {
    guard let items = try intake.integers(table, 0, as: type) else {
      throw table.error(.malformed, "value \(index) is a list without items")
    }
    return items
  }

  /// The members of a list, which are indices of values not below `least`.
  private mutating func members<T: FixedWidthInteger>(
    _ table: FlatTable, as type: T.Type, from least: T, of count: Int, _ index: Int,
    into plan: inout Program.ExecutionPlan
  ) throws(ReadError) -> Range<Int> {
    let items = try items(table, as: type, index)
    let first = plan.valueIndices.count
    plan.valueIndices.reserveCapacity(first + items.count)
    for (place, item) in items.enumerated() {
      guard item >= least, item < count, let value = Int32(exactly: item) else {
        throw intake.buffer.error(
          .outOfBounds, at: items.position + place * MemoryLayout<T>.size,
          "a member of list \(index) is value \(item), there are \(count)")
      }
      plan.valueIndices.append(value)
    }
    return first..<plan.valueIndices.count
  }

  /// Members of tensor lists are tensors.
  private func checkMembers(
    of index: Int, _ tables: FlatTables, in plan: Program.ExecutionPlan
  ) throws(ReadError) {
    let members: Range<Int>
    let allowsNone: Bool
    switch plan.values[index] {
    case .tensorList(let range): (members, allowsNone) = (range, false)
    case .optionalTensorList(let range): (members, allowsNone) = (range, true)
    default: return
    }
    for member in plan.valueIndices[members] where member >= 0 {
      switch plan.values[Int(member)] {
      case .tensor: continue
      case .null where allowsNone: continue
      default:
        throw try tables.table(index).error(
          .malformed, "value \(index) is a list of tensors, value \(member) is not one")
      }
    }
  }

  // MARK: Tensors

  private mutating func tensor(
    _ table: FlatTable, _ index: Int, into plan: inout Program.ExecutionPlan
  ) throws(ReadError) -> Int {
    try intake.charge(1, times: MemoryLayout<Program.Tensor>.stride, at: table.position)
    let type = ScalarType(rawValue: try table.integer(0, default: 0))
    guard let elementSize = type.size else {
      throw table.error(.malformed, "tensor \(index) has the unknown type \(type.rawValue)")
    }
    let offset: Int32 = try table.integer(1, default: 0)
    guard offset == 0 else {
      throw table.error(.unsupported, "tensor \(index) begins \(offset) elements into its storage")
    }
    let number: Int8 = try table.integer(8, default: 0)
    guard let dynamism = Program.Tensor.ShapeDynamism(rawValue: number) else {
      throw table.error(.malformed, "tensor \(index) has a shape of the unknown dynamism \(number)")
    }
    let dimensions = try dimensions(table, into: &plan)
    // Where a shape has no bound, the stored sizes mean nothing.
    let isUnbound = dynamism == .dynamicUnbound
    guard let byteCount = isUnbound ? 0 : FlatIntake.byteCount(plan.sizes[dimensions], elementSize) else {
      throw table.error(.malformed, "tensor \(index) has more bytes than can be counted, or a negative size")
    }
    let allocation = try allocation(table, byteCount, index, in: plan)
    let extra = try intake.table(table, 9)
    let bufferIndex: UInt32 = try table.integer(5, default: 0)
    let tensor = Program.Tensor(
      scalarType: type, shapeDynamism: dynamism, requiresGrad: try table.bool(4),
      layout: try table.integer(7, default: 0),
      dimensions: dimensions, dataBufferIndex: bufferIndex, allocation: allocation, byteCount: byteCount,
      data: try data(table, extra, bufferIndex, byteCount, index, isMutable: allocation != nil),
      location: try location(extra, index),
      fullyQualifiedName: try extra.map { table throws(ReadError) in try intake.name(table, 1) } ?? FlatIntake.noName,
      deviceType: .init(number: try extra?.integer(3, default: 0) ?? 0),
      deviceIndex: try extra?.integer(4, default: 0) ?? 0)
    let name = tensor.fullyQualifiedName
    if tensor.location == .external && (name == FlatIntake.noName || intake.names.withBytes(of: name, \.isEmpty)) {
      throw table.error(.malformed, "tensor \(index) lies in another file and has no name there")
    }
    plan.tensors.append(tensor)
    return plan.tensors.count - 1
  }

  /// Sizes and dim order, which have one range in two columns.
  private mutating func dimensions(
    _ table: FlatTable, into plan: inout Program.ExecutionPlan
  ) throws(ReadError) -> Range<Int> {
    let (sizes, order) = try intake.dimensions(table, sizes: 2, dimOrder: 3)
    let first = plan.sizes.count
    plan.sizes.append(contentsOf: sizes)
    plan.dimOrders.append(contentsOf: order)
    return first..<plan.sizes.count
  }

  private mutating func allocation(
    _ table: FlatTable, _ byteCount: Int, _ index: Int, in plan: Program.ExecutionPlan
  ) throws(ReadError) -> Program.AllocationDetails? {
    guard let details = try intake.table(table, 6) else { return nil }
    let id: UInt32 = try details.integer(0, default: 0)
    let low: UInt32 = try details.integer(1, default: 0)
    let high: UInt32 = try details.integer(2, default: 0)
    let offset = UInt64(high) << 32 | UInt64(low)
    guard id > 0, let memory = self.index(id, in: plan.nonConstBufferSizes.count) else {
      throw details.error(
        .outOfBounds,
        "tensor \(index) is planned in buffer \(id), the method has 1 to \(plan.nonConstBufferSizes.count - 1)")
    }
    // Checked not to be negative when they were read.
    let size = Int(plan.nonConstBufferSizes[memory])
    guard let range = Range(offset: offset, count: UInt64(byteCount), of: 0..<size) else {
      throw details.error(
        .outOfBounds, "tensor \(index) is planned beyond the end of buffer \(id), which has \(size) bytes")
    }
    return Program.AllocationDetails(memoryID: memory, offset: range.lowerBound)
  }

  private func location(_ extra: FlatTable?, _ index: Int) throws(ReadError) -> Program.Tensor.Location {
    guard let extra else { return .segment }
    let number: Int8 = try extra.integer(2, default: 0)
    guard let location = Program.Tensor.Location(rawValue: number) else {
      throw extra.error(.malformed, "tensor \(index) is stored in the unknown location \(number)")
    }
    return location
  }

  /// The bytes that a tensor begins with, or nil where it has none in the file.
  private func data(
    _ table: FlatTable, _ extra: FlatTable?, _ bufferIndex: UInt32, _ byteCount: Int, _ index: Int, isMutable: Bool
  ) throws(ReadError) -> Range<Int>? {
    let list: UInt64 = try extra?.integer(0, default: 0) ?? 0
    guard try location(extra, index) == .segment, bufferIndex > 0 else { return nil }
    func bytes(of subsegments: Program.SubsegmentOffsets?) -> Range<Int>? {
      guard let subsegments, let segment = subsegments.segment,
        let entry = self.index(bufferIndex, in: subsegments.offsets.count)
      else { return nil }
      return Range(
        offset: UInt64(subsegments.offsets[entry]), count: UInt64(byteCount), of: program.segments[segment])
    }
    let range: Range<Int>?
    if isMutable {
      let entry = self.index(list, in: program.mutableDataSegments.count)
      range = bytes(of: entry.map { program.mutableDataSegments[$0] })
    } else if program.constantSegment?.segment != nil {
      range = bytes(of: program.constantSegment)
    } else {
      let entry = self.index(bufferIndex, in: program.constantBuffer.count)
      range = entry.flatMap { Range(offset: 0, count: UInt64(byteCount), of: program.constantBuffer[$0]) }
    }
    guard let range else {
      throw table.error(
        .outOfBounds, "tensor \(index) has \(byteCount) bytes in entry \(bufferIndex) of the constants, which has fewer"
      )
    }
    return range
  }
}

extension Program.ExecutionPlan {
  /// A name while the plan does not have its names yet.
  fileprivate func text(_ name: Int32, in intake: FlatIntake) -> String { name < 0 ? "" : intake.names[name] }
}
