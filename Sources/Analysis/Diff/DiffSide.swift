import ETCore
import TraceModel

/// The traces of one side, their equal sections pooled.
struct DiffSide {
  let traces: [TraceParts]
  let groups: [Group]

  /// A section that some traces of the side have, with the same parts.
  struct Group {
    let key: TraceParts.Key
    let signature: TraceParts.Signature
    var members: [Member]
  }

  /// A trace's section.
  struct Member {
    let trace: Int
    let section: TraceParts.Section

    var places: [Int] { section.signature.places }
  }

  init(_ traces: [TraceParts], joining: Bool) {
    self.traces = traces
    var groups: [Group] = []
    var known: [Name: Int] = [:]
    for (trace, parts) in traces.enumerated() {
      for section in joining ? Self.joined(parts.sections) : parts.sections {
        let name = Name(key: section.key, signature: section.signature)
        let member = Member(trace: trace, section: section)
        if let group = known[name] {
          groups[group].members.append(member)
        } else {
          known[name] = groups.count
          groups.append(Group(key: section.key, signature: name.signature, members: [member]))
        }
      }
    }
    self.groups = groups
  }

  private struct Name: Hashable {
    let key: TraceParts.Key
    let signature: TraceParts.Signature
  }

  // MARK: Phases

  /// Whether phases are to be joined: most traces do not have them, so in the others a hiccup was taken for one.
  static func shouldJoin(_ traces: [TraceParts]) -> Bool {
    let split = traces.count { parts in parts.sections.contains { $0.key.phase == .prefill } }
    return split * 2 <= traces.count
  }

  private static func joined(_ sections: [TraceParts.Section]) -> [TraceParts.Section] {
    var result: [TraceParts.Section] = []
    for section in sections {
      guard section.key.phase != .all else {
        result.append(section)
        continue
      }
      guard let last = result.last, last.block == section.block else {
        result.append(section.renamed(.all))
        continue
      }
      result[result.count - 1] = last.joined(with: section)
    }
    return result
  }
}

extension TraceParts.Section {
  func renamed(_ phase: Phase.Name) -> TraceParts.Section {
    var other = self
    other.key.phase = phase
    return other
  }

  /// The same block's two phases as one, the runs in order.
  func joined(with other: TraceParts.Section) -> TraceParts.Section {
    let all = runs + other.runs
    let order = all.indices.sorted { all[$0] < all[$1] }
    func merged(_ a: [Int64], _ b: [Int64]) -> [Int64] {
      let both = a + b
      return order.map { both[$0] }
    }
    return TraceParts.Section(
      key: key, block: block, runs: order.map { all[$0] }, warmUp: warmUp + other.warmUp, cold: max(cold, other.cold),
      parts: zip(parts, other.parts).map { a, b in
        TraceParts.Part(
          identity: a.identity, rows: a.rows, ticks: merged(a.ticks, b.ticks), step: max(a.step, b.step),
          isForeign: a.isForeign, call: a.call)
      }, total: merged(total, other.total), signature: signature)
  }
}

// MARK: - Pairs

/// The groups of two sides that are compared.
struct SectionPairs {
  private(set) var pairs: [(base: DiffSide.Group?, new: DiffSide.Group?)] = []

  /// Those with the same parts first, then those of equal method, phase and input in their order, then those whose method is known
  /// on one side only.
  init(_ base: DiffSide, _ new: DiffSide) {
    var partner = [Int?](repeating: nil, count: base.groups.count)
    var taken = [Bool](repeating: false, count: new.groups.count)
    func pass<K: Hashable>(_ key: (DiffSide.Group) -> K?) {
      var waiting: [K: [Int]] = [:]
      for index in new.groups.indices.reversed() where !taken[index] {
        if let key = key(new.groups[index]) { waiting[key, default: []].append(index) }
      }
      for index in base.groups.indices where partner[index] == nil {
        guard let key = key(base.groups[index]), let other = waiting[key]?.popLast() else { continue }
        partner[index] = other
        taken[other] = true
      }
    }
    pass { WithParts(key: $0.key, parts: $0.signature) }
    pass { $0.key }
    // A side without the exporter's files does not know its method: there, one is as good as another.
    let methods = (Self.methods(base), Self.methods(new))
    if methods.0.isEmpty || methods.1.isEmpty {
      func anonymous(_ group: DiffSide.Group) -> TraceParts.Key {
        TraceParts.Key(
          name: group.key.name, method: nil, bundledInput: group.key.bundledInput, phase: group.key.phase)
      }
      pass { WithParts(key: anonymous($0), parts: $0.signature) }
      pass { anonymous($0) }
    }
    for index in base.groups.indices { pairs.append((base.groups[index], partner[index].map { new.groups[$0] })) }
    for index in new.groups.indices where !taken[index] { pairs.append((nil, new.groups[index])) }
  }

  private struct WithParts: Hashable {
    let key: TraceParts.Key
    let parts: TraceParts.Signature
  }

  private static func methods(_ side: DiffSide) -> Set<String> { Set(side.groups.compactMap(\.key.method)) }
}
