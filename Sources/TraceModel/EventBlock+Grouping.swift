import Bytes
import ETCore
import ETDumpFormat

/// How events are made into rows.
enum Grouping {
  /// Every event counts.
  case exact
  /// As the reference does it: chains are not told apart, of a repeated event the last counts.
  case reference
}

/// Pools runs of equal signature into blocks.
///
/// A run that repeats an earlier one event by event, as almost all do, is recognised by one comparison per event; only
/// a new pattern is sorted into rows.
struct BlockBuilder {
  private let dump: ETDump
  private let grouping: Grouping
  private let emptyName: Int32
  private(set) var blocks: [EventBlock] = []
  /// For each block, patterns of events that make its rows.
  private var layouts: [Layout] = []
  private var blocksBySignature: [UInt64: [Int]] = [:]

  /// The events of one run and the row that each belongs to.
  private struct Layout {
    let block: Int
    let events: Range<Int>
    /// For each event of the run: its row, or −1 for those that make none.
    let rows: [Int32]
    /// For each row whether several events of the run are its, so that details must be kept; empty where none is.
    let repeated: [Bool]
  }

  init(_ dump: ETDump, grouping: Grouping) {
    self.dump = dump
    self.grouping = grouping
    emptyName = dump.names.find("") ?? -2
  }

  mutating func add(run index: Int) {
    let run = dump.runs[index]
    guard let events = run.events else { return }
    let layout =
      layouts.first {
        matches($0, events) && blocks[$0.block].bundledInputIndex == run.bundledInputIndex
          && blocks[$0.block].name == dump.text(run.name)
      } ?? makeLayout(run, events)
    append(run: index, events, as: layout)
  }

  private func matches(_ layout: Layout, _ events: Range<Int>) -> Bool {
    guard layout.events.count == events.count else { return false }
    return dump.events.withUnsafeBufferPointer { all in
      var other = layout.events.lowerBound
      for index in events {
        let (a, b) = (all[index], all[other])
        guard a.name == b.name, a.instructionID == b.instructionID, a.chainIndex == b.chainIndex,
          a.delegateDebugIDInt == b.delegateDebugIDInt, a.delegateDebugIDString == b.delegateDebugIDString,
          a.kind == b.kind
        else { return false }
        if a.kind == .debug && isOutput(a) != isOutput(b) { return false }
        other += 1
      }
      return true
    }
  }

  private func isOutput(_ event: ETDump.Event) -> Bool {
    event.payload != ETDump.Event.none && dump.debugValues[Int(event.payload)].isOutput == true
  }

  // MARK: Times

  private mutating func append(run: Int, _ events: Range<Int>, as layout: Layout) {
    let width = blocks[layout.block].rows.count
    let position = blocks[layout.block].runs.count
    let base = position * width
    blocks[layout.block].runs.append(run)
    blocks[layout.block].layouts.append(layout.rows)
    var details: [Int: EventBlock.RunDetail] = [:]
    blocks[layout.block].durations.append(contentsOf: repeatElement(0, count: width))
    blocks[layout.block].starts.append(contentsOf: repeatElement(0, count: width))
    // Written through pointers: two bounds checks an event are a tenth of the time that a large trace takes.
    var block = blocks[layout.block]
    blocks[layout.block] = EventBlock(name: "", bundledInputIndex: 0, rows: [])
    dump.events.withUnsafeBufferPointer { all in
      block.durations.withUnsafeMutableBufferPointer { durations in
        block.starts.withUnsafeMutableBufferPointer { starts in
          for (offset, row) in layout.rows.enumerated() where row >= 0 {
            let event = all[events.lowerBound + offset]
            let place = base + Int(row)
            if event.start <= event.end && (layout.repeated.isEmpty || !layout.repeated[Int(row)]) {
              durations[place] = event.end - event.start
              starts[place] = event.start
              continue
            }
            let elapsed = EventBlock.elapsed(from: event.start, to: event.end)
            var detail = details[Int(row)] ?? EventBlock.RunDetail()
            if detail.count == 0 { starts[place] = event.start }
            detail.count += 1
            detail.lastStart = event.start
            detail.lastEnd = event.end
            if elapsed == nil { detail.backwards += 1 }
            if event.start > event.end, elapsed != nil { detail.wraps += 1 }
            details[Int(row)] = detail
            durations[place] = durations[place].addingReportingOverflow(elapsed ?? 0).partialValue
          }
        }
      }
    }
    blocks[layout.block] = block
    note(details, block: layout.block, position: position)
  }

