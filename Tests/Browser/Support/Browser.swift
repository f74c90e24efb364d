import Foundation
import Synchronization

/// A headless Chromium, driven over the DevTools protocol.
///
/// Every page has a profile of its own and a fixed size, colour scheme and language, so that what a test sees does not
/// depend on the machine; no name is resolved, so that nothing reaches the network. Calls block, and end with an error
/// at their deadline whatever the page does.
///
/// ```
/// let page = try Browser.shared().open(path, colorScheme: .dark)
/// try page.click("#table")
/// #expect(try page.evaluate("document.activeElement.id") == "table")
/// #expect(page.consoleErrors.isEmpty && page.requests.isEmpty)
/// ```
public final class Browser: Sendable {
  /// Chromium's name and version: `Chrome/156.0.8078.79`.
  public let version: String
  private let process: BrowserProcess
  let devTools: DevTools
  private let isEnded = Mutex(false)

  /// Starts a Chromium of the caller's own. It ends with the value, or by `end()`.
  public static func launch(timeout: Duration = .seconds(60)) throws -> Browser {
    guard let executable = BrowserPolicy.executable else {
      throw BrowserError(.missing, "no Chromium; make setup-browser installs it, ET_CHROMIUM names one")
    }
    return try Browser(executable, timeout: timeout)
  }

  private init(_ executable: String, timeout: Duration) throws(BrowserError) {
    let deadline = ContinuousClock.now + timeout
    process = try BrowserProcess(executable, flags: Browser.flags)
    devTools = DevTools(process.socket)
    do throws(BrowserError) {
      version = try devTools.call("Browser.getVersion", by: deadline)["product"].string ?? "Chromium"
    } catch {
      devTools.shutDown()
      process.end(grace: .zero)
      throw BrowserError(.notStarted, "\(executable): \(error)\n\(process.complaint)")
    }
  }

  deinit { end() }

  /// Ends Chromium and all its processes, and removes its profile.
  public func end() {
    guard
      isEnded.withLock({ ended in
        defer { ended = true }
        return !ended
      })
    else { return }
    // A crash leaves nothing to be waited for.
    let isOpen = devTools.isOpen
    if isOpen { devTools.post("Browser.close") }
    process.end(grace: isOpen ? .seconds(3) : .zero)
    devTools.shutDown()
  }

  /// Whether it still answers.
  public var isOpen: Bool { devTools.isOpen }

  /// What shows whether a browser is gone.
  package struct Remains: Sendable {
    package let leader: Int32
    package let folder: String

    package init(leader: Int32, folder: String) { (self.leader, self.folder) = (leader, folder) }

    /// Its processes and files, in words.
    package var found: [String] { BrowserProcess.remains(of: leader, folder) }
  }

  package var remains: Remains { Remains(leader: process.leader, folder: process.folder) }

  private static var flags: [String] {
    var flags = [
      "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
      "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync", "--disable-default-apps",
      "--disable-component-update", "--disable-background-networking", "--disable-client-side-phishing-detection",
      "--disable-domain-reliability", "--disable-breakpad", "--disable-crash-reporter", "--no-pings", "--mute-audio",
      "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider",
      "--password-store=basic", "--use-mock-keychain", "--lang=en-US", "--host-resolver-rules=MAP * ~NOTFOUND",
      // Pages in the background run as fast as the one in front.
      "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
      "--disable-backgrounding-occluded-windows",
      // The same pixels everywhere, as far as the fonts are the same.
      "--force-color-profile=srgb", "--force-device-scale-factor=1", "--font-render-hinting=none",
      "--window-size=1280,800",
    ]
    // Chromium's sandbox refuses root.
    if geteuid() == 0 { flags.append("--no-sandbox") }
    flags += (ProcessInfo.processInfo.environment["ET_CHROMIUM_FLAGS"] ?? "").split(separator: " ").map(String.init)
    return flags + ["about:blank"]
  }

  // MARK: The shared one

  private static let current = Mutex<Result<Browser, BrowserError>?>(nil)

  /// The browser of all suites, started when first asked for and ended with the process. One that crashed is replaced;
  /// one that could not be started is not tried again.
  public static func shared() throws -> Browser {
    try current.withLock { current in
      if case .success(let browser) = current, !browser.isOpen {
        browser.end()
        current = nil
      }
      if let current { return try current.get() }
      do {
        let browser = try launch()
        _ = endAtExit
        current = .success(browser)
        return browser
      } catch let error as BrowserError {
        current = .failure(error)
        throw error
      }
    }
  }

  private static let endAtExit: Void = {
    atexit { Browser.endShared() }
  }()

  private static func endShared() {
    current.withLock { current in
      if case .success(let browser) = current { browser.end() }
      current = nil
    }
  }
}
