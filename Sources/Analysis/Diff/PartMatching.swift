import ETCore
import ETFormats
import TraceModel

/// Which parts of the base are which of the new side.
struct PartMatching {
  /// Parts of both sides that are one thing, as places in the members' signatures.
  struct Pair {
    var base: [Int]
    var new: [Int]
    var match: TraceDiff.Match
    var isMoved = false
  }

  private(set) var pairs: [Pair] = []

  /// What is known of one part.
  struct Part {
    let identity: TraceParts.Identity
    /// The name without XNNPACK's running number, and for its kernels without the form either.
    let plainName: String
    let family: String
    let module: String?
    /// The operators of the model that it does, by number.
    var handles: Set<Token> = []
    /// … and by module and kind.
    var places: Set<Token> = []
    let call: Int
    /// Its place in the order in which things ran.
    let order: Int

    /// One of a kind.
    var isPooled: Bool { [.calling, .control, .between].contains(identity.kind) }
  }

  /// What two parts must share to be the same.
  enum Token: Hashable {
    case handle(Int)
    case place(module: String, op: String)
    /// Kernels of one call of which only the call is known.
    case call(row: Int, isBase: Bool)

    /// Quantizing goes on between any two operators: it tells none.
    static func all(_ nodes: [OperatorGraph.Node]) -> Set<Token> {
      Set(nodes.filter { !$0.modules.isEmpty && !$0.op.containsBytes("quantize_per") }.map(Token.init))
    }

    private init(_ node: OperatorGraph.Node) { self = .place(module: node.modules.last?.path ?? "", op: node.op) }
  }

  private let base: [Part]
  private let new: [Part]
  private var openBase: [Bool]
  private var openNew: [Bool]

  init(_ base: DiffSide.Group, _ baseTrace: TraceParts, _ new: DiffSide.Group, _ newTrace: TraceParts) {
    self.base = Self.parts(base.members[0], baseTrace, isBase: true)
    self.new = Self.parts(new.members[0], newTrace, isBase: false)
    openBase = Array(repeating: true, count: self.base.count)
    openNew = Array(repeating: true, count: self.new.count)
    if base.signature == new.signature {
      for place in self.base.indices { take([place], [place], .instruction) }
      return
    }
    for (place, part) in self.base.enumerated() where part.isPooled {
      if let other = self.new.firstIndex(where: { $0.identity.kind == part.identity.kind }) {
        take([place], [other], .instruction)
      }
    }
    let modulesAreKnown = self.base.contains { $0.module != nil } && self.new.contains { $0.module != nil }
    matchInOrder { part in
      part.plainName + (modulesAreKnown ? "\u{0}" + (part.module ?? "") : "") + "\u{0}" + part.identity.kind.rawValue
    }
    if Self.handlesAgree(baseTrace, base.members[0].section.block, newTrace, new.members[0].section.block) {
      matchByTokens(.handles) { $0.handles }
    }
    matchByTokens(.module) { $0.places }
    matchMoved()
    matchInOrder { part in part.identity.kind == .delegateKernel && !modulesAreKnown ? part.family : nil }
    for place in self.base.indices where openBase[place] { take([place], [], .none) }
    for place in self.new.indices where openNew[place] { take([], [place], .none) }
  }

  private mutating func take(_ base: [Int], _ new: [Int], _ match: TraceDiff.Match, isMoved: Bool = false) {
    for place in base { openBase[place] = false }
    for place in new { openNew[place] = false }
    pairs.append(Pair(base: base, new: new, match: match, isMoved: isMoved))
  }

  // MARK: What is known

  private static func parts(_ member: DiffSide.Member, _ trace: TraceParts, isBase: Bool) -> [Part] {
    let aligned = trace.aligned
    let section = member.section
    var parts = member.places.map { place in
      let part = section.parts[place]
      let row = part.rows[0]
      let single = part.rows.count == 1 && part.identity.kind != .framework
      var known = Part(
        identity: part.identity, plainName: plain(part.identity.name), family: family(part.identity.name),
        module: single ? aligned.module(block: section.block, row: row) : nil, call: part.call, order: place)
      guard single, part.identity.kind != .delegateRest, part.identity.kind != .between else { return known }
      if let kernel = aligned.program?.kernels[section.block][row] {
        let all = (kernel.primary.map { [$0] } ?? []) + kernel.covered
        // What the lowering inserted is no operator of the model.
        guard !kernel.isInserted else { return known }
        known.handles = Self.tokens(all)
      } else {
        known.handles = Self.tokens(aligned.alignment[section.block, row].handles?.all ?? [])
      }
      known.places = Token.all(aligned.nodes(block: section.block, row: row))
      return known
    }
    shareCalls(&parts, section, aligned, isBase: isBase)
    return parts
  }

