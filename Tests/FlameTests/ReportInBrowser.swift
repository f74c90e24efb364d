import BrowserSupport
import Bytes
import Commands
import ETDumpFormat
import Foundation
import TestSupport
import Testing
import TraceModel

/// The report in a real browser: what its views show, against `inspect --format json` of the same files, and how it is used.
@Suite(.needsBrowser) struct ReportInBrowser {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  struct Example: CustomTestStringConvertible, Sendable {
    let trace: String
    var models: [String] = []
    var testDescription: String { trace }
  }

  static func model(_ folder: String, trace: String) -> Example {
    let models = ["model.etrecord.zst", "model.pte"].map { "models/\(folder)/\($0)" }
    return Example(trace: "models/\(folder)/\(trace)", models: models)
  }

  static let examples = [
    model("mobilenet_v2/portable", trace: "time.etdp.zst"), model("mobilenet_v2/xnnpack", trace: "time.etdp.zst"),
    model("llama/portable", trace: "time.etdp.zst"), model("pnet/xnnpack", trace: "time.etdp"),
    Example(trace: "native/delegate-qnn.etdp"), Example(trace: "native/delegate-vulkan.etdp"),
    Example(trace: "native/allocations.etdp"), Example(trace: "native/loop.etdp"), Example(trace: "native/wrap32.etdp"),
    Example(trace: "native/empty-no-runs.etdp"), Example(trace: "native/backwards64.etdp"),
  ]

  private func open(
    _ example: Example, base: Example? = nil, hash: String = "", width: Int = 1280,
    colorScheme: Page.ColorScheme = .light
  ) throws -> Page {
    func paths(_ example: Example) -> InputPaths {
      InputPaths(
        traces: [example.trace.hasPrefix("/") ? example.trace : Fixtures.path(example.trace)],
        models: example.models.map(Fixtures.path))
    }
    let report = folder.file("report.html")
    var request = FlameRequest(paths: paths(example), conversion: try TimeConversion(), output: report)
    request.base = base.map(paths)
    #expect(try request.run(out: MemorySink(), notes: MemorySink()) == .fine)
    return try Browser.shared().open(
      hash.isEmpty ? report : "file://\(report)#\(hash)", width: width, colorScheme: colorScheme,
      until: "typeof state === 'object' && document.querySelector('[role=tab][aria-selected=true]') !== null")
  }

  private func expectSilence(_ page: Page) {
    #expect(page.requests.filter { !$0.isInline }.isEmpty)
    #expect(page.consoleErrors.isEmpty)
    #expect(page.policyViolations.isEmpty)
    #expect(page.dialogs.isEmpty)
  }

  // MARK: Every view

  @Test(arguments: examples) func everyViewOpens(_ example: Example) throws {
    let page = try open(example)
    for key in ["1", "2", "3", "4", "5", "6", "7", "8"] {
      try page.press(key)
      try page.settle()
      let text = try page.evaluate("views[state.view].text()").string ?? ""
      #expect(!text.isEmpty || example.trace.contains("empty"), "view \(key)")
    }
    // Each chooser's every choice.
    for mode in ["source", "op", "backend", "module"] {
      try page.evaluate("setState({view: 'flame', mode: '\(mode)'})")
    }
    for group in ["op", "module", "source", "backend", "kind", "event"] {
      try page.evaluate("setState({view: 'table', group: '\(group)'})")
    }
    try page.evaluate("for (const runs of [...runChoices().keys()].slice(0, 6)) setState({view: 'flame', runs})")
    expectSilence(page)
  }

  // MARK: Numbers

  /// What `inspect --format json` says of a trace.
  private func inspected(_ example: Example) throws -> [[String: Any]] {
    var request = InspectRequest(
      paths: InputPaths(traces: [Fixtures.path(example.trace)], models: example.models.map(Fixtures.path)),
      conversion: try TimeConversion())
    request.format = .json
    let sink = MemorySink()
    #expect(try request.run(out: sink, notes: MemorySink()) == .fine)
    let json = try JSONSerialization.jsonObject(with: Data(sink.bytes)) as? [String: Any]
    return try #require(json?["event_blocks"] as? [[String: Any]])
  }

