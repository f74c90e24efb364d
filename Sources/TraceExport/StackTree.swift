import TraceModel

/// Stacks as a tree: each is its innermost frame on the stack around it.
struct StackTree {
  /// Deeper ones end here: a trace whose events lie in one another a million times must not fill the disk.
  static let deepest = 256

  private struct Node {
    let parent: Int32
    let depth: Int
    let frame: String
  }

  private struct Step: Hashable {
    let parent: Int32
    let frame: String
  }

  private var nodes: [Node] = []
  private var numbers: [Step: Int32] = [:]

  var count: Int { nodes.count }

  /// The stack of `frame` on another, or alone on −1.
  mutating func push(_ frame: String, on parent: Int32) -> Int32 {
    var parent = parent
    if parent >= 0, nodes[Int(parent)].depth == Self.deepest { parent = nodes[Int(parent)].parent }
    let step = Step(parent: parent, frame: frame)
    if let known = numbers[step] { return known }
    let number = Int32(truncatingIfNeeded: nodes.count)
    numbers[step] = number
    nodes.append(Node(parent: parent, depth: parent < 0 ? 1 : nodes[Int(parent)].depth + 1, frame: frame))
    return number
  }

  /// The innermost first.
  func frames(of stack: Int32) -> [String] {
    var frames: [String] = []
    var at = stack
    while at >= 0 {
      frames.append(nodes[Int(at)].frame)
      at = nodes[Int(at)].parent
    }
    return frames
  }
}

/// The stack of each row, the outermost frame first: the method, the module's path, the backend, the operator or kernel; for
/// loading, the events around it.
struct RowStacks {
  private let trace: ExportedTrace
  /// How a name becomes a frame.
  private let frame: (String) -> String
  private(set) var tree = StackTree()
  /// Of the labels whose rows lie under executions; −1 for those not asked for yet.
  private var ofLabel: [Int32]

  init(_ trace: ExportedTrace, frame: @escaping (String) -> String = { $0 }) {
    self.trace = trace
    self.frame = frame
    ofLabel = Array(repeating: -1, count: trace.labels.count)
  }

  /// By row.
  mutating func stacks(ofBlock block: Int) -> [Int32] {
    let labels = trace.labelOfRow[block]
    guard trace.hasExecutions(block: block) else { return byEvents(block) }
    return labels.map { label in
      if ofLabel[Int(label)] < 0 { ofLabel[Int(label)] = stack(of: trace.labels[Int(label)]) }
      return ofLabel[Int(label)]
    }
  }

  private mutating func stack(of label: ExportedTrace.Label) -> Int32 {
    var stack = push(label.method ?? trace.aligned.trace.blocks[label.block].name, on: -1)
    for step in (label.module ?? "").split(separator: ".") { stack = push(String(step), on: stack) }
    if label.isDelegated { stack = push(label.track, on: stack) }
    return push(label.operatorName ?? label.name, on: stack)
  }

  private mutating func byEvents(_ block: Int) -> [Int32] {
    let pooled = trace.aligned.trace.blocks[block]
    var stacks = [Int32](repeating: -1, count: pooled.rows.count)
    let root = push(pooled.name, on: -1)
    for row in pooled.rows.indices {
      var around: [Int] = []
      var at = row
      while at >= 0, stacks[at] < 0 {
        around.append(at)
        at = Int(pooled.parents[at])
      }
      var stack = at < 0 ? root : stacks[at]
      for row in around.reversed() {
        stack = push(trace.label(block: block, row: row).name, on: stack)
        stacks[row] = stack
      }
    }
    return stacks
  }

  private mutating func push(_ name: String, on stack: Int32) -> Int32 { tree.push(frame(name), on: stack) }
}