  /// Where nothing is known of the kernels of a call one by one, what is known of the call holds for all of them together.
  private static func shareCalls(
    _ parts: inout [Part], _ section: TraceParts.Section, _ aligned: AlignedTrace, isBase: Bool
  ) {
    var byCall: [Int: [Int]] = [:]
    for place in parts.indices where parts[place].call >= 0 { byCall[parts[place].call, default: []].append(place) }
    for (call, places) in byCall.sorted(by: { $0.key < $1.key }) {
      guard places.allSatisfy({ parts[$0].handles.isEmpty }), let first = places.first else { continue }
      let handles = tokens(aligned.alignment[section.block, call].handles?.all ?? [])
      guard !handles.isEmpty else { continue }
      parts[first].handles = handles
      parts[first].places = Token.all(aligned.nodes(block: section.block, row: call))
      for place in places {
        parts[place].handles.insert(.call(row: call, isBase: isBase))
        parts[place].places.insert(.call(row: call, isBase: isBase))
      }
    }
  }

  private static func tokens(_ handles: [DebugHandle]) -> Set<Token> {
    Set(handles.filter { $0 != .unset }.map { .handle($0.value) })
  }

  /// `Convolution (NHWC, F32) IGEMM #3` without the number.
  private static func plain(_ name: String) -> String {
    let bytes = Array(name.utf8)
    guard let hash = bytes.lastIndex(of: UInt8(ascii: "#")), hash >= 1, bytes[hash - 1] == UInt8(ascii: " "),
      bytes[(hash + 1)...].allSatisfy({ (48...57).contains($0) })
    else { return name }
    return String(decoding: bytes[..<(hash - 1)], as: UTF8.self)
  }

  private static func family(_ name: String) -> String {
    String(plain(name).utf8.prefix { $0 != UInt8(ascii: "(") }) ?? name
  }

  /// Whether a debug handle means the same in both models: most that both have come from the same line of the
  /// same module.
  private static func handlesAgree(_ base: TraceParts, _ baseBlock: Int, _ new: TraceParts, _ newBlock: Int) -> Bool {
    let (a, b) = (places(base, baseBlock), places(new, newBlock))
    let shared = a.keys.filter { b[$0] != nil }
    guard !shared.isEmpty else { return false }
    let agreeing = shared.count { !(a[$0] ?? []).isDisjoint(with: b[$0] ?? []) }
    return agreeing * 10 >= shared.count * 8
  }

  private static func places(_ trace: TraceParts, _ block: Int) -> [Int: Set<Token>] {
    var places: [Int: Set<Token>] = [:]
    var seen: Set<Int> = []
    for row in trace.aligned.trace.blocks[block].rows.indices {
      let set = trace.aligned.alignment[block, row].operators
      guard seen.insert(set).inserted else { continue }
      for node in trace.aligned.alignment.operatorSets[set].nodes {
        guard let handle = node.debugHandle else { continue }
        // A line of the model's source says most.
        let what = node.stackTrace ?? node.op
        places[handle.value, default: []].insert(.place(module: node.modules.last?.path ?? "", op: what))
      }
    }
    return places
  }

  // MARK: In order

  /// Matches the longest sequence of equal keys that both sides have.
  private mutating func matchInOrder(_ key: (Part) -> String?) {
    var numbers: [String: Int] = [:]
    func keys(_ parts: [Part], _ open: [Bool]) -> [(place: Int, key: Int)] {
      parts.indices.filter { open[$0] }.sorted { parts[$0].order < parts[$1].order }.compactMap { place in
        guard let text = key(parts[place]) else { return nil }
        let number = numbers[text] ?? numbers.count
        numbers[text] = number
        return (place, number)
      }
    }
    let (a, b) = (keys(base, openBase), keys(new, openNew))
    for (x, y) in CommonSequence.find(a.map(\.key), b.map(\.key)) {
      let (from, to) = (a[x].place, b[y].place)
      take([from], [to], base[from].identity == new[to].identity ? .instruction : .order)
    }
  }

  /// Equal names that stand at another place, where there is only one on each side.
  private mutating func matchMoved() {
    func single(_ parts: [Part], _ open: [Bool]) -> [String: Int?] {
      var places: [String: Int?] = [:]
      for place in parts.indices where open[place] {
        let key =
          parts[place].plainName + "\u{0}" + (parts[place].module ?? "") + "\u{0}" + parts[place].identity.kind.rawValue
        places[key] = .some(places[key] == nil ? place : nil)
      }
      return places
    }
    let others = single(new, openNew)
    for (key, place) in single(base, openBase).sorted(by: { $0.key < $1.key }) {
      guard let place, let other = others[key], let other else { continue }
      take([place], [other], .order, isMoved: true)
    }
  }

  // MARK: By what they go back to

