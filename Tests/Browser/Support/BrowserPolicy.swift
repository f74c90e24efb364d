import Foundation
import Synchronization
import TestSupport
public import Testing

/// Which Chromium the tests drive, and what it means that there is none.
///
/// - `ET_CHROMIUM` names the program; otherwise the first of `chromium`, `chromium-browser` and `google-chrome` on `PATH`.
/// - `ET_CHROMIUM_FLAGS` are added to its command line.
/// - `ET_BROWSER=required`, or any `CI`: without Chromium the tests fail. `ET_BROWSER=off` skips them.
/// - `ET_BROWSER_RECORD` names a file to which each test that opened a page adds a line, for a script that must know.
public enum BrowserPolicy {
  /// The full path of Chromium.
  public static let executable: String? = {
    let named = Environment.value("ET_CHROMIUM").flatMap { $0.isEmpty ? nil : [$0] }
    let folders = (Environment.value("PATH") ?? "").split(separator: ":").map(String.init)
    for name in named ?? ["chromium", "chromium-browser", "google-chrome"] {
      let places = name.contains("/") ? [name] : folders.map { $0 + "/" + name }
      if let place = places.first(where: FileManager.default.isExecutableFile(atPath:)) { return place }
    }
    return nil
  }()

  public static let isRequired: Bool = {
    if let said = Environment.value("ET_BROWSER"), !said.isEmpty { return said == "required" }
    return !["", "0", "false"].contains(Environment.value("CI") ?? "")
  }()

  /// Whether tests that need a browser are run, be it to fail.
  public static var runs: Bool {
    isRequired || executable != nil && Environment.value("ET_BROWSER") != "off"
  }

  private static let recorded = Mutex<Set<String>>([])

  /// Notes that the current test drives a browser.
  static func record(_ version: String) {
    guard let path = Environment.value("ET_BROWSER_RECORD"), let test = Test.current else { return }
    // Suite/test(): without the module before them and the place in the source behind.
    let id = test.id
    let name = (id.nameComponents).joined(separator: "/")
    recorded.withLock { names in
      guard names.insert(name).inserted, let file = fopen(path, "a") else { return }
      fputs("\(name): \(version)\n", file)
      fclose(file)
    }
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips a suite or test where there is no Chromium, unless one is required.
  public static var needsBrowser: Self {
    .enabled(
      if: BrowserPolicy.runs,
      Environment.value("ET_BROWSER") == "off"
        ? "ET_BROWSER=off" : "no Chromium; make setup-browser installs it, ET_CHROMIUM names one")
  }
}