  @Test(arguments: examples) func totalsAreConservedInTicks(_ example: Example) throws {
    let page = try open(example)
    // By the method's name or the block's: Method::execute, in ticks, as inspect has it.
    var executions = 0.0
    for block in try inspected(example) {
      for event in try #require(block["events"] as? [[String: Any]])
      where event["name"] as? String == "Method::execute" && (event["parent"] as? Int ?? -1) < 0 {
        executions += try #require(event["raw"] as? [Double]).reduce(0) { $0 + ($1 * 1e6).rounded() }
      }
    }
    for mode in ["module", "source", "op", "backend"] {
      try page.evaluate("setState({view: 'flame', mode: '\(mode)'})")
      let roots = try page.evaluate(
        "currentFrames().filter(frame => frame.kind === 'method').reduce((sum, frame) => sum + frame.total, 0)")
      #expect(roots.number == executions, "\(mode)")
      // Every frame is its own time and that of the frames inside.
      let faults = try page.evaluate(
        """
        (() => { let faults = 0; const check = (frame) => {
          let sum = frame.self; for (const child of frame.children.values()) { check(child); sum += child.total }
          if (sum !== frame.total || !Number.isInteger(sum)) faults += 1 };
          currentFrames().forEach(check); return faults })()
        """)
      #expect(faults == 0, "\(mode)")
    }
    // No time twice: the frames' rows are all rows with a time, each once.
    let rows = try page.evaluate(
      "currentFrames().flatMap(frame => [...frame.allRows()].map(([side, row]) => row)).sort(ascending).join()")
    let expected = try page.evaluate(
      "tableView.isBuilt || setState({view: 'table'}), setState({view: 'table', group: 'event'}), tableView.all.flatMap(line => line.rows.map(([, row]) => row)).sort(ascending).join()"
    )
    #expect(rows == expected)
  }