  /// Joins what shares a token: parts of both sides that hang together become one pair.
  private mutating func matchByTokens(_ match: TraceDiff.Match, _ tokens: (Part) -> Set<Token>) {
    let (first, second) = (base.indices.filter { openBase[$0] }, new.indices.filter { openNew[$0] })
    var sets = DisjointSets(count: first.count + second.count)
    var owners: [Token: Int] = [:]
    func join(_ index: Int, _ part: Part) {
      for token in tokens(part) {
        if let owner = owners[token] { sets.join(owner, index) } else { owners[token] = index }
      }
    }
    for (index, place) in first.enumerated() { join(index, base[place]) }
    for (index, place) in second.enumerated() { join(first.count + index, new[place]) }
    var groups: [Int: Pair] = [:]
    var order: [Int] = []
    for index in 0..<(first.count + second.count) {
      let root = sets.root(index)
      if groups[root] == nil { order.append(root) }
      var group = groups[root] ?? Pair(base: [], new: [], match: match)
      if index < first.count { group.base.append(first[index]) } else { group.new.append(second[index - first.count]) }
      groups[root] = group
    }
    for root in order {
      guard var group = groups[root], !group.base.isEmpty, !group.new.isEmpty else { continue }
      group.base.sort { base[$0].order < base[$1].order }
      group.new.sort { new[$0].order < new[$1].order }
      // As many on each side, with names in the same order: one by one.
      let names = (group.base.map { base[$0].family }, group.new.map { new[$0].family })
      if group.base.count == group.new.count, group.base.count > 1, names.0 == names.1 {
        for (from, to) in zip(group.base, group.new) { take([from], [to], match) }
      } else {
        take(group.base, group.new, match)
      }
    }
  }
}

/// Sets that are joined until they are asked for.
private struct DisjointSets {
  private var parents: [Int]

  init(count: Int) { parents = Array(0..<count) }

  mutating func root(_ index: Int) -> Int {
    var index = index
    while parents[index] != index {
      parents[index] = parents[parents[index]]
      index = parents[index]
    }
    return index
  }

  mutating func join(_ a: Int, _ b: Int) {
    let (x, y) = (root(a), root(b))
    if x != y { parents[max(x, y)] = min(x, y) }
  }
}

/// The longest sequence that two sequences have in common.
enum CommonSequence {
  /// Above so many comparisons, what stands in the middle is matched by its first equal instead.
  private static let limit = 4_000_000

  /// - Returns: Places of equal elements, ascending on both sides.
  /// - Complexity: O(*n*·*m*) time and a byte for each, up to a limit; linear beyond it.
  static func find(_ a: [Int], _ b: [Int]) -> [(Int, Int)] {
    var start = 0
    while start < a.count, start < b.count, a[start] == b[start] { start += 1 }
    var end = 0
    while end < a.count - start, end < b.count - start, a[a.count - 1 - end] == b[b.count - 1 - end] { end += 1 }
    var pairs = (0..<start).map { ($0, $0) }
    let middle = (Array(a[start..<(a.count - end)]), Array(b[start..<(b.count - end)]))
    let (product, overflow) = middle.0.count.multipliedReportingOverflow(by: middle.1.count)
    let inner = overflow || product > limit ? greedy(middle.0, middle.1) : exact(middle.0, middle.1)
    pairs += inner.map { ($0.0 + start, $0.1 + start) }
    pairs += (0..<end).map { (a.count - end + $0, b.count - end + $0) }
    return pairs
  }

  private static func exact(_ a: [Int], _ b: [Int]) -> [(Int, Int)] {
    guard !a.isEmpty, !b.isEmpty else { return [] }
    let width = b.count + 1
    var lengths = [Int32](repeating: 0, count: width)
    // 0: both go on, 1: a goes on, 2: b goes on.
    var steps = [UInt8](repeating: 0, count: a.count * b.count)
    for x in a.indices.reversed() {
      var diagonal: Int32 = 0
      for y in b.indices.reversed() {
        let below = lengths[y]
        if a[x] == b[y] {
          lengths[y] = diagonal + 1
        } else if below >= lengths[y + 1] {
          steps[x * b.count + y] = 1
        } else {
          lengths[y] = lengths[y + 1]
          steps[x * b.count + y] = 2
        }
        diagonal = below
      }
    }
    var pairs: [(Int, Int)] = []
    var (x, y) = (0, 0)
    while x < a.count, y < b.count {
      switch steps[x * b.count + y] {
      case 0:
        pairs.append((x, y))
        (x, y) = (x + 1, y + 1)
      case 1: x += 1
      default: y += 1
      }
    }
    return pairs
  }

  /// Takes each element's next equal, never going back.
  private static func greedy(_ a: [Int], _ b: [Int]) -> [(Int, Int)] {
    var places: [Int: [Int]] = [:]
    for y in b.indices.reversed() { places[b[y], default: []].append(y) }
    var pairs: [(Int, Int)] = []
    var next = 0
    for x in a.indices {
      while let y = places[a[x]]?.last, y < next { places[a[x]]?.removeLast() }
      // A far jump would spend what others need.
      guard let y = places[a[x]]?.last, y - next <= 1000 else { continue }
      pairs.append((x, y))
      next = y + 1
    }
    return pairs
  }
}
