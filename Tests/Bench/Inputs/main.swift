import Bytes
import Compression
import ETDumpFormat

// Makes large traces of a real one, through the suite's own writer: BenchInputs TRACE FOLDER
//   repeated.etdp   its executions repeated until there are 60,032 events or more
//   runs30.etdp     30 runs of 33,334 events, names written once a run
//   onerun.etdp     one run of 1,000,020 events, each with its own copy of its name, as the runtime writes them

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fatalError("usage: BenchInputs TRACE FOLDER") }
let contents = try FileContents.openDecompressed(arguments[1])
let real = try ETDump(reading: contents.bytes)

func write(_ dump: ETDump, as name: String) throws {
  let file = try AtomicFile(path: arguments[2] + "/" + name)
  try file.write(dump.encoded())
  try file.commit()
  print("\(name): \(dump.events.count) events in \(dump.runs.count) runs")
}

/// The runs that executed something.
let executions = real.runs.filter { real.text($0.name) == "Execute" && $0.events?.isEmpty == false }

var repeated = real
while repeated.events.count < 60_032 { repeated.append(real) }
try write(repeated, as: "repeated.etdp")

/// A run of `count` events: those of the real executions, one after the other, their instructions counted on.
func run(of count: Int, into dump: inout ETDump) {
  let first = dump.events.count
  var shift: Int32 = 0
  while dump.events.count - first < count {
    for execution in executions {
      var largest: Int32 = 0
      for index in execution.events! where dump.events.count - first < count {
        var event = real.events[index]
        guard event.kind == .profile else { continue }
        largest = max(largest, event.instructionID)
        event.payload = ETDump.Event.none
        if event.chainIndex >= 0 { event.instructionID += shift }
        if event.name != ETDump.Event.none {
          event.name = dump.names.intern(real.text(event.name))
        }
        event.delegateDebugIDString =
          event.delegateDebugIDString == ETDump.Event.none
          ? ETDump.Event.none : dump.names.intern(real.text(event.delegateDebugIDString))
        dump.events.append(event)
      }
      shift += largest + 1
    }
  }
  dump.runs.append(
    ETDump.RunData(name: dump.names.intern("Execute"), events: first..<dump.events.count))
}

var runs30 = ETDump()
for _ in 0..<30 { run(of: 33_334, into: &runs30) }
try write(runs30, as: "runs30.etdp")

var oneRun = ETDump()
run(of: 1_000_020, into: &oneRun)
/// A trace of one run in which each event has its own copy of its name.
func unsharedNames(_ dump: ETDump) throws -> [UInt8] {
  var builder = FlatBuilder(capacity: 100 << 20)
  let events = dump.events.map { event in
    let name = builder.string(dump.text(event.name))
    builder.startTable(slots: 8)
    builder.add(event.start, slot: 6, default: 0)
    builder.add(event.end, slot: 7, default: 0)
    builder.add(name, slot: 0)
    builder.add(event.chainIndex, slot: 1, default: 0)
    builder.add(event.instructionID, slot: 2, default: -1)
    let profile = builder.endTable()
    builder.startTable(slots: 3)
    builder.add(profile, slot: 0)
    return builder.endTable()
  }
  let list = builder.references(events)
  let runName = builder.string("Execute")
  builder.startTable(slots: 4)
  builder.add(runName, slot: 0)
  builder.add(list, slot: 3)
  let runData = builder.endTable()
  let runList = builder.references([runData])
  builder.startTable(slots: 2)
  builder.add(runList, slot: 1)
  let root = builder.endTable()
  return try builder.finish(root, identifier: "ED00", sizePrefixed: true)
}
let file = try AtomicFile(path: arguments[2] + "/onerun.etdp")
try file.write(unsharedNames(oneRun))
try file.commit()
print("onerun.etdp: \(oneRun.events.count) events in one run")
