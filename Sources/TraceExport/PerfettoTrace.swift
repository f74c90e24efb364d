import Bytes
import ETCore
import TraceModel

/// Perfetto's own format: a `Trace` of `TracePacket`s with track events (perfetto/protos/perfetto/trace/trace_packet.proto,
/// track_event/*.proto, interned_data.proto). A track for each block, and under it one for each of its backends; names and texts are
/// interned.
///
/// Times are nanoseconds. Where ticks are cycles the tracks say so, and the numbers are cycles.
struct PerfettoTrace {
  let trace: ExportedTrace

  /// Fields of the messages above.
  private enum Field {
    static let packet = 1  // Trace
    static let timestamp = 8, sequence = 10, trackEvent = 11, internedData = 12, sequenceFlags = 13,
      trackDescriptor = 60
    static let uuid = 1, trackName = 2, process = 3, parent = 5  // TrackDescriptor
    static let pid = 1, processName = 6  // ProcessDescriptor
    static let categories = 3, annotations = 4, type = 9, eventName = 10, trackUUID = 11  // TrackEvent
    static let annotationName = 1, boolValue = 2, intValue = 4, stringValue = 17  // DebugAnnotation, names interned
    static let internedCategories = 1, internedNames = 2, internedAnnotationNames = 3, internedStrings = 29
  }

  /// Between a track and the next for slices that overlap on it.
  private static let laneDistance: UInt64 = 1 << 32

  private enum Annotation: Int, CaseIterable {
    case iteration = 1
    case operatorName, operators, module, source, backend, isDelegated, dtype

    var name: String {
      switch self {
      case .iteration: "iteration"
      case .operatorName: "operator"
      case .operators: "op_types"
      case .module: "module"
      case .source: "source"
      case .backend: "delegate_backend_name"
      case .isDelegated: "is_delegated_op"
      case .dtype: "dtype"
      }
    }
  }

  /// Texts that have a number once they were used.
  private struct Interned {
    var numbers: [String: Int] = [:]

    /// - Returns: The number, and whether the reader has to be told.
    mutating func number(of text: String) -> (number: Int, isNew: Bool) {
      if let known = numbers[text] { return (known, false) }
      numbers[text] = numbers.count + 1
      return (numbers.count, true)
    }
  }

  func write(to sink: any ByteSink) throws(WriteError) {
    var text = TextBuffer(sink)
    try writeTracks(to: &text)
    var (names, categories, strings) = (Interned(), Interned(), Interned())
    /// By label: the fields of the event that opens a slice.
    var events = [[UInt8]?](repeating: nil, count: trace.labels.count)
    let tracksOfLabels = trace.labels.map(track(of:))
    var declared: Set<UInt64> = []
    var packet = ProtobufMessage()
    for run in trace.runs {
      var tracks: [UInt64: NestedSlices] = [:]
      trace.forEachEvent(of: run) { (event) throws(Never) in
        let (start, end) = event.moved
        tracks[tracksOfLabels[event.label], default: NestedSlices()].add(
          event, from: trace.clock.nanoseconds(start), to: trace.clock.nanoseconds(end))
      }
      for first in tracks.keys.sorted() {
        for (lane, slices) in (tracks.removeValue(forKey: first) ?? NestedSlices()).lanes(limit: 16).enumerated() {
          let track = first + UInt64(lane) * Self.laneDistance
          if lane > 0, declared.insert(track).inserted {
            try put(track: track, under: first, "overlapping (\(lane + 1))", to: &text)
          }
          let (opening, closing) = borders(on: track, of: run)
          try slices.walk { (label, time) throws(WriteError) in
            if events[label] == nil {
              var interned = ProtobufMessage()
              events[label] = self.opening(trace.labels[label], &names, &categories, &strings, &interned)
              if !interned.bytes.isEmpty { try put(Field.internedData, interned, at: nil, to: &text) }
            }
            try put(events[label] ?? [], opening, at: time, &packet, to: &text)
          } close: { (_, time) throws(WriteError) in
            try put([], closing, at: time, &packet, to: &text)
          }
        }
      }
    }
    try text.flush()
  }

  /// What all events that open or close a slice on a track in a run have in common.
  private func borders(on track: UInt64, of run: ExportedTrace.Run) -> (opening: [UInt8], closing: [UInt8]) {
    var opening = ProtobufMessage()
    opening.add(Field.trackUUID, track)
    var iteration = ProtobufMessage()
    iteration.add(Field.annotationName, Annotation.iteration.rawValue)
    iteration.add(Field.intValue, run.iteration)
    opening.add(Field.annotations, iteration)
    var closing = ProtobufMessage()
    closing.add(Field.type, 2)
    closing.add(Field.trackUUID, track)
    return (opening.bytes, closing.bytes)
  }

