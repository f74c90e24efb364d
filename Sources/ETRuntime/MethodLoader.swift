import ETCore
import ETFormats
import ETKernels

/// Makes a method of a plan. The program's reader has checked that every index is in range and every planned tensor
/// lies in its buffer.
struct MethodLoader {
  let program: Program
  let plan: Program.ExecutionPlan
  let options: Method.Options

  // MARK: What it needs

  /// Gets the operators' kernels ready.
  ///
  /// - Throws: `notRegistered`, which names all operators and backends that nobody registered.
  func checkRegistered() throws(RuntimeError) {
    let names = Set(plan.operators.map(\.qualifiedName)).map { plan.text($0) }
    let operators = names.filter { options.kernels[$0] == nil }
    let backends = Set(plan.delegates.map(\.id)).map { plan.text($0) }.filter { options.backends[$0] == nil }
    guard !operators.isEmpty || !backends.isEmpty else {
      for name in names { options.kernels.prepare(name) }
      return
    }
    let parts = [("operators", operators), ("backends", backends)].filter { !$0.1.isEmpty }.map {
      "\($0.0) \($0.1.sorted().joined(separator: ", "))"
    }
    throw RuntimeError(.notRegistered, "not registered: \(parts.joined(separator: "; "))")
  }

  // MARK: Memory

  func planMemory() throws(RuntimeError) -> [Arena] {
    if let device = plan.nonConstBufferDevices.first(where: { $0.deviceType != .cpu }) {
      throw RuntimeError(.unsupported, "planned buffer \(device.buffer) lies on another device than the CPU")
    }
    var total = 0
    var arenas: [Arena] = []
    for (index, size) in plan.nonConstBufferSizes.enumerated() {
      let bytes = Int(exactly: size) ?? -1
      guard bytes >= 0, bytes <= options.memoryLimit - total else {
        throw RuntimeError(
          .memory, "planned buffer \(index) of \(size) bytes exceeds the limit of \(options.memoryLimit) bytes")
      }
      total += bytes
      // Entry 0 holds no tensor.
      arenas.append(try Arena(byteCount: index == 0 ? 0 : bytes, purpose: "planned buffer \(index)"))
    }
    return arenas
  }

  // MARK: Values

  func makeValues(_ arenas: [Arena]) throws(RuntimeError) -> MethodStorage {
    var (lists, words, bytes) = (0, 0, 0)
    var strings: Set<Int32> = []
    for tensor in plan.tensors {
      words += 2 * tensor.rank
      bytes += tensor.rank
    }
    for value in plan.values {
      switch value {
      case .intList(let range), .tensorList(let range), .optionalTensorList(let range), .doubleList(let range):
        (lists, words) = (lists + 1, words + range.count)
      case .boolList(let range): (lists, bytes) = (lists + 1, bytes + range.count)
      case .string(let name):
        lists += 1
        if strings.insert(name).inserted { bytes += plan.text(name).utf8.count }
      default: break
      }
    }
    let storage = MethodStorage(
      values: plan.values.count, tensors: plan.tensors.count, lists: lists, words: words, bytes: bytes,
      indices: plan.valueIndices, memoryLeft: options.memoryLimit - arenas.reduce(0) { $0 + $1.bytes.count })
    storage.homes.reserveCapacity(plan.tensors.count)
    var fill = Fill()
    for index in plan.tensors.indices { try makeTensor(index, arenas, storage, &fill) }
    for index in plan.values.indices { makeValue(index, storage, &fill) }
    return storage
  }

  /// How much of a storage is in use.
  private struct Fill {
    var lists = 0
    var words = 0
    var bytes = 0
    /// Strings by name: one that many values have is kept once.
    var strings: [Int32: Range<Int>] = [:]
    /// Names of tensors that lie outside the program.
    var names: [Int32: String] = [:]
    private var begun: Set<[UInt]> = []

    /// Notes what memory begins with: zeros where `contents` are nowhere. Many tensors may share a place.
    mutating func begin(
      _ place: UnsafeMutableRawPointer, _ contents: UnsafeRawBufferPointer, _ storage: MethodStorage, count: Int
    ) {
      let key = [UInt(bitPattern: place), UInt(bitPattern: contents.baseAddress), UInt(count)]
      guard count > 0, begun.insert(key).inserted else { return }
      storage.initialStates.append((place, count, contents.baseAddress))
    }
  }

