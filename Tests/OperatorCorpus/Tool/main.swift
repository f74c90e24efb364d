import Bytes
import ETFormats
import ETKernels
import ETRuntime
import OperatorCorpus

// corpus --packs FOLDER [--group G] [--op SUBSTRING] [--case SUBSTRING] [--verbose]: runs cases, prints disagreements.
// corpus --packs FOLDER --programs FOLDER: writes the smallest program of each operator, for a fuzzer to begin with.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

var (packs, group, op, name, verbose) = ("Fixtures/corpus", "", "", "", false)
var programs: String?
var arguments = CommandLine.arguments.dropFirst()
while let option = arguments.popFirst() {
  switch option {
  case "--packs": packs = arguments.popFirst() ?? packs
  case "--group": group = arguments.popFirst() ?? group
  case "--op": op = arguments.popFirst() ?? op
  case "--case": name = arguments.popFirst() ?? name
  case "--verbose": verbose = true
  case "--programs": programs = arguments.popFirst()
  default:
    print(
      "usage: corpus [--packs FOLDER] [--group GROUP] [--op SUBSTRING] [--case SUBSTRING] [--verbose] [--programs FOLDER]"
    )
    exit(64)
  }
}
if let programs {
  for pack in ["pointwise", "reduce", "neural", "movement", "prim"] {
    let corpus = try Corpus("\(packs)/\(pack).etcorpus.zst")
    let answered = corpus.cases.filter { $0.outputs != nil }
    for (op, cases) in Dictionary(grouping: answered, by: \.op) {
      guard let least = cases.min(by: { $0.program.count < $1.program.count }) else { continue }
      let file = try AtomicFile(path: "\(programs)/\(op.split(separator: ":").joined(separator: "-")).pte")
      try file.write(corpus.bytes(least.program))
      try file.commit()
    }
  }
  exit(0)
}
var (passed, failed, missing) = (0, 0, Set<String>())
var failures: [String: Int] = [:]
for pack in ["pointwise", "reduce", "neural", "movement", "prim"] where group.isEmpty || group == pack {
  do {
    let corpus = try Corpus("\(packs)/\(pack).etcorpus.zst")
    for one in corpus.cases
    where (op.isEmpty || one.op.contains(op)) && (name.isEmpty || one.name.contains(name)) {
      guard KernelRegistry.standard[one.op] != nil else {
        missing.insert(one.op)
        continue
      }
      if verbose { print("running \(one.op): \(one.name)") }
      if let difference = corpus.run(one) {
        failed += 1
        failures[one.op, default: 0] += 1
        if verbose || failures[one.op, default: 0] <= 6 { print("\(one.op): \(one.name): \(difference)") }
      } else {
        passed += 1
      }
    }
  } catch {
    print("\(pack): \(error)")
  }
}
if group == "models" {
  let corpus = try Corpus("\(packs)/models.etcorpus.zst")
  for session in corpus.sessions where op.isEmpty || session.model.contains(op) {
    do {
      var path = "\(packs)/../models/\(session.model)/model.pte"
      if access(path, F_OK) != 0 { path += ".zst" }
      let difference = try corpus.run(session, program: session.program == nil ? try Program.load(path) : nil)
      print("\(session.model), \(session.name), \(session.calls.count) calls: \(difference ?? "agrees")")
      if difference == nil { passed += 1 } else { failed += 1 }
    } catch {
      failed += 1
      print("\(session.model), \(session.name): \(error)")
    }
  }
}
print("\(passed) agree, \(failed) disagree")
for (op, count) in failures.sorted(by: { $0.key < $1.key }) { print("  \(op): \(count)") }
if !missing.isEmpty { print("no kernel: \(missing.sorted().joined(separator: " "))") }
exit(failed == 0 ? 0 : 1)