  /// The event that opens a slice of a label, but for what differs from run to run; texts that are new go to `interned`.
  private func opening(
    _ label: ExportedTrace.Label, _ names: inout Interned, _ categories: inout Interned, _ strings: inout Interned,
    _ interned: inout ProtobufMessage
  ) -> [UInt8] {
    func tell(_ field: Int, _ number: Int, _ text: String) {
      var entry = ProtobufMessage()
      entry.add(1, number)
      entry.add(2, text)
      interned.add(field, entry)
    }
    var event = ProtobufMessage()
    event.add(Field.type, 1)
    let name = names.number(of: label.name)
    if name.isNew { tell(Field.internedNames, name.number, label.name) }
    event.add(Field.eventName, name.number)
    let category = categories.number(of: "\(label.kind)")
    if category.isNew { tell(Field.internedCategories, category.number, "\(label.kind)") }
    event.add(Field.categories, category.number)
    let texts: [(Annotation, String?)] = [
      (.operatorName, label.operatorName), (.module, label.module), (.source, label.sourceLine),
      (.backend, label.backend), (.dtype, label.dtype?.description),
      (.operators, label.operators.isEmpty ? nil : label.operators.joined(separator: " ")),
    ]
    for (annotation, text) in texts {
      guard let text else { continue }
      let string = strings.number(of: text)
      if string.isNew { tell(Field.internedStrings, string.number, text) }
      var message = ProtobufMessage()
      message.add(Field.annotationName, annotation.rawValue)
      message.add(Field.stringValue, string.number)
      event.add(Field.annotations, message)
    }
    var delegated = ProtobufMessage()
    delegated.add(Field.annotationName, Annotation.isDelegated.rawValue)
    delegated.add(Field.boolValue, label.isDelegated)
    event.add(Field.annotations, delegated)
    return event.bytes
  }

  // MARK: Tracks

  private func track(of label: ExportedTrace.Label) -> UInt64 {
    guard label.isDelegated, let place = backendsByBlock[label.block].firstIndex(of: label.track) else {
      return UInt64(2 + label.block)
    }
    return UInt64(2 + backendsByBlock.count + firstBackend[label.block] + place)
  }

  /// Of each block: how many backends' tracks the blocks before it have.
  private let firstBackend: [Int]
  private let backendsByBlock: [[String]]

  init(trace: ExportedTrace) {
    self.trace = trace
    var backends = [Set<String>](repeating: [], count: trace.aligned.trace.blocks.count)
    for label in trace.labels where label.isDelegated { backends[label.block].insert(label.track) }
    backendsByBlock = backends.map { $0.sorted() }
    var first: [Int] = []
    var count = 0
    for backends in backendsByBlock {
      first.append(count)
      count += backends.count
    }
    firstBackend = first
  }

  private struct Foreign: Hashable {
    let block: Int
    let backend: String
  }

  private func writeTracks(to text: inout TextBuffer) throws(WriteError) {
    var process = ProtobufMessage()
    process.add(Field.pid, 1)
    process.add(Field.processName, trace.aligned.methods.methods.compactMap(\.self).first ?? "ExecuTorch")
    var whole = ProtobufMessage()
    whole.add(Field.uuid, 1)
    whole.add(Field.process, process)
    // The first packet of the sequence: nothing is interned yet.
    try put(Field.trackDescriptor, whole, at: nil, isFirst: true, to: &text)
    var interned = ProtobufMessage()
    for annotation in Annotation.allCases {
      var entry = ProtobufMessage()
      entry.add(1, annotation.rawValue)
      entry.add(2, annotation.name)
      interned.add(Field.internedAnnotationNames, entry)
    }
    try put(Field.internedData, interned, at: nil, to: &text)
    let unit = trace.clock.isCycles ? " (cycles, not time)" : ""
    let foreign = Set(trace.labels.lazy.filter(\.isForeign).map { Foreign(block: $0.block, backend: $0.track) })
    for (block, backends) in backendsByBlock.enumerated() {
      let name = trace.aligned.trace.blocks[block].name
      let method = trace.aligned.methods.methods[block].map { name == "Execute" ? "\(name) of \($0)" : name } ?? name
      try put(track: UInt64(2 + block), under: 1, method + unit, to: &text)
      for (place, backend) in backends.enumerated() {
        let isForeign = foreign.contains(Foreign(block: block, backend: backend))
        try put(
          track: UInt64(2 + backendsByBlock.count + firstBackend[block] + place), under: UInt64(2 + block),
          backend + (isForeign ? " (its own clock, drawn inside its calls)" : "") + unit, to: &text)
      }
    }
  }

  private func put(
    track: UInt64, under parent: UInt64, _ name: String, to text: inout TextBuffer
  ) throws(WriteError) {
    var descriptor = ProtobufMessage()
    descriptor.add(Field.uuid, track)
    descriptor.add(Field.trackName, name)
    descriptor.add(Field.parent, parent)
    try put(Field.trackDescriptor, descriptor, at: nil, to: &text)
  }

  /// A track event in two parts.
  ///
  /// - Parameter packet: A message to make it in.
  private func put(
    _ event: [UInt8], _ rest: [UInt8], at time: UInt64, _ packet: inout ProtobufMessage, to text: inout TextBuffer
  ) throws(WriteError) {
    packet.clear()
    packet.add(Field.timestamp, time)
    packet.add(Field.sequence, 1)
    packet.add(Field.sequenceFlags, 2)
    packet.add(Field.trackEvent, event, rest)
    text.put(Field.packet, packet)
    try text.endRecord()
  }

  private func put(
    _ field: Int, _ content: ProtobufMessage, at time: UInt64?, isFirst: Bool = false, to text: inout TextBuffer
  ) throws(WriteError) {
    var packet = ProtobufMessage()
    if let time { packet.add(Field.timestamp, time) }
    packet.add(Field.sequence, 1)
    // Interned state is cleared, or needed.
    packet.add(Field.sequenceFlags, isFirst ? 1 : 2)
    packet.add(field, content)
    text.put(Field.packet, packet)
    try text.endRecord()
  }
}
