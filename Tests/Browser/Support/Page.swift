public import Foundation
import Synchronization

/// One file in a browser.
public final class Page: Sendable {
  public typealias ColorScheme = PageMedia.ColorScheme

  let browser: Browser
  let session: String
  private let target: String
  /// A profile of the page's own: nothing is shared with other pages, its process neither.
  private let context: String
  /// How long a command may take where a call does not say.
  let patience: Duration

  struct State {
    var loader = ""
    var timings = Timings(load: .zero, condition: nil)
    var media: PageMedia
  }
  let state: Mutex<State>

  /// How long it took until a page was there, from the moment its document was asked for.
  public struct Timings: Sendable {
    /// Until the load event: all scripts of the page ran once.
    public let load: Duration
    /// Until the condition held that `open(until:)` was given.
    public let condition: Duration?
  }

  public var timings: Timings { state.withLock { $0.timings } }

  init(in browser: Browser, media: PageMedia, patience: Duration) throws(BrowserError) {
    (self.browser, self.patience) = (browser, patience)
    let deadline = ContinuousClock.now + patience
    let devTools = browser.devTools
    let made = try devTools.call("Target.createBrowserContext", ["disposeOnDetach": true], by: deadline)
    let context = made["browserContextId"].string ?? ""
    do throws(BrowserError) {
      target =
        try devTools.call(
          "Target.createTarget", ["url": "about:blank", "browserContextId": .string(context)], by: deadline)["targetId"]
        .string ?? ""
      session =
        try devTools.call("Target.attachToTarget", ["targetId": .string(target), "flatten": true], by: deadline)[
          "sessionId"
        ].string ?? ""
    } catch {
      devTools.post("Target.disposeBrowserContext", ["browserContextId": .string(context)])
      throw error
    }
    self.context = context
    state = Mutex(State(media: media))
  }

  deinit { close() }

  /// Closes the page, even one that hangs. What it recorded is gone.
  public func close() {
    browser.devTools.post("Target.disposeBrowserContext", ["browserContextId": .string(context)])
    browser.devTools.forget(session)
  }

  /// Sends a command of the DevTools protocol to the page.
  @discardableResult
  public func call(_ method: String, _ parameters: JSONValue = [:], timeout: Duration? = nil) throws(BrowserError)
    -> JSONValue
  {
    try browser.devTools.call(method, parameters, session: session, by: .now + (timeout ?? patience))
  }

  // MARK: Opening

