import BrowserSupport
import Foundation
import TestSupport
import Testing

/// The harness sees what a page does: each test would fail if the recorder, the mouse or the deadline did not work.
@Suite(.needsBrowser) struct Harness {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(
    _ body: String, policy: String? = nil, width: Int = 640, height: Int = 480, scale: Double = 1,
    colorScheme: Page.ColorScheme = .light, reducedMotion: Bool = false, until condition: String? = nil,
    timeout: Duration = .seconds(30)
  ) throws -> Page {
    let meta = policy.map { "<meta http-equiv=Content-Security-Policy content=\"\($0)\">" } ?? ""
    // The name has what a URL must escape.
    let path = try folder.write(
      "<!doctype html><html lang=en><meta charset=utf-8>\(meta)<title>A page</title>\(body)", to: "a page#1 %.html")
    return try Browser.shared().open(
      path, width: width, height: height, scale: scale, colorScheme: colorScheme, reducedMotion: reducedMotion,
      until: condition, timeout: timeout)
  }

  private func error(_ body: () throws -> Void) -> BrowserError? {
    do {
      try body()
      return nil
    } catch {
      return error as? BrowserError
    }
  }

  // MARK: The record

  @Test func quietPageSaysNothing() throws {
    let page = try open("<p>Hello<script>let x = 1</script>")
    #expect(page.requests.isEmpty)
    #expect(page.console.isEmpty)
    #expect(page.policyViolations.isEmpty)
    try page.call("Page.reload")
    try page.waitFor("document.readyState === 'complete' && performance.navigation.type === 1")
    #expect(page.requests.isEmpty)
  }

  @Test func recordsWhatAPageAsksFor() throws {
    let page = try open(
      """
      <link rel=stylesheet href="style.css"><img src="http://example.com/picture.png"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
      <script src="https://example.org/script.js"></script>
      <iframe src="http://example.net/frame.html"></iframe>
      <script>
        fetch("http://127.0.0.1:9/data").catch(() => {});
        try { new WebSocket("ws://example.com/socket") } catch {}
        navigator.sendBeacon("http://example.com/beacon");
        new Worker(URL.createObjectURL(new Blob(["fetch('http://example.com/worker').catch(() => postMessage(1))"])))
          .onmessage = () => window.workerAsked = true;
      </script>
      """)
    try page.waitFor("window.workerAsked")
    let asked = page.requests
    for (end, type) in [
      ("/style.css", "Stylesheet"), ("http://example.com/picture.png", "Image"),
      ("https://example.org/script.js", "Script"), ("http://example.net/frame.html", "Document"),
      ("http://127.0.0.1:9/data", "Fetch"), ("ws://example.com/socket", "WebSocket"),
      ("http://example.com/beacon", "Ping"), ("http://example.com/worker", "Fetch"),
    ] {
      let request = asked.first { $0.url.hasSuffix(end) }
      #expect(request?.type == type, "\(end) in \(asked)")
      #expect(request?.isInline == false)
      if type == "Image" { #expect(request?.failure != nil, "names are not resolved") }
    }
    #expect(asked.contains { $0.isInline && $0.type == "Image" })
    #expect(!asked.contains { $0.url.hasSuffix(".html") && $0.url.hasPrefix("file:") }, "its own file")
  }

  @Test func recordsWhatGoesWrong() throws {
    let page = try open(
      """
      <script>
        console.error("said", { a: 1 }, 7); console.warn("warned"); console.assert(false, "asserted"); alert("Stop");
        setTimeout(() => { throw new TypeError("thrown") });
        Promise.reject(new Error("rejected"));
        setTimeout(() => window.done = true, 20);
      </script><script>not a script</script><img src="missing.png">
      """)
    try page.waitFor("window.done")
    let errors = page.consoleErrors.map(\.text)
    for text in ["said Object 7", "asserted", "TypeError: thrown", "Error: rejected", "SyntaxError", "missing.png"] {
      #expect(errors.contains { $0.contains(text) }, "\(text) in \(errors)")
    }
    #expect(page.consoleErrors.count == 6)
    #expect(page.console.filter { $0.level == "warning" }.map(\.text) == ["warned"])
    #expect(page.dialogs == ["Stop"])
  }

  @Test func recordsWhatThePolicyRefuses() throws {
    let page = try open(
      "<img src='http://example.com/a.png'><p onclick='1'>text<script>fetch('http://example.com/b').catch(() => window.no = 1)</script>",
      policy: "default-src 'none'; script-src 'unsafe-inline'")
    try page.waitFor("window.no")
    #expect(
      Set(page.policyViolations.map(\.description)) == [
        "img-src: http://example.com/a.png", "connect-src: http://example.com/b",
      ])
    #expect(page.requests.first { $0.url == "http://example.com/a.png" }?.failure == "csp")
    #expect(!page.consoleErrors.isEmpty)
  }

