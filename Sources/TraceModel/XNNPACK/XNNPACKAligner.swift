public import ETCore
public import ETFormats

/// Leads the calls of one delegate back to source. What calls have in common is worked out once, when it is first needed.
public struct XNNPACKAligner: Sendable {
  private let payload: XNNPACKPayload
  private let topology: XNNPACKTopology
  private let groups: XNNPACKSourceGroups
  private var replays: [Int: XNNPACKReplay?] = [:]
  private var answers: [[String]: [Answer]] = [:]
  /// Of `XNNPACKOptions.versions`, those to lay calls beside.
  private var versions = Array(XNNPACKOptions.versions.indices)

  /// - Parameters:
  ///   - handles: The ETRecord's handles of the call's instruction.
  ///   - graph: The ETRecord's edge graph of the method.
  public init(_ payload: XNNPACKPayload, handles: [DebugHandle]?, graph: OperatorGraph?) {
    self.payload = payload
    topology = XNNPACKTopology(payload)
    groups = XNNPACKSourceGroups(payload, topology, handles: handles, graph: graph)
  }

  /// Handles of the call that belong to no kernel. None, in all that exporters make.
  public var unplacedHandles: [DebugHandle] { groups.unplaced }

  /// Settles on the version of XNNPACK that fits most of these calls exactly, the newest of several: a runtime has one.
  ///
  /// A damaged call may read like an undamaged one of another version. Without this, each call is taken for itself.
  public mutating func settle(on calls: some Sequence<[String]>) {
    var fits = [Int](repeating: 0, count: XNNPACKOptions.versions.count)
    var known: [[String]: [Int]] = [:]
    for names in calls {
      let exact = known[names] ?? exactVersions(names)
      if known.count < 32 { known[names] = exact }
      for version in exact { fits[version] += 1 }
    }
    guard let most = fits.max(), most > 0, let version = fits.firstIndex(of: most) else { return }
    versions = [version]
    answers = [:]
  }

  private mutating func exactVersions(_ names: [String]) -> [Int] {
    let matcher = XNNPACKMatcher(names)
    return XNNPACKOptions.versions.indices.filter {
      guard let kernels = replay($0)?.kernels, kernels.count == names.count else { return false }
      return matcher.isExact(kernels)
    }
  }

  /// The nodes behind each event of a call.
  public mutating func match(_ eventNames: [String]) -> [KernelMatch] {
    answer(eventNames).map { answer in
      let isInserted = answer.nodes.isEmpty ? Self.isInsertedByName(answer) : isInserted(answer.nodes)
      return KernelMatch(
        status: answer.status, nodes: answer.nodes, isInserted: isInserted,
        owner: isInserted ? owner(of: answer.nodes) : nil, why: why(answer))
    }
  }

  /// The source group of each event of a call.
  public mutating func align(_ eventNames: [String]) -> [KernelAlignment] {
    answer(eventNames).map { answer in
      let confidence: KernelAlignment.Confidence =
        switch answer.status {
        case .exact: .exact
        case .aligned: .aligned
        case .ambiguous: .ambiguous
        case .unmatched: .unmatched
        }
      let isInserted = answer.nodes.isEmpty ? Self.isInsertedByName(answer) : isInserted(answer.nodes)
      let primary =
        isInserted ? owner(of: answer.nodes).flatMap { groups.groups[$0].primary } : primary(of: answer.nodes)
      return KernelAlignment(
        primary: primary, covered: isInserted ? [] : covered(by: answer.nodes, primary), isInserted: isInserted,
        nodes: answer.nodes, confidence: confidence, why: why(answer))
    }
  }

  // MARK: Groups of kernels

  /// Of a kernel's nodes that have a handle, the one that computes; of several, the kernel's own.
  private func primary(of nodes: [Int]) -> DebugHandle? {
    var best: (rank: Int, handle: DebugHandle)?
    for node in nodes {
      guard let handle = groups.groups[node].primary else { continue }
      let rank = payload.nodes[node].kind.sourceRank
      if best == nil || rank < best!.rank { best = (rank, handle) }
    }
    return best?.handle
  }

  private func covered(by nodes: [Int], _ primary: DebugHandle?) -> [DebugHandle] {
    var all: Set<DebugHandle> = []
    for node in nodes {
      all.formUnion(groups.groups[node].covered)
      if let handle = groups.groups[node].primary { all.insert(handle) }
    }
    if let primary { all.remove(primary) }
    return all.sorted()
  }

  private func isInserted(_ nodes: [Int]) -> Bool {
    !nodes.isEmpty && nodes.allSatisfy { groups.groups[$0].isInserted }
  }

  /// Of merged ones it is the last that survives, and it comes first here.
  private func owner(of nodes: [Int]) -> Int? { nodes.lazy.compactMap { groups.groups[$0].owner }.first }