  /// Keeps the details of rows that are irregular in this run or were before.
  private mutating func note(_ details: [Int: EventBlock.RunDetail], block: Int, position: Int) {
    for (row, detail) in details where detail.count > 1 || detail.backwards > 0 || detail.wraps > 0 {
      if blocks[block].irregular[row] == nil {
        let width = blocks[block].rows.count
        blocks[block].irregular[row] = (0..<position).map { run in
          let start = blocks[block].starts[run * width + row]
          return EventBlock.RunDetail(
            count: 1, lastStart: start, lastEnd: start &+ blocks[block].durations[run * width + row])
        }
      }
    }
    for row in blocks[block].irregular.keys where blocks[block].irregular[row]!.count == position {
      let place = position * blocks[block].rows.count + row
      let start = blocks[block].starts[place]
      blocks[block].irregular[row]!.append(
        details[row]
          ?? EventBlock.RunDetail(count: 1, lastStart: start, lastEnd: start &+ blocks[block].durations[place]))
    }
  }

  // MARK: Rows

  /// Sorts a run's events into rows, and finds or makes the block that has these rows.
  private mutating func makeLayout(_ run: ETDump.RunData, _ events: Range<Int>) -> Layout {
    var sorter = RowSorter(dump: dump, grouping: grouping, emptyName: emptyName)
    let (rows, rowOfEvent, repeats) = sorter.sort(events)
    let block = findBlock(run, rows)
    var repeated: [Bool] = []
    if repeats {
      repeated = Array(repeating: false, count: rows.count)
      var seen = repeated
      for row in rowOfEvent where row >= 0 {
        if seen[Int(row)] { repeated[Int(row)] = true }
        seen[Int(row)] = true
      }
    }
    let layout = Layout(block: block, events: events, rows: rowOfEvent, repeated: repeated)
    // A stream of ever new patterns must not make every run slower than the one before.
    if layouts.count < 64 { layouts.append(layout) }
    return layout
  }

  private mutating func findBlock(_ run: ETDump.RunData, _ rows: [EventBlock.Row]) -> Int {
    let name = dump.text(run.name)
    var hasher = Hasher()
    hasher.combine(name)
    hasher.combine(run.bundledInputIndex)
    for row in rows {
      let event = dump.events[row.event]
      hasher.combine(event.name)
      hasher.combine(event.instructionID)
    }
    let key = UInt64(bitPattern: Int64(hasher.finalize()))
    for candidate in blocksBySignature[key] ?? []
    where blocks[candidate].name == name && blocks[candidate].bundledInputIndex == run.bundledInputIndex
      && haveEqualSignatures(blocks[candidate].rows, rows)
    {
      return candidate
    }
    blocks.append(EventBlock(name: name, bundledInputIndex: run.bundledInputIndex, rows: rows))
    blocksBySignature[key, default: []].append(blocks.count - 1)
    return blocks.count - 1
  }

  private func haveEqualSignatures(_ a: [EventBlock.Row], _ b: [EventBlock.Row]) -> Bool {
    a.count == b.count
      && zip(a, b).allSatisfy { a, b in
        let (x, y) = (dump.events[a.event], dump.events[b.event])
        return a.hasProfile == b.hasProfile && (a.firstDebugEvent < 0) == (b.firstDebugEvent < 0) && x.name == y.name
          && x.instructionID == y.instructionID && (grouping == .reference || x.chainIndex == y.chainIndex)
          && x.delegateDebugIDInt == y.delegateDebugIDInt && delegateName(x) == delegateName(y)
      }
  }

  private func delegateName(_ event: ETDump.Event) -> Int32 {
    event.delegateDebugIDString == emptyName ? ETDump.Event.none : event.delegateDebugIDString
  }
}

/// Makes rows of one run's events: grouped by instruction, chain and delegate id in order of first appearance, then one
/// row for each distinct name.
private struct RowSorter {
  let dump: ETDump
  let grouping: Grouping
  let emptyName: Int32
  private let key = UInt64.random(in: .min ... .max) | 1

  private struct Group {
    let event: Int
    var firstDebugEvent = -1
    /// The group's rows so far, a chain through `RowDraft.next`.
    var firstRow: Int32 = -1
    var lastRow: Int32 = -1
  }

  private struct RowDraft {
    let event: Int
    var next: Int32 = -1
    /// The place in the final order.
    var place: Int32 = -1
  }

  init(dump: ETDump, grouping: Grouping, emptyName: Int32) {
    self.dump = dump
    self.grouping = grouping
    self.emptyName = emptyName
  }