  // MARK: Scripts and time

  @Test func evaluatesToValues() throws {
    let page = try open("")
    #expect(try page.evaluate("1 + 1") == 2)
    #expect(try page.evaluate("undefined").isNull)
    #expect(try page.evaluate("(await new Promise(done => setTimeout(() => done('later'), 5)))") == "later")
    #expect(
      try page.evaluate("({ a: [1.5, true, null, 'quote\" \\\\ \\u0001 \\u{1F600}'] })")
        == ["a": [1.5, true, nil, "quote\" \\ \u{1} 😀"]])
    #expect(try page.evaluate("NaN").number?.isNaN == true)
    #expect(try page.evaluate("2n ** 80n") == "1208925819614629174706176n")
    #expect(try page.evaluate("'x'.repeat(3e6)").string?.count == 3_000_000)
    #expect(try page.evaluate("\(JSONValue.string("\u{2028}\0</script>é"))") == "\u{2028}\0</script>é")
    #expect(error { try page.evaluate("let a = 1; a.b.c") }?.code == .exception)
    #expect(error { try page.evaluate("Promise.reject(new Error('no'))") }?.description.contains("no") == true)
  }

  @Test func tellsHowLongALoadTakes() throws {
    let body = """
      <script>
        const until = ms => { while (performance.now() < ms); };
        until(120); setTimeout(() => document.title = "Ready", 180);
      </script>
      """
    let page = try open(body, until: "document.title === 'Ready'")
    #expect(page.timings.load > .milliseconds(110) && page.timings.load < .seconds(10))
    let condition = try #require(page.timings.condition)
    #expect(condition > page.timings.load + .milliseconds(50) && condition < .seconds(10))
    #expect(try page.waitFor("document.title === 'Ready'") > condition)
    #expect(error { try page.waitFor("false", timeout: .milliseconds(50)) }?.code == .timedOut)
  }

  // MARK: Deadlines

  @Test func hangingPagesEndAtTheDeadline() throws {
    let start = ContinuousClock.now
    #expect(error { _ = try open("<script>for (;;);</script>", timeout: .seconds(2)) }?.code == .timedOut)

    let page = try open("<button onclick='for (;;);'>Hang</button>", timeout: .seconds(2))
    #expect(error { try page.evaluate("for (;;);") }?.code == .timedOut)
    #expect(try page.evaluate("'goes on'") == "goes on")
    #expect(error { try page.click("button") }?.code == .timedOut)
    #expect(error { try page.press("a") }?.code == .timedOut)
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test func crashesAreErrors() throws {
    let page = try open("")
    #expect(error { try page.call("Page.crash") }?.code == .crashed)
    #expect(error { try page.evaluate("1") }?.code == .crashed)
    #expect(try open("").evaluate("1") == 1)
  }

  @Test func missingFilesAreErrors() throws {
    #expect(error { _ = try Browser.shared().open("/nothing/here.html") }?.code == .refused)
  }

  @Test func browserLeavesNothingBehind() throws {
    let browser = try Browser.launch()
    let page = try browser.open("about:blank")
    let remains = browser.remains
    #expect(remains.found.count > 2)
    browser.end()
    #expect(remains.found == [])
    #expect(error { try page.evaluate("1") }?.code == .closed)
    #expect(error { _ = try browser.open("about:blank") }?.code == .closed)
  }

  @Test func crashedBrowserLeavesNothingBehind() throws {
    let browser = try Browser.launch()
    let page = try browser.open("about:blank")
    #expect(error { try page.call("Browser.crash") }?.code == .closed)
    browser.end()
    #expect(browser.remains.found == [])
  }

  @Test func deafBrowserEndsToo() throws {
    let browser = try Browser.launch()
    kill(-browser.remains.leader, SIGSTOP)
    let start = ContinuousClock.now
    #expect(error { _ = try browser.open("about:blank", timeout: .seconds(1)) }?.code == .timedOut)
    browser.end()
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(browser.remains.found == [])
  }

  /// No time for `end` or `deinit`: Chromium sees the socket end, and the shell removes the folder.
  @Test func killedTestsLeaveNothingBehind() async throws {
    let result = try await #require(
      processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
    ) {
      let browser = try Browser.launch()
      _ = try browser.open("about:blank")
      print("<\(browser.remains.leader)>\(browser.remains.folder)<")
      fflush(nil)
      kill(getpid(), SIGKILL)
    }
    let said = String(decoding: result.standardOutputContent, as: UTF8.self).split { "<>".contains($0) }
    let folder = try #require(said.firstIndex { $0.hasPrefix("/tmp/") })
    let remains = Browser.Remains(leader: try #require(Int32(said[folder - 1])), folder: String(said[folder]))
    for _ in 0..<500 where !remains.found.isEmpty { usleep(20_000) }
    #expect(remains.found == [])
  }

  // MARK: Hands

  @Test func mouseDoesWhatAHandDoes() throws {
    let page = try open(
      """
      <style>body { margin: 0 } #pad { position: absolute; left: 100px; top: 50px; width: 200px; height: 100px }
      #far { position: absolute; top: 3000px } #cover { position: absolute; left: 0; top: 200px; width: 99px; height: 99px }
      #under { position: absolute; top: 220px }</style>
      <div id=pad></div><button id=far>Far</button><button id=under>Under</button><div id=cover></div>
      <script>
        const log = [], pad = document.getElementById("pad");
        for (const type of ["mousedown", "mouseup", "click", "dblclick", "wheel", "contextmenu"])
          addEventListener(type, e => log.push([type, e.target.id, e.clientX, e.clientY, e.button, e.shiftKey, e.deltaY ?? 0]));
        let moves = 0, hovered = false, held = 0;
        pad.onmousemove = e => { moves++; held += e.buttons; };
        pad.onmouseenter = () => hovered = true;
      </script>
      """)
    let log = { (page: Page) in try page.evaluate("log.splice(0)").array ?? [] }
    try page.hover("#pad")
    #expect(try page.evaluate("hovered && moves") == 1)
    try page.click(.inside("#pad", x: 10, y: 20), modifiers: .shift)
    #expect(
      try log(page) == ["mousedown", "mouseup", "click"].map { [.string($0), "pad", 110, 70, 0, true, 0] })
    try page.doubleClick("#pad")
    #expect(
      try log(page).map { $0[0] } == ["mousedown", "mouseup", "click", "mousedown", "mouseup", "click", "dblclick"])
    try page.click(x: 150, y: 75)
    #expect(try log(page).map { $0[1] } == ["pad", "pad", "pad"])
    try page.evaluate("moves = held = 0")
    try page.drag(from: .inside("#pad", x: 10, y: 10), to: .inside("#pad", x: 110, y: 60))
    #expect(
      try log(page).map { [$0[0], $0[2], $0[3]] }.prefix(2) == [["mousedown", 110, 60], ["mouseup", 210, 110]])
    #expect(try page.evaluate("[moves, held]") == [9, 8])
    try page.wheel("#pad", y: 30)
    try page.waitFor("log.length == 1 && scrollY > 0")
    let turned = try log(page)
    #expect(turned.map { [$0[0], $0[1], $0[6]] } == [["wheel", "pad", 30]])
    try page.click("#far")
    #expect(try log(page).last?[1] == "far")
    try page.click("#far", button: .right)
    #expect(try log(page).contains { $0[0] == "contextmenu" })
    #expect(error { try page.click("#under") }?.code == .notFound)
    #expect(error { try page.click("#nothing") }?.code == .notFound)
  }

  @Test func keyboardDoesWhatAHandDoes() throws {
    let page = try open(
      """
      <input id=a><button id=b>B</button><textarea id=c></textarea><script>
        const log = []; let pressed = 0;
        addEventListener("keydown", e => log.push([e.key, e.code, e.keyCode, e.ctrlKey, e.shiftKey]));
        document.getElementById("b").onclick = () => pressed++;
      </script>
      """)
    try page.press("Tab")
    try page.type("Conv 2d? é→ /+")
    #expect(try page.evaluate("a.value") == "Conv 2d? é→ /+")
    try page.press("Control+a")
    try page.press("Delete")
    #expect(try page.evaluate("a.value") == "")
    try page.press("Tab")
    try page.press("Space")
    try page.press("Enter")
    #expect(try page.evaluate("[document.activeElement.id, pressed]") == ["b", 2])
    try page.press("Shift+Tab")
    #expect(try page.evaluate("document.activeElement.id") == "a")
    try page.evaluate("log.length = 0")
    for key in ["Escape", "ArrowLeft", "?", "Control+f", "F1", "Z", "+"] { try page.press(key) }
    #expect(
      try page.evaluate("log") == [
        ["Escape", "Escape", 27, false, false], ["ArrowLeft", "ArrowLeft", 37, false, false],
        ["?", "Slash", 191, false, true], ["Control", "ControlLeft", 17, true, false], ["f", "KeyF", 70, true, false],
        ["F1", "F1", 112, false, false], ["Z", "KeyZ", 90, false, true], ["+", "Equal", 187, false, true],
      ])
    try page.click("#c")
    try page.type("one\ntwo")
    #expect(try page.evaluate("c.value") == "one\ntwo")
    #expect(error { try page.press("Any") }?.code == .notFound)
  }

  // MARK: Eyes

  @Test func accessibilityTreeIsWhatAScreenReaderIsTold() throws {
    let page = try open(
      """
      <main><h2>Operators</h2><div role=tablist><div role=tab tabindex=0 aria-selected=true>Flame</div>
      <div role=tab aria-selected=false>Table</div></div><div><span><button aria-expanded=false
        onclick="this.setAttribute('aria-expanded', 'true')">More<span aria-hidden=true>▾</span></button></span></div>
      <label>Filter <input value=conv></label><canvas></canvas></main>
      """)
    var tree = try page.accessibilityTree()
    #expect(tree.first("heading", name: "Operators")?.states["level"] == 2)
    #expect(tree.all("tab").map(\.name) == ["Flame", "Table"])
    #expect(tree.all("tab").map { $0.has("selected") } == [true, false])
    #expect(tree.first("textbox", name: "Filter")?.value == "conv")
    #expect(tree.first("generic") == nil || tree.focused == nil)
    let more = try #require(tree.first("button", name: "More"))
    #expect(!more.has("expanded"))
    try page.click(.node(more))
    tree = try page.accessibilityTree()
    #expect(tree.first("button", name: "More")?.has("expanded") == true)
    #expect(tree.focused?.name == "More")
    let list = try #require(tree.nodes.firstIndex { $0.role == "tablist" })
    #expect(tree.descendants(of: list).filter { $0.role == "tab" }.count == 2)
    #expect(!tree.descendants(of: list).contains { $0.role == "button" })
    #expect(tree.description.contains("\n    heading \"Operators\" level=2\n"), "\(tree)")
  }

  @Test func picturesHaveTheirSize() throws {
    let page = try open(
      "<style>body { margin: 0 } #box { position: absolute; top: 900px; width: 30px; height: 20px; background: red }</style><div id=box></div>",
      width: 500, height: 300, scale: 2)
    let shot = try page.screenshot(to: folder.file("page.png"))
    #expect(shot.width == 1000 && shot.height == 600)
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: folder.file("page.png")))) == shot.bytes)
    let box = try page.screenshot(of: "#box")
    #expect(box.width == 60 && box.height == 40)
    try page.resize(width: 400, height: 300)
    let whole = try page.screenshot(wholePage: true)
    #expect(whole.width <= 400 && whole.height == 920, "without the scroll bar")
    let pdf = try open("<p>One<p style='break-before: page'>Two").pdf(to: folder.file("page.pdf"))
    #expect(pdf.pageCount == 2)
    #expect(folder.names.filter { !$0.hasSuffix(".html") } == ["page.pdf", "page.png"])
  }

  @Test func mediaAreWhatWasAskedFor() throws {
    let page = try open("", colorScheme: .dark, reducedMotion: true)
    let matching = """
      ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "print", "(forced-colors: active)",
       "(prefers-contrast: more)"].map(query => matchMedia(query).matches)
      """
    #expect(try page.evaluate(matching) == [true, true, false, false, false])
    try page.emulateMedia { $0.kind = .print }
    #expect(try page.evaluate(matching) == [true, true, true, false, false])
    try page.emulateMedia {
      ($0.kind, $0.colorScheme, $0.reducedMotion) = (.screen, .light, false)
      ($0.forcedColors, $0.contrast) = (true, .more)
    }
    #expect(try page.evaluate(matching) == [false, false, false, true, true])
    #expect(
      try page.evaluate("[innerWidth, innerHeight, devicePixelRatio, navigator.language]") == [640, 480, 1, "en-US"])
  }
}