  private func makeTensor(
    _ index: Int, _ arenas: [Arena], _ storage: MethodStorage, _ fill: inout Fill
  ) throws(RuntimeError) {
    let tensor = plan.tensors[index]
    guard tensor.deviceType == .cpu else {
      throw RuntimeError(.unsupported, "tensor \(index) lies on another device than the CPU")
    }
    guard tensor.rank <= 16 else {
      throw RuntimeError(.unsupported, "tensor \(index) has rank \(tensor.rank); at most 16 are supported")
    }
    let sizes = storage.words.baseAddress! + fill.words
    let strides = sizes + tensor.rank
    let order = storage.bytes.baseAddress! + fill.bytes
    fill.words += 2 * tensor.rank
    fill.bytes += tensor.rank
    var seen: UInt32 = 0
    var (count, reach) = (1, 1)
    for (i, (size, dimension)) in zip(plan.sizes(of: tensor), plan.dimOrder(of: tensor)).enumerated() {
      // An unbounded tensor's sizes say nothing; the reader leaves them unchecked.
      sizes[i] = tensor.shapeDynamism == .dynamicUnbound ? max(Int(size), 0) : Int(size)
      order[i] = dimension
      if dimension < tensor.rank { seen |= 1 << UInt32(dimension) }
      let (span, overflow) = reach.multipliedReportingOverflow(by: max(sizes[i], 1))
      guard !overflow, span <= Tensor.spanLimit else {
        throw RuntimeError(.malformed, "tensor \(index) spans too many elements")
      }
      reach = span
      count = count.multipliedReportingOverflow(by: sizes[i]).partialValue
    }
    guard seen == UInt32((1 << tensor.rank) - 1) else {
      throw RuntimeError(.malformed, "the dim order of tensor \(index) is not a permutation")
    }
    let elementSize = tensor.scalarType.byteSize
    guard elementSize > 0 else {
      throw RuntimeError(.unsupported, "tensor \(index) has elements of \(tensor.scalarType)")
    }
    let isUnbound = tensor.shapeDynamism == .dynamicUnbound
    if isUnbound {
      for i in 0..<tensor.rank { sizes[i] = 0 }
      count = tensor.rank == 0 ? 1 : 0
    }
    let (data, capacity, isConstant) = try memory(of: index, tensor, arenas, storage, &fill)
    storage.tensors.baseAddress!.advanced(by: index).initialize(
      to: TensorState(
        type: tensor.scalarType, rank: tensor.rank, sizes: sizes, strides: strides, dimOrder: order, countBound: count,
        dynamism: isUnbound ? .dynamicUnbound : tensor.shapeDynamism == .dynamicBound ? .dynamicBound : .isStatic,
        isConstant: isConstant, data: data, capacity: capacity))
    storage.homes.append(TensorHome(data: data, capacity: capacity, isConstant: isConstant))
    storage.tensor(index).state.pointee.budget = storage.memoryLeft
    storage.tensor(index).updateStrides()
  }

  /// Where a tensor's elements lie at first.
  private func memory(
    of index: Int, _ tensor: Program.Tensor, _ arenas: [Arena], _ storage: MethodStorage, _ fill: inout Fill
  ) throws(RuntimeError) -> (data: UnsafeMutableRawPointer?, capacity: Int, isConstant: Bool) {
    if let allocation = tensor.allocation {
      // The place is planned, wherever the first contents come from.
      let arena = arenas[allocation.memoryID]
      guard let base = arena.bytes.baseAddress, tensor.byteCount > 0 else { return (nil, 0, false) }
      guard allocation.offset % tensor.scalarType.byteSize == 0 else {
        throw RuntimeError(
          .malformed, "tensor \(index) of \(tensor.scalarType) is planned at byte \(allocation.offset), unaligned")
      }
      let place = base + allocation.offset
      switch tensor.storage {
      case .external: fill.begin(place, try external(index, tensor, &fill), storage, count: tensor.byteCount)
      case .initialised:
        if let data = tensor.data { fill.begin(place, program.bytes(data), storage, count: data.count) }
      case .planned where tensor.fullyQualifiedName >= 0:  // a mutable buffer
        fill.begin(place, UnsafeRawBufferPointer(start: nil, count: 0), storage, count: tensor.byteCount)
      default: break
      }
      return (place, tensor.byteCount, false)
    }
    switch tensor.storage {
    case .constant:
      guard let range = tensor.data, !range.isEmpty else { return (nil, 0, true) }
      return (try aligned(program.bytes(range), tensor, storage), tensor.byteCount, true)
    case .external:
      let bytes = try external(index, tensor, &fill)
      guard !bytes.isEmpty else { return (nil, 0, true) }
      return (try aligned(bytes, tensor, storage), bytes.count, true)
    case .initialised, .planned, .provided:
      return (nil, 0, false)
    }
  }