  func load(_ url: String, width: Int, height: Int, scale: Double, until condition: String?) throws(BrowserError) {
    for domain in ["Page", "Runtime", "Network", "Log", "Audits", "Inspector", "DOM", "Accessibility"] {
      try call(domain + ".enable")
    }
    try call("Target.setAutoAttach", DevTools.attachAutomatically)
    try call("Page.setLifecycleEventsEnabled", ["enabled": true])
    try call("Emulation.setFocusEmulationEnabled", ["enabled": true])
    try resize(width: width, height: height, scale: scale)
    try applyMedia()
    if let condition {
      // Looks every few milliseconds, from the first script on. A condition may throw until the page is ready for it.
      let script = """
        (() => {
          const look = () => {
            let holds = false;
            try { holds = (\(condition)) } catch {}
            if (holds) globalThis[Symbol.for("ettools.held")] = performance.now(); else setTimeout(look, 1);
          };
          look();
        })()
        """
      try call("Page.addScriptToEvaluateOnNewDocument", ["source": .string(script)])
    }
    let deadline = ContinuousClock.now + patience
    let answer = try browser.devTools.call("Page.navigate", ["url": .string(url)], session: session, by: deadline)
    if let text = answer["errorText"].string { throw BrowserError(.refused, "\(url): \(text)") }
    let id = answer["loaderId"].string ?? ""
    state.withLock { $0.loader = id }
    let load = try browser.devTools.wait(for: "loading \(url)", session: session, by: deadline) { record -> Duration? in
      // Nobody is asked for about:blank.
      record.lifecycle[id]?["load"].map { .seconds($0 - (record.asked[id] ?? $0)) }
    }
    state.withLock { $0.timings = Timings(load: load, condition: nil) }
    guard let condition else { return }
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      let held = try evaluate("globalThis[Symbol.for('ettools.held')]", timeout: max(left, .milliseconds(1)))
      if let held = held.number {
        return state.withLock { $0.timings = Timings(load: load, condition: .milliseconds(held)) }
      }
      guard left > .zero else { throw BrowserError(.timedOut, "loading \(url): does not hold: \(condition)") }
      usleep(5000)
    }
  }

  // MARK: Scripts

  /// The value of an expression or of a script's last statement, of a promise what it resolves to.
  ///
  /// By value, as JSON; `undefined` is null. The top level may `await`. An object literal needs parentheses.
  @discardableResult
  public func evaluate(_ script: String, timeout: Duration? = nil) throws(BrowserError) -> JSONValue {
    let deadline = ContinuousClock.now + (timeout ?? patience)
    let devTools = browser.devTools
    var answer: JSONValue
    do throws(BrowserError) {
      answer = try devTools.call(
        "Runtime.evaluate",
        [
          "expression": .string(script), "replMode": true, "awaitPromise": true, "userGesture": true,
          "objectGroup": "t",
        ],
        session: session, by: deadline)
      // An object, or a promise that the script left: `replMode` waits for its own promise alone.
      if answer["exceptionDetails"].isNull, let object = answer["result"]["objectId"].string {
        answer = try devTools.call(
          "Runtime.callFunctionOn",
          [
            "objectId": .string(object), "functionDeclaration": "function() { return this }", "awaitPromise": true,
            "returnByValue": true,
          ], session: session, by: deadline)
      }
    } catch {
      // The page can go on when a script hangs.
      if error.code == .timedOut { devTools.post("Runtime.terminateExecution", session: session) }
      throw error
    }
    devTools.post("Runtime.releaseObjectGroup", ["objectGroup": "t"], session: session)
    guard answer["exceptionDetails"].isNull else {
      throw BrowserError(.exception, PageRecord.text(ofException: answer["exceptionDetails"]))
    }
    return switch answer["result"]["unserializableValue"].string {
    case nil: answer["result"]["value"]
    case "NaN": .number(.nan)
    case "Infinity": .number(.infinity)
    case "-Infinity": .number(-.infinity)
    case "-0": .number(-0.0)
    case .some(let big): .string(big)
    }
  }

  /// Waits until a condition holds, and returns how long after the navigation that was, to some 10 ms.
  ///
  /// A condition that throws does not hold.
  @discardableResult
  public func waitFor(_ condition: String, timeout: Duration? = nil) throws(BrowserError) -> Duration {
    let script = "(() => { try { return (\(condition)) ? performance.now() : null } catch { return null } })()"
    let deadline = ContinuousClock.now + (timeout ?? patience)
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw BrowserError(.timedOut, "does not hold: \(condition)") }
      if let held = try evaluate(script, timeout: left).number { return .milliseconds(held) }
      usleep(10_000)
    }
  }

  /// Waits until what the page began is drawn: two frames.
  public func settle() throws(BrowserError) {
    try evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
  }

  // MARK: What it said

  /// Everything it asked for but its own file, in order. What it asks for later, in a timer or when an image is laid
  /// out, comes later: `waitFor` or `settle` first.
  ///
  /// What a script asked for and the policy refused never became a request: `policyViolations` has it.
  public var requests: [PageRequest] {
    let record = caughtUp
    let loader = state.withLock { $0.loader }
    let address = record.requests.first { $0.id == loader }?.request.url
    return record.requests.filter {
      !($0.frame == target && $0.request.type == "Document" && $0.request.url == address)
    }
    .map(\.request)
  }
  public var console: [ConsoleMessage] { caughtUp.console }
  public var consoleErrors: [ConsoleMessage] { console.filter { $0.level == "error" } }
  public var policyViolations: [PolicyViolation] { caughtUp.violations }
  /// What `alert` and its kind said; they are dismissed.
  public var dialogs: [String] { caughtUp.dialogs }

  /// The record, after what the page said before now has arrived.
  private var caughtUp: PageRecord {
    _ = try? evaluate("0", timeout: .seconds(1))
    // Some of it comes by way of the browser's process.
    _ = try? browser.devTools.call(
      "Target.getTargetInfo", ["targetId": .string(target)], by: .now + .seconds(1))
    return browser.devTools.record(of: session)
  }
}

extension Browser {
  /// Opens a local file in a page of its own and waits for its load event.
  ///
  /// - Parameters:
  ///   - path: A file's path, or a URL with its scheme.
  ///   - scale: Device pixels to a CSS pixel.
  ///   - condition: A JavaScript expression that must hold, too; when it first did is in the page's timings.
  ///   - timeout: For the page to load, and for each later command.
  public func open(
    _ path: String, width: Int = 1280, height: Int = 800, scale: Double = 1, colorScheme: Page.ColorScheme = .light,
    reducedMotion: Bool = false, until condition: String? = nil, timeout: Duration = .seconds(30)
  ) throws(BrowserError) -> Page {
    BrowserPolicy.record(version)
    let page = try Page(
      in: self, media: PageMedia(colorScheme: colorScheme, reducedMotion: reducedMotion), patience: timeout)
    let url = path.hasPrefix("about:") || path.contains("://") ? path : URL(fileURLWithPath: path).absoluteString
    try page.load(url, width: width, height: height, scale: scale, until: condition)
    return page
  }

  public func open(
    _ file: URL, width: Int = 1280, height: Int = 800, scale: Double = 1, colorScheme: Page.ColorScheme = .light,
    reducedMotion: Bool = false, until condition: String? = nil, timeout: Duration = .seconds(30)
  ) throws(BrowserError) -> Page {
    try open(
      file.absoluteString, width: width, height: height, scale: scale, colorScheme: colorScheme,
      reducedMotion: reducedMotion, until: condition, timeout: timeout)
  }
}