  @Test(arguments: examples) func tableHasTheNumbersOfInspect(_ example: Example) throws {
    let page = try open(example, hash: "view=table&sort=order")
    let lines = try #require(
      try page.evaluate(
        """
        tableView.all.map(line => { const [side, row] = line.rows[0], summary = line.summary(tableView.runs);
          return { name: line.name, block: side.row.block[row], foreign: side.row.foreign[row], self: line.self, total: line.total,
            p10: summary.p10, p50: summary.p50, p90: summary.p90, mean: summary.mean, min: summary.min, max: summary.max, calls: line.calls } })
        """
      ).array)
    var place = 0
    for (number, block) in try inspected(example).enumerated() {
      for event in try #require(block["events"] as? [[String: Any]]) {
        guard let raw = event["raw"] as? [Double], !raw.isEmpty else { continue }
        let line = try #require(place < lines.count ? lines[place] : nil)
        place += 1
        #expect(line["block"].int == number)
        // Names are shown as they are; tests of hostile ones are apart.
        #expect(line["name"].string == event["name"] as? String)
        for (key, own) in [
          ("p10", "p10"), ("p50", "p50"), ("p90", "p90"), ("avg", "mean"), ("min", "min"), ("max", "max"),
        ] {
          let (wanted, found) = (try #require(event[key] as? Double), try #require(line[own].number) / 1e6)
          // inspect converts the two times of a backend's event apart, as the reference does: some bits are lost.
          #expect((wanted - found).magnitude <= 1e-9 * max(wanted.magnitude, 1e3), "\(key) of row \(place - 1)")
        }
        #expect(line["calls"].int == (event["count"] as? [Int] ?? []).reduce(0, +))
      }
    }
    #expect(place == lines.count)
  }

  // MARK: Use

  @Test func keysAreThoseOfSpeedscope() throws {
    let page = try open(Self.examples[1])
    for (key, view) in [("1", "timeline"), ("3", "sandwich"), ("4", "table"), ("2", "flame")] {
      try page.press(key)
      #expect(try page.evaluate("state.view").string == view)
      #expect(try page.evaluate("!document.getElementById('panel-\(view)').hidden") == true)
    }
    let full = try page.evaluate("flameView.drawing.range.join()")
    try page.press("+")
    #expect(try page.evaluate("flameView.drawing.isZoomed") == true)
    try page.press("d")
    try page.press("0")
    #expect(try page.evaluate("flameView.drawing.range.join()") == full)
    // Arrows on a frame: down to the first child, Enter zooms to it, Escape shows the whole.
    try page.evaluate("document.querySelector('#panel-flame [role=treeitem][tabindex=\"0\"]').focus()")
    try page.press("ArrowDown")
    let child = try page.evaluate("document.activeElement.getAttribute('aria-level')")
    #expect(child.string == "2")
    try page.press("Enter")
    #expect(try page.evaluate("flameView.drawing.isZoomed") == true)
    #expect(
      try page.evaluate("flameView.drawing.range[1] - flameView.drawing.range[0] === state.frame.total") == true)
    try page.press("Escape")
    #expect(try page.evaluate("flameView.drawing.isZoomed") == false)
    // Runs, one after the other.
    try page.press("n")
    #expect(try page.evaluate("state.runs").string == "run:0")
    try page.press("n")
    #expect(try page.evaluate("chosenRuns()[0].length") == 1)
    try page.press("p")
    #expect(try page.evaluate("state.runs").string == "run:0")
    try page.evaluate("setState({runs: 'all'})")
    // Frames with nothing beside them become one.
    let before = try #require(try page.evaluate("flameView.drawing.depth").int)
    try page.press("r")
    #expect(try #require(try page.evaluate("flameView.drawing.depth").int) < before)
    try page.press("?")
    #expect(try page.evaluate("document.getElementById('help').open") == true)
    try page.press("Escape")
    #expect(try page.evaluate("document.getElementById('help').open") == false)
    expectSilence(page)
  }

  @Test func clickZoomsAndShowsDetails() throws {
    let page = try open(Self.examples[1])
    try page.click("#panel-flame [aria-label^='stages,']")
    #expect(try page.evaluate("state.frame.name").string == "stages")
    #expect(try page.evaluate("flameView.drawing.range[1] - flameView.drawing.range[0] === state.frame.total") == true)
    let details = try page.evaluate("document.getElementById('details').innerText").string ?? ""
    for part in ["stages", "Total", "Self", "Median of a run", "95 % interval", "Module", "Source", "XnnpackBackend"] {
      #expect(details.contains(part), "\(part)")
    }
    // The median that is shown is that of the runs' sums.
    #expect(
      try page.evaluate(
        """
        (() => { const times = chosenRuns()[0].filter(run => run.block.isExecution).map(run => [...state.frame.allRows()]
          .reduce((sum, [side, row]) => sum + run.sums.self[row - run.block.firstRow], 0)).sort(ascending);
          return document.getElementById('details').innerText.includes(timeText(percentile(times, 0.5))) })()
        """) == true)
    // A link to the frame opens at the frame.
    let hash = try #require(try page.evaluate("location.hash.slice(1)").string)
    let linked = try open(Self.examples[1], hash: hash)
    #expect(try linked.evaluate("state.frame.name").string == "stages")
    #expect(try linked.evaluate("flameView.drawing.isZoomed") == true)
    expectSilence(linked)
  }

  @Test func searchSaysTheShareThatMatched() throws {
    let page = try open(Self.examples[0])
    try page.press("/")
    try page.type("aten::convolution")
    try page.settle()
    let shown = try page.evaluate("flameView.note.textContent").string ?? ""
    let share = try page.evaluate(
      """
      (() => { const side = report.side; let part = 0, whole = 0;
        for (const run of side.runs) if (run.block.isExecution) { whole += run.time;
          for (let at = 0; at < run.block.rows; at++) if (side.op(run.block.firstRow + at).startsWith('aten::convolution')) part += run.sums.self[at] }
        return percentText(part / whole) })()
      """)
    #expect(shown.contains("matched, \(share.string ?? "?")"))
    #expect(try #require(try page.evaluate("document.querySelectorAll('#panel-flame .frame.match').length").int) > 5)
    // Not a regular expression: looked for as it stands.
    try page.evaluate("setState({query: 'convolution('})")
    #expect((try page.evaluate("flameView.note.textContent").string ?? "").contains("0 frames matched"))
    try page.evaluate("document.activeElement.blur()")
    try page.press("Escape")
    #expect(try page.evaluate("state.query").string == "")
    expectSilence(page)
  }

  @Test func tableSortsFiltersAndGroups() throws {
    let page = try open(Self.examples[0], hash: "view=table")
    try page.click("#panel-table th.column-p50 button")
    try page.settle()
    #expect(
      try page.evaluate("document.querySelector('th.column-p50').getAttribute('aria-sort')").string == "descending")
    let isSorted =
      "tableView.lines.every((line, i, all) => i === 0 || all[i - 1].summary(tableView.runs).p50 >= line.summary(tableView.runs).p50)"
    #expect(try page.evaluate(isSorted) == true)
    try page.click("#panel-table th.column-p50 button")
    #expect(
      try page.evaluate("document.querySelector('th.column-p50').getAttribute('aria-sort')").string == "ascending")
    let all = try #require(try page.evaluate("tableView.lines.length").int)
    try page.evaluate("setState({query: 'batch_norm'})")
    #expect(try #require(try page.evaluate("tableView.lines.length").int) < all)
    #expect(try page.evaluate("tableView.lines.every(line => /batch_norm/.test(line.name + line.op))") == true)
    try page.evaluate("setState({query: '', group: 'op', sort: 'self', descending: true})")
    // Groups of self times add up to Method::execute.
    #expect(
      try page.evaluate(
        "tableView.lines.reduce((sum, line) => sum + line.own, 0) === report.side.account.ticks && tableView.lines.at(-1).cumulative === report.side.account.ticks"
      ) == true)
    // Far down, other rows are in the document.
    try page.evaluate("setState({group: 'event'}), tableView.scroller.scrollTop = 1e6")
    try page.settle()
    #expect(
      try page.evaluate("tableView.body.lastChild.getAttribute('aria-rowindex') === String(tableView.lines.length + 1)")
        == true)
    expectSilence(page)
  }

  @Test func timelineIsWalkedByKeys() throws {
    let page = try open(Self.examples[1], hash: "view=timeline")
    try page.settle()
    try page.evaluate("timelineView.canvas.focus()")
    try page.press("ArrowRight")
    try page.press("ArrowDown")
    #expect(
      try page.evaluate("report.side.name(timelineView.selected.span.run.events.row[timelineView.selected.event])")
        .string != nil)
    try page.press("ArrowDown")
    let first = try page.evaluate("timelineView.selected.event")
    try page.press("ArrowRight")
    #expect(try page.evaluate("timelineView.selected.event") != first)
    try page.press("Enter")
    #expect(try page.evaluate("timelineView.range[1] - timelineView.range[0] < timelineView.full[1] / 5") == true)
    #expect((try page.evaluate("timelineView.note.textContent").string ?? "").contains("run "))
    try page.press("0")
    // Every pixel's colour comes from an event: where nothing ran, nothing is drawn.
    try page.wheel("canvas", y: -200)
    try page.settle()
    #expect(try page.evaluate("timelineView.range[1] - timelineView.range[0] < timelineView.full[1]") == true)
    expectSilence(page)
  }

  @Test func otherClocksHaveLanesOfTheirOwn() throws {
    let page = try open(Example(trace: "native/delegate-qnn.etdp"), hash: "view=timeline")
    try page.settle()
    #expect(try #require(try page.evaluate("timelineView.lanes.length").int) >= 1)
    #expect(
      try #require(try page.evaluate("currentFrames().filter(frame => frame.kind === 'foreign').length").int) >= 1)
    expectSilence(page)
  }

  @Test func phasesAndTokensAreTold() throws {
    let page = try open(Self.examples[2], hash: "view=runs")
    let note = try page.evaluate("runsView.note.textContent").string ?? ""
    #expect(note.contains("prefill") && note.contains("decode") && note.contains("a token takes"))
    try page.evaluate("setState({view: 'flame', runs: 'phase:decode'})")
    #expect(
      try page.evaluate(
        "currentFrames()[0].total === report.side.runs.filter(run => run.phaseName === 'decode').reduce((sum, run) => sum + run.time, 0)"
      ) == true)
    try page.evaluate("setState({view: 'summary', runs: 'all'})")
    let summary = try page.evaluate("summaryView.text()").string ?? ""
    for part in ["first token after", "Latency", "decode", "Where the time went", "Findings of the check", "trust:"] {
      #expect(summary.contains(part), "\(part)")
    }
  }

  @Test func sourceAndMemory() throws {
    let page = try open(Self.examples[0], hash: "view=source")
    let source = try page.evaluate("document.getElementById('panel-source').innerText").string ?? ""
    #expect(source.contains("x = self.stem(x)") && source.contains("Fixtures/generate/models.py"))
    #expect(
      try page.evaluate("[...sourceView.lines.values()].reduce((sum, line) => sum + line.self, 0) <= sourceView.whole")
        == true)
    try page.press("7")
    #expect((try page.evaluate("document.getElementById('panel-memory').innerText").string ?? "").contains("Planned"))
    let allocations = try open(Example(trace: "native/allocations.etdp"), hash: "view=memory")
    let text = try allocations.evaluate("document.getElementById('panel-memory').innerText").string ?? ""
    #expect(text.contains("By allocator"))
    #expect(try #require(try allocations.evaluate("sumOf(report.side.allocations, 'size')").int) > 0)
  }

  @Test func longListsSayThatTheyAreCut() throws {
    let page = try open(Example(trace: "native/loop.etdp"))
    let caption = try page.evaluate(
      "(() => { const table = plainTable('Some', ['a'], Array.from({ length: 1234 }, (_, i) => [String(i)])); return table.caption.textContent + ' ' + table.tBodies[0].rows.length })()"
    )
    #expect(caption.string == "Some – the first 200 of 1,234 200")
  }

  // MARK: Comparison

  @Test func comparesWithABase() throws {
    // The same trace on both sides: nothing changed.
    let same = try open(Self.examples[0], base: Self.examples[0])
    #expect(
      try same.evaluate(
        "(() => { const found = new Set(); const look = (frame) => { found.add(changeOf(frame)); frame.order.forEach(look) }; look(currentFrames()[0]); return [...found].join() })()"
      ).string == "unchanged")
    expectSilence(same)
    // Another lowering: faster, with new kernels, and what is gone can be shown.
    let page = try open(Self.examples[1], base: Self.examples[0])
    #expect(try page.evaluate("changeOf(currentFrames()[0])").string == "faster")
    let counts =
      "[...document.querySelectorAll('#panel-flame .frame')].reduce((counts, made) => (counts[made.classList[2]] = (counts[made.classList[2]] ?? 0) + 1, counts), {})"
    // Operators have the verdict of `etdump diff`, which knows what they became.
    #expect(
      try page.evaluate(
        "(() => { let frame = currentFrames()[0]; for (const name of ['stem', '0', 'convolution']) frame = frame.children.get(name); return changeOf(frame) + [...frame.children.values()].map(changeOf).sort() })()"
      ).string == "fasterfaster,gone,new")
    let before = try page.evaluate("(\(counts))")
    #expect(before["new"].int ?? 0 > 0 && before["gone"].int == nil)
    try page.click("#panel-flame input[type=checkbox]")
    try page.settle()
    #expect(try page.evaluate("(\(counts))")["gone"].int ?? 0 > 0)
    try page.press("8")
    let summary = try page.evaluate("summaryView.text()").string ?? ""
    for part in [
      "What changed", "faster", "By class", "knows nothing of the next launch",
      "became one XNNPACK kernel",
    ] {
      #expect(summary.contains(part))
    }
    for key in ["1", "3", "4", "5", "6", "7"] {
      try page.press(key)
      try page.settle()
    }
    expectSilence(page)
  }

  /// A trace against itself is unchanged in every frame and every line: other clocks, several methods, several blocks of one.
  @Test(arguments: [
    Example(trace: "native/delegate-qnn.etdp"), Example(trace: "models/multi_method/portable/both.etdp"),
    Example(trace: "native/bundled-input.etdp"), Example(trace: "native/control-flow.etdp"),
    Example(trace: "native/many-runs.etdp"), Example(trace: "native/empty-no-runs.etdp"),
  ]) func nothingChangedAgainstItself(_ example: Example) throws {
    let page = try open(example, base: example)
    let found = try page.evaluate(
      """
      (() => { const found = new Set();
        for (const group of Object.keys(tableView.groups)) { setState({view: 'table', group}); tableView.all.forEach(line => found.add(line.class)) }
        const look = (frame) => { found.add(changeOf(frame)); frame.order.forEach(look) };
        for (const mode of Object.keys(frameModes)) { setState({view: 'flame', mode}); currentFrames().forEach(look) }
        setState({view: 'sandwich'}); if (sandwichView.callers.root) { look(sandwichView.callers.root); look(sandwichView.callees.root) }
        setState({view: 'summary'});
        return [...found].join() })()
      """)
    #expect(found.string == (example.trace.contains("empty") ? "" : "unchanged"))
    expectSilence(page)
  }

  @Test func linksThatAreWrongAreIgnored() throws {
    for hash in [
      "view=toString&mode=constructor&group=__proto__&runs=run:99", "view=timeline&event=0,999999", "frame=[1,{}]",
      "view=table&sort=nothing&query=(", "runs=phase:none",
    ] {
      let page = try open(Self.examples[1], hash: hash)
      #expect(try page.evaluate("document.querySelectorAll('[role=tabpanel]:not([hidden])').length").int == 1)
      expectSilence(page)
    }
  }

  @Test func searchKeepsTheZoom() throws {
    let page = try open(Self.examples[1])
    try page.click("#panel-flame [aria-label^='stages,']")
    let range = try page.evaluate("flameView.drawing.range.join()")
    try page.press("/")
    try page.type("conv")
    #expect(try page.evaluate("flameView.drawing.range.join()") == range)
    // The order of a table is in its link.
    try page.evaluate("setState({view: 'table', sort: 'name', descending: false})")
    let linked = try open(Self.examples[1], hash: try #require(try page.evaluate("location.hash.slice(1)").string))
    #expect(try linked.evaluate("state.descending") == false)
    expectSilence(page)
  }

  /// Against values of `scipy.stats.mannwhitneyu` (1.17.1; exact without ties, else asymptotic).
  @Test func rankTestIsMannWhitneys() throws {
    let page = try open(Example(trace: "native/loop.etdp"))
    let cases: [(String, Double)] = [
      ("[1,2,3,4,5],[6,7,8,9,10]", 0.007936507936507936), ("[1,3,5,7],[2,4,6,8]", 0.6857142857142857),
      ("[1.5,2.5,9,10,11,12],[1,2,3,4]", 0.171428571428571429),
      ("[1,1,2,2,3],[2,3,3,4,4]", 0.05241162867102868), ("[1,1,1],[1,1,1]", 1),
      ("[1,2,3,4,5,5,6,7,8,9,10,11],[4,5,6,7,8,9,10,11,12,13,14,15]", 0.027863969207011213),
    ]
    for (samples, wanted) in cases {
      let p = try #require(try page.evaluate("rankTest(\(samples))").number)
      #expect((p - wanted).magnitude < 1e-6, "\(samples): \(p)")
    }
  }

  // MARK: Everyone

  @Test func rolesAreThere() throws {
    let page = try open(Self.examples[1])
    let tree = try page.accessibilityTree()
    #expect(tree.all("tab").count == 8)
    #expect(tree.first("tab", name: "Flame graph")?.has("selected") == true)
    #expect(tree.first("tree", name: "Flame graph") != nil)
    #expect(tree.all("treeitem").contains { $0.name.hasPrefix("stages, ") && $0.name.contains("%") })
    #expect(tree.first("searchbox") != nil)
    #expect(tree.all("complementary").contains { $0.name == "Details" })
    try page.press("4")
    try page.settle()
    let table = try page.accessibilityTree()
    #expect(table.all("columnheader").count == 15)
    #expect(table.all("row").count > 20)
    #expect(table.first("status") != nil)
    // From the keyboard alone to a frame: the tabs are one stop, the tree is one.
    try page.press("2")
    try page.evaluate("document.getElementById('tab-flame').focus()")
    try page.press("ArrowRight")
    #expect(try page.evaluate("state.view").string == "sandwich")
    #expect(try page.evaluate("document.activeElement.id").string == "tab-sandwich")
  }

  /// Text on each colour has a contrast of 4.5 or more, in light and dark.
  @Test(arguments: [Page.ColorScheme.light, .dark]) func textCanBeRead(_ scheme: Page.ColorScheme) throws {
    let page = try open(Self.examples[1], colorScheme: scheme)
    let worst = try page.evaluate(
      """
      (() => {
        const style = getComputedStyle(document.documentElement);
        const light = (name) => { const text = style.getPropertyValue('--' + name).trim().slice(1);
          const parts = (text.length === 3 ? [...text].map(c => c + c) : text.match(/../g)).map(hex => parseInt(hex, 16) / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
          return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] };
        const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort(ascending); return (y + 0.05) / (x + 0.05) };
        const frames = ['method', 'module', 'call', 'framework', 'slower', 'faster', 'unchanged', 'new', 'gone', ...families.map((_, i) => 'family-' + i)];
        return Math.min(...frames.map(name => contrast('on-frame', name)), contrast('text', 'back'), contrast('faint', 'back'), contrast('text', 'bar'), contrast('back', 'link'));
      })()
      """)
    #expect(try #require(worst.number) >= 4.5)
  }

  @Test func isPrintedAndCopied() throws {
    let page = try open(Self.examples[0], hash: "view=table&group=op")
    #expect(try page.pdf().pageCount >= 1)
    let text = try page.evaluate("views.table.text()").string ?? ""
    #expect(text.split(separator: "\n").count == (try page.evaluate("tableView.lines.length").int ?? 0) + 1)
    try page.press("c")
    try page.waitFor("document.getElementById('said').textContent.includes('copied')")
    try page.click("#theme")
    #expect(try page.evaluate("document.documentElement.dataset.theme").string == "dark")
    expectSilence(page)
  }

  // MARK: Hostile names

  @Test func hostileNamesAreInert() throws {
    let trace = try folder.write(FlamePage.hostileDump().encoded(), to: "hostile <&title><b>.etdp")
    let page = try open(Example(trace: trace), hash: "view=flame&frame=%5B%22__proto__%22%5D")
    for key in ["1", "2", "3", "4", "5", "6", "7", "8"] {
      try page.press(key)
      try page.settle()
    }
    #expect(try page.evaluate("document.title.includes('owned')") == false)
    #expect(try page.evaluate("document.querySelectorAll('img, b, iframe').length") == 0)
    #expect(try page.evaluate("document.scripts.length").int == 17)
    // What cannot be seen is shown as a mark, and nothing turns the direction of the line.
    let text =
      try page.evaluate("setState({view: 'table'}), document.getElementById('panel-table').innerText").string ?? ""
    #expect(text.contains("⟨202E⟩txt.exe") && !text.contains("\u{202E}"))
    #expect(text.contains("⟨001B⟩"))
    expectSilence(page)
  }
}
