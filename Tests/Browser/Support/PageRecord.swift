/// Something the page asked the network for, the page itself left out.
public struct PageRequest: Hashable, Sendable, CustomStringConvertible {
  public let url: String
  /// In Chromium's words: Image, Script, Stylesheet, Font, Fetch, XHR, Document, WebSocket, …
  public let type: String
  /// Why it was not sent, or failed: `csp`, `net::ERR_…`.
  public internal(set) var failure: String?

  /// Whether its bytes were in the page: `data:` and `blob:`.
  public var isInline: Bool { url.hasPrefix("data:") || url.hasPrefix("blob:") }
  public var description: String { "\(type) \(url.prefix(200))" + (failure.map { " (\($0))" } ?? "") }
}

/// A line of the console, an uncaught exception, or a complaint of the browser's.
public struct ConsoleMessage: Hashable, Sendable, CustomStringConvertible {
  public enum Source: Hashable, Sendable { case console, exception, browser }

  public let source: Source
  /// `error`, `warning`, `info`, `log`, `debug`, …; an exception's and a failed assertion's is `error`.
  public let level: String
  public let text: String

  public var description: String { "\(level): \(text)" }
}

/// What the page's content security policy refused.
public struct PolicyViolation: Hashable, Sendable, CustomStringConvertible {
  /// `script-src-elem`, `img-src`, …
  public let directive: String
  /// What was refused: a URL, or the kind of violation where there is none: `kInlineViolation`, `kEvalViolation`, ….
  public let blocked: String

  public var description: String { "\(directive): \(blocked)" }
}

/// What a page has said since it was opened.
struct PageRecord: Sendable {
  struct SentRequest: Sendable {
    let id: String
    let frame: String
    var request: PageRequest
  }

  /// The page's own document too.
  private(set) var requests: [SentRequest] = []
  private(set) var console: [ConsoleMessage] = []
  private(set) var violations: [PolicyViolation] = []
  private(set) var dialogs: [String] = []
  private(set) var isCrashed = false
  private(set) var isDetached = false
  /// When each loader's document was asked for, and when its events happened, in seconds of the browser's clock.
  private(set) var asked: [String: Double] = [:]
  private(set) var lifecycle: [String: [String: Double]] = [:]

  mutating func take(_ method: String, _ event: JSONValue, isPage: Bool) {
    switch method {
    case "Network.requestWillBeSent":
      let id = event["requestId"].string ?? ""
      if id == event["loaderId"].string { asked[id] = event["timestamp"].number }
      let url = event["request"]["url"].string ?? ""
      add(id, PageRequest(url: url, type: event["type"].string ?? "Other"), frame: event["frameId"].string ?? "")
    case "Network.webSocketCreated":
      add(event["requestId"].string ?? "", PageRequest(url: event["url"].string ?? "", type: "WebSocket"))
    case "Network.webTransportCreated":
      add(event["transportId"].string ?? "", PageRequest(url: event["url"].string ?? "", type: "WebTransport"))
    case "Network.loadingFailed":
      guard let index = requests.lastIndex(where: { $0.id == event["requestId"].string }) else { return }
      requests[index].request.failure = event["blockedReason"].string ?? event["errorText"].string
    case "Runtime.consoleAPICalled":
      let type = event["type"].string ?? "log"
      let text = (event["args"].array ?? []).map { argument in
        argument["value"].string ?? argument["description"].string ?? argument["unserializableValue"].string
          ?? "\(argument["value"])"
      }
      console.append(
        ConsoleMessage(
          source: .console, level: type == "assert" ? "error" : type, text: text.joined(separator: " ")))
    case "Runtime.exceptionThrown":
      console.append(
        ConsoleMessage(
          source: .exception, level: "error", text: PageRecord.text(ofException: event["exceptionDetails"])))
    case "Log.entryAdded":
      let entry = event["entry"]
      let place = entry["url"].string.map { " (\($0.prefix(200)))" } ?? ""
      console.append(
        ConsoleMessage(
          source: .browser, level: entry["level"].string ?? "error", text: (entry["text"].string ?? "") + place))
    case "Audits.issueAdded":
      let details = event["issue"]["details"]["contentSecurityPolicyIssueDetails"]
      guard details.object != nil, details["isReportOnly"].bool != true else { return }
      violations.append(
        PolicyViolation(
          directive: details["violatedDirective"].string ?? "",
          blocked: details["blockedURL"].string ?? details["contentSecurityPolicyViolationType"].string ?? ""))
    case "Page.javascriptDialogOpening": dialogs.append(event["message"].string ?? "")
    case "Page.lifecycleEvent":
      guard let loader = event["loaderId"].string, let name = event["name"].string else { return }
      lifecycle[loader, default: [:]][name] = event["timestamp"].number
    case "Inspector.targetCrashed": if isPage { isCrashed = true }
    case "Inspector.detached": if isPage { isDetached = true }
    default: break
    }
  }

  private mutating func add(_ id: String, _ request: PageRequest, frame: String = "") {
    requests.append(SentRequest(id: id, frame: frame, request: request))
  }

  static func text(ofException details: JSONValue) -> String {
    let thrown = details["exception"]
    let said =
      thrown["description"].string ?? thrown["value"].string ?? thrown["unserializableValue"].string
      ?? (thrown["value"].isNull ? "" : "\(thrown["value"])")
    return said.isEmpty ? details["text"].string ?? "exception" : said
  }
}