  mutating func sort(_ events: Range<Int>) -> (rows: [EventBlock.Row], rowOfEvent: [Int32], repeats: Bool) {
    var groups: [Group] = []
    var drafts: [RowDraft] = []
    var groupTable = IndexTable()
    var rowTable = IndexTable()
    var draftOfEvent = [Int32](repeating: -1, count: events.count)
    var repeats = false
    groups.reserveCapacity(events.count / 2)
    drafts.reserveCapacity(events.count)
    dump.events.withUnsafeBufferPointer { all in
      var last: Int32 = -1
      for index in events {
        let event = all[index]
        guard event.kind == .profile || event.kind == .debug else { continue }
        // A program's outputs are values of the run, not of an instruction.
        if event.kind == .debug && isOutput(event) { continue }
        if last < 0 || !sameGroup(all[groups[Int(last)].event], event) {
          last = groupTable.findOrInsert(groupHash(event), as: Int32(groups.count)) {
            sameGroup(all[groups[Int($0)].event], event)
          }
          if last == groups.count { groups.append(Group(event: index)) }
        }
        let group = Int(last)
        if event.kind == .debug {
          if groups[group].firstDebugEvent < 0 { groups[group].firstDebugEvent = index }
          continue
        }
        let hash =
          (UInt64(UInt32(bitPattern: last)) << 32 | UInt64(UInt32(bitPattern: event.name)))
          &* (key ^ 0x9E37_79B9_7F4A_7C15)
        let draft = rowTable.findOrInsert(hash ^ hash >> 29, as: Int32(drafts.count)) {
          all[drafts[Int($0)].event].name == event.name && sameGroup(all[drafts[Int($0)].event], event)
        }
        if draft == drafts.count {
          drafts.append(RowDraft(event: index))
          if groups[group].lastRow < 0 {
            groups[group].firstRow = draft
          } else {
            drafts[Int(groups[group].lastRow)].next = draft
          }
          groups[group].lastRow = draft
        } else {
          repeats = true
        }
        draftOfEvent[index - events.lowerBound] = draft
      }
    }
    var rows: [EventBlock.Row] = []
    rows.reserveCapacity(drafts.count)
    var reference: [ReferenceSignature: Int32] = [:]
    for group in groups {
      if group.firstRow < 0 {
        // Values alone, without a time.
        if group.firstDebugEvent >= 0 {
          rows.append(.init(event: group.firstDebugEvent, hasProfile: false, firstDebugEvent: group.firstDebugEvent))
        }
        continue
      }
      var draft = group.firstRow
      while draft >= 0 {
        let event = drafts[Int(draft)].event
        if grouping == .reference,
          let place = reference.updateIfKnown(signature(event, group.firstDebugEvent), Int32(rows.count))
        {
          drafts[Int(draft)].place = place
          repeats = true
        } else {
          drafts[Int(draft)].place = Int32(rows.count)
          rows.append(.init(event: event, hasProfile: true, firstDebugEvent: group.firstDebugEvent))
        }
        draft = drafts[Int(draft)].next
      }
    }
    let rowOfEvent = draftOfEvent.map { $0 < 0 ? -1 : drafts[Int($0)].place }
    return (rows, rowOfEvent, repeats)
  }

  private func isOutput(_ event: ETDump.Event) -> Bool {
    event.payload != ETDump.Event.none && dump.debugValues[Int(event.payload)].isOutput == true
  }

  @inline(__always)
  private func sameGroup(_ a: ETDump.Event, _ b: ETDump.Event) -> Bool {
    a.instructionID == b.instructionID && chain(a) == chain(b) && a.delegateDebugIDInt == b.delegateDebugIDInt
      && a.delegateDebugIDString == b.delegateDebugIDString
  }

  @inline(__always)
  private func groupHash(_ event: ETDump.Event) -> UInt64 {
    let ids = UInt64(UInt32(bitPattern: event.instructionID)) << 32 | UInt64(UInt32(bitPattern: chain(event)))
    let delegate =
      UInt64(UInt32(bitPattern: event.delegateDebugIDInt)) << 32
      | UInt64(UInt32(bitPattern: event.delegateDebugIDString))
    let mixed = (ids ^ delegate.byteSwapped &* 0xD6E8_FEB8_6659_FD93) &* (key ^ 0x9E37_79B9_7F4A_7C15)
    return mixed ^ mixed >> 29
  }

  @inline(__always)
  private func delegateName(_ event: ETDump.Event) -> Int32 {
    event.delegateDebugIDString == emptyName ? ETDump.Event.none : event.delegateDebugIDString
  }

  /// A value's chain is unsigned in the schema: one that belongs to no instruction has 2⁶⁴ − 1, which is not an event's −1. Such
  /// values are a row of their own.
  @inline(__always)
  private func chain(_ event: ETDump.Event) -> Int32 {
    event.kind == .debug && event.chainIndex < 0 ? Int32.min : event.chainIndex
  }

  /// What the reference tells events apart by: no chain among it.
  private struct ReferenceSignature: Hashable {
    let instruction: Int32
    let name: Int32
    let delegateInt: Int32
    let delegateName: Int32
    let hasValues: Bool
  }

  private func signature(_ event: Int, _ firstDebugEvent: Int) -> ReferenceSignature {
    let event = dump.events[event]
    return ReferenceSignature(
      instruction: event.instructionID, name: event.name == emptyName ? ETDump.Event.none : event.name,
      delegateInt: event.delegateDebugIDInt, delegateName: delegateName(event), hasValues: firstDebugEvent >= 0)
  }
}

extension Dictionary {
  /// The value of a known key; a new key is given `value`, and nil is returned.
  fileprivate mutating func updateIfKnown(_ key: Key, _ value: Value) -> Value? {
    if let known = self[key] { return known }
    self[key] = value
    return nil
  }
}