  /// The bytes themselves where their alignment is the type's, else a copy.
  private func aligned(
    _ bytes: UnsafeRawBufferPointer, _ tensor: Program.Tensor, _ storage: MethodStorage
  ) throws(RuntimeError) -> UnsafeMutableRawPointer {
    let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress!)
    if Int(bitPattern: base) % min(tensor.scalarType.byteSize, 8) == 0 { return base }
    let known = storage.copies[UnsafeRawPointer(base)]
    if let known, known.count >= bytes.count { return known.baseAddress! }
    guard bytes.count <= storage.memoryLeft.pointee else {
      throw RuntimeError(.memory, "constants that are not aligned exceed the limit of \(options.memoryLimit) bytes")
    }
    storage.memoryLeft.pointee -= bytes.count
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    copy.copyMemory(from: bytes)
    // Other tensors may lie in a shorter one.
    if let known { storage.copies[UnsafeRawPointer(known.baseAddress!)] = known }
    storage.copies[UnsafeRawPointer(base)] = copy
    return copy.baseAddress!
  }

  /// A tensor's elements from the first tensor file, or the program itself, that has its name.
  private func external(
    _ index: Int, _ tensor: Program.Tensor, _ fill: inout Fill
  ) throws(RuntimeError) -> UnsafeRawBufferPointer {
    let name = fill.names[tensor.fullyQualifiedName] ?? plan.text(tensor.fullyQualifiedName)
    fill.names[tensor.fullyQualifiedName] = name
    for file in options.data {
      guard let entry = file.entry(named: name) else { continue }
      if let layout = entry.layout {
        guard layout.scalarType == tensor.scalarType, layout.sizes.elementsEqual(plan.sizes(of: tensor)),
          layout.dimOrder.elementsEqual(plan.dimOrder(of: tensor))
        else {
          throw RuntimeError(
            .malformed,
            "\(name) is \(layout.scalarType) \(layout.sizes) in its file and \(tensor.scalarType) "
              + "\(Array(plan.sizes(of: tensor))) in the program")
        }
      }
      return try exactly(tensor.byteCount, file.bytes(file.segments[entry.segment]), name)
    }
    if let range = program.data(named: name) {
      return try exactly(tensor.byteCount, program.bytes(range), name)
    }
    throw RuntimeError(.missing, "tensor \(index), \(name), lies outside the program: give the file with --data")
  }

  private func exactly(
    _ count: Int, _ bytes: UnsafeRawBufferPointer, _ name: String
  ) throws(RuntimeError) -> UnsafeRawBufferPointer {
    guard bytes.count >= count else {
      throw RuntimeError(.malformed, "\(name) has \(bytes.count) bytes where the program wants \(count)")
    }
    return UnsafeRawBufferPointer(rebasing: bytes[..<count])
  }

  private func makeValue(_ index: Int, _ storage: MethodStorage, _ fill: inout Fill) {
    func list(
      _ tag: Value.Tag, members: UnsafePointer<Int32>?, _ items: UnsafeMutableRawPointer, _ count: Int
    ) -> Value {
      let state = storage.lists.baseAddress! + fill.lists
      state.initialize(to: ListState(members: members, items: items, count: count))
      fill.lists += 1
      return .list(tag, state)
    }
    func members(_ tag: Value.Tag, _ range: Range<Int>) -> Value {
      let items = storage.words.baseAddress! + fill.words
      fill.words += range.count
      return list(tag, members: storage.indices.baseAddress! + range.lowerBound, items, range.count)
    }
    func bytes(_ tag: Value.Tag, _ contents: some Collection<UInt8>) -> Value {
      let items = storage.bytes.baseAddress! + fill.bytes
      for (offset, byte) in contents.enumerated() { items[offset] = byte }
      fill.bytes += contents.count
      return list(tag, members: nil, items, contents.count)
    }
    func string(_ name: Int32) -> Value {
      if let place = fill.strings[name] {
        return list(.string, members: nil, storage.bytes.baseAddress! + place.lowerBound, place.count)
      }
      let first = fill.bytes
      let value = bytes(.string, Array(plan.text(name).utf8))
      fill.strings[name] = first..<fill.bytes
      return value
    }
    storage.values[index] =
      switch plan.values[index] {
      case .null: .none
      case .int(let value): .int(Int(value))
      case .bool(let value): .bool(value)
      case .double(let value): .double(value)
      case .tensor(let tensor): .tensor(storage.tensor(tensor))
      case .intList(let range): members(.intList, range)
      case .tensorList(let range): members(.tensorList, range)
      case .optionalTensorList(let range): members(.optionalTensorList, range)
      case .boolList(let range): bytes(.boolList, plan.bools[range].map { $0 ? 1 : 0 })
      case .string(let name): string(name)
      case .doubleList(let range): doubles(range, storage, &fill)
      }
  }

  private func doubles(_ range: Range<Int>, _ storage: MethodStorage, _ fill: inout Fill) -> Value {
    let items = UnsafeMutableRawPointer(storage.words.baseAddress! + fill.words)
    for (offset, double) in plan.doubles[range].enumerated() {
      items.storeBytes(of: double, toByteOffset: 8 * offset, as: Double.self)
    }
    let state = storage.lists.baseAddress! + fill.lists
    state.initialize(to: ListState(members: nil, items: items, count: range.count))
    fill.words += range.count
    fill.lists += 1
    return .list(.doubleList, state)
  }

  // MARK: Instructions

  func loadDelegates() throws -> [any Delegate] {
    let context = BackendContext(methodName: plan.name, program: program, files: options.data)
    return try plan.delegates.enumerated().map { index, delegate in
      let name = plan.text(delegate.id)
      guard let backend = options.backends[name] else {
        throw RuntimeError(.notRegistered, "not registered: backend \(name)")
      }
      let specs = delegate.compileSpecs.map {
        CompileSpec(key: plan.text($0.key), value: Array(program.bytes($0.value)))
      }
      do {
        return try backend.load(program.bytes(delegate.data), specs: specs, context: context)
      } catch {
        throw RuntimeError(.delegate, "backend \(name) cannot load delegate \(index): \(error)")
      }
    }
  }

  func makeSteps(_ storage: MethodStorage) throws(RuntimeError) -> UnsafeMutableBufferPointer<Step> {
    var steps: [Step] = []
    steps.reserveCapacity(plan.instructions.count)
    for (chainIndex, chain) in plan.chains.enumerated() {
      for (instruction, index) in chain.instructions.enumerated() {
        steps.append(try makeStep(plan.instructions[index], storage, chainIndex, instruction))
      }
    }
    let buffer = UnsafeMutableBufferPointer<Step>.allocate(capacity: max(steps.count, 1))
    _ = buffer.initialize(from: steps)
    return UnsafeMutableBufferPointer(start: buffer.baseAddress, count: steps.count)
  }

  private func makeStep(
    _ instruction: Program.Instruction, _ storage: MethodStorage, _ chain: Int, _ index: Int
  ) throws(RuntimeError) -> Step {
    let indices = UnsafePointer(storage.indices.baseAddress!)
    func step(
      _ kind: Step.Kind, kernel: @escaping Kernel = { _ in }, args: Range<Int> = 0..<0, first: Int = 0, second: Int = 0,
      outputs: Range<Int> = 0..<0
    ) -> Step {
      Step(
        kind: kind, kernel: kernel, arguments: indices + args.lowerBound, argumentCount: args.count, first: first,
        second: second, outputs: outputs)
    }
    switch instruction {
    case .kernelCall(let number, let args):
      let name = plan.text(plan.operators[number].qualifiedName)
      guard let entry = options.kernels[name] else {
        throw RuntimeError(.notRegistered, "not registered: operator \(name)")
      }
      guard args.count >= entry.signature.arity else {
        throw RuntimeError(
          .malformed, "\(args.count) arguments for an operator of \(entry.signature.arity)",
          at: .init(method: plan.name, chain: chain, instruction: index, operatorName: name))
      }
      return step(.kernel, kernel: entry.kernel, args: args, outputs: entry.signature.outputs)
    case .delegateCall(let delegate, let args): return step(.delegate, args: args, first: delegate)
    case .moveCall(let from, let to): return step(.move, first: from, second: to)
    case .jumpFalseCall(let condition, let destination):
      return step(.jumpFalse, first: condition, second: destination)
    case .freeCall(let value): return step(.free, first: value)
    }
  }
}