  private static func isInsertedByName(_ answer: Answer) -> Bool {
    guard case .unmatched = answer.status else { return false }
    return ["Pack LH", "Convert", "Transpose", "Copy", "Static Reshape"].contains { answer.name.base == $0 }
  }

  private func why(_ answer: Answer) -> String {
    switch answer.status {
    case .ambiguous(let why), .unmatched(let why): return why
    case .exact, .aligned: break
    }
    var parts: [String] = []
    if answer.role != .node { parts.append(answer.role.rawValue) }
    if isInserted(answer.nodes) || primary(of: answer.nodes) == nil {
      parts += answer.nodes.lazy.map { groups.groups[$0].why }.filter { !$0.isEmpty }.prefix(1)
    } else if let first = answer.nodes.first, groups.groups[first].primary != nil {
      let why = groups.groups[first].why
      if !why.isEmpty { parts.append(why) }
    }
    if !answer.note.isEmpty { parts.append(answer.note) }
    return parts.joined(separator: "; ")
  }

  // MARK: Matching

  private struct Answer: Sendable {
    var status: KernelMatch.Status
    var nodes: [Int] = []
    var role = PredictedKernel.Role.node
    var note = ""
    var name: XNNPACKKernelName
  }

  private mutating func replay(_ version: Int) -> XNNPACKReplay? {
    if let known = replays[version] { return known }
    let replay = XNNPACKReplay(payload, topology, options: XNNPACKOptions.versions[version].options)
    replays[version] = .some(replay)
    return replay
  }

  private mutating func answer(_ eventNames: [String]) -> [Answer] {
    if let known = answers[eventNames] { return known }
    let result = work(eventNames)
    // Calls of one delegate are alike. Where they are not, there is no use in keeping them.
    if answers.count < 32, eventNames.count < 20_000 { answers[eventNames] = result }
    return result
  }

  private mutating func work(_ eventNames: [String]) -> [Answer] {
    func all(_ why: String) -> [Answer] {
      eventNames.map { Answer(status: .unmatched(why), name: XNNPACKKernelName($0)) }
    }
    guard !payload.nodes.isEmpty else { return all("the payload has no nodes") }
    let matcher = XNNPACKMatcher(eventNames)
    var best: [(version: Int, cost: Int, kernels: [PredictedKernel], places: [XNNPACKMatcher.Place])] = []
    var isTooDifferent = false
    for (place, version) in versions.enumerated() {
      guard let kernels = replay(version)?.kernels else {
        return all("the payload's graph is too large, or too entangled, to replay what XNNPACK does to it")
      }
      // What a newer version runs as well has been looked at.
      if versions[..<place].contains(where: { replay($0)?.kernels == kernels }) { continue }
      switch matcher.compare(with: kernels) {
      case .exact:
        let note = version == 0 ? "" : "as \(XNNPACKOptions.versions[version].name) runs it"
        return zip(eventNames, kernels).map { event, kernel in
          Answer(
            status: .exact, nodes: kernel.nodes, role: kernel.role, note: note, name: XNNPACKKernelName(event))
        }
      case .aligned(let cost, let places):
        if let first = best.first, cost > first.cost { continue }
        if let first = best.first, cost < first.cost { best = [] }
        best.append((version, cost, kernels, places))
      case .tooDifferent: isTooDifferent = true
      }
    }
    guard let first = best.first else {
      let predicted = replay(versions[0])?.kernels.count ?? 0
      return all("\(eventNames.count) events against \(predicted) predicted kernels: too different to align")
    }
    let matched = (eventNames.count + first.kernels.count - first.cost) / 2
    guard matched * 2 >= max(eventNames.count, first.kernels.count) else {
      return all(
        "the names fit no known XNNPACK and this payload: \(matched) of \(eventNames.count) events are among the "
          + "\(first.kernels.count) predicted kernels" + (isTooDifferent ? " or the lists are too long" : ""))
    }
    let note =
      "\(first.cost) of \(eventNames.count) events and \(first.kernels.count) predicted kernels have no partner"
    return eventNames.indices.map { event in
      var answer = Answer(status: .aligned, note: note, name: XNNPACKKernelName(eventNames[event]))
      switch first.places[event] {
      case .kernel(let index):
        // Versions that explain the call equally well must agree.
        let kernel = first.kernels[index]
        let agree = best.allSatisfy {
          if case .kernel(let other) = $0.places[event] { return $0.kernels[other].nodes == kernel.nodes }
          return false
        }
        guard agree else {
          answer.status = .ambiguous("ambiguous: versions of XNNPACK that fit equally well disagree; \(note)")
          return answer
        }
        (answer.nodes, answer.role) = (kernel.nodes, kernel.role)
      case .several(let count):
        answer.status = .ambiguous("ambiguous: \(count) equally good places; \(note)")
      case .nothing:
        answer.status = .unmatched("inserted by XNNPACK: no node of the payload has such a kernel here; \(note)")
      }
      return answer
    }
  }
}
