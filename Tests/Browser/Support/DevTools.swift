import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// The DevTools protocol over a socket: commands with deadlines, and what every page has said so far.
///
/// A thread reads; any thread may call. https://chromedevtools.github.io/devtools-protocol
final class DevTools: @unchecked Sendable {
  private let socket: Int32
  private let writing = NSLock()
  /// Guards everything below.
  private let changed = NSCondition()
  private var lastID = 0
  private var awaited: Set<Int> = []
  private var replies: [Int: JSONValue] = [:]
  private var records: [String: PageRecord] = [:]
  /// The page to which a worker's or a frame's session belongs.
  private var pages: [String: String] = [:]
  private var isClosed = false

  /// Takes over the socket.
  init(_ socket: Int32) {
    self.socket = socket
    let thread = Thread { [self] in read() }
    thread.name = "DevTools"
    thread.start()
  }

  deinit { close(socket) }

  /// Ends the reading thread; the other side sees the end of its input.
  func shutDown() { shutdown(socket, Int32(SHUT_RDWR)) }

  var isOpen: Bool { changed.withLock { !isClosed } }

  // MARK: Commands

  /// Sends a command and waits for its answer. `session` is a page's, nil the browser's.
  @discardableResult
  func call(
    _ method: String, _ parameters: JSONValue = [:], session: String? = nil, by deadline: ContinuousClock.Instant
  ) throws(BrowserError) -> JSONValue {
    let id = try send(method, parameters, session: session, awaited: true, by: deadline)
    defer {
      changed.withLock {
        awaited.remove(id)
        replies[id] = nil
      }
    }
    let reply = try wait(for: method, session: session, by: deadline) { [self] _ in replies[id] }
    guard reply["error"].isNull else {
      let text = reply["error"]["message"].string ?? "\(reply["error"])"
      throw BrowserError(.refused, "\(method): \(text)")
    }
    return reply["result"]
  }

  /// Sends a command whose answer nobody awaits.
  func post(_ method: String, _ parameters: JSONValue = [:], session: String? = nil) {
    _ = try? send(method, parameters, session: session, awaited: false, by: .now + .seconds(1))
  }

  private func send(
    _ method: String, _ parameters: JSONValue, session: String?, awaited isAwaited: Bool,
    by deadline: ContinuousClock.Instant
  ) throws(BrowserError) -> Int {
    let id = changed.withLock {
      lastID += 1
      if isAwaited { awaited.insert(lastID) }
      return lastID
    }
    var message: [String: JSONValue] = ["id": .number(Double(id)), "method": .string(method), "params": parameters]
    if let session { message["sessionId"] = .string(session) }
    let bytes = Array(JSONValue.object(message).description.utf8) + [0]
    writing.lock()
    defer { writing.unlock() }
    var sent = 0
    while sent < bytes.count {
      #if canImport(Glibc)
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
      #else
        let flags = MSG_DONTWAIT
      #endif
      let count = bytes[sent...].withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, flags) }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN || errno == EINTR {
        var poll = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else {
          // Half a message would spoil the next.
          if sent > 0 { shutDown() }
          throw BrowserError(.timedOut, "\(method): the browser does not read its commands")
        }
        _ = Foundation.poll(&poll, 1, Int32(min(left.seconds * 1000 + 1, 1000)))
      } else {
        throw BrowserError(.closed, "\(method): the browser is gone")
      }
    }
    return id
  }

  // MARK: What pages said

  /// What a page said so far.
  func record(of session: String) -> PageRecord { changed.withLock { records[session] ?? PageRecord() } }

  func forget(_ session: String) {
    changed.withLock {
      records[session] = nil
      pages = pages.filter { $0.value != session }
    }
  }

  /// Waits until `ready` returns something; it is called anew whenever a message came, and must be quick.
  ///
  /// Throws when the deadline passes or what is waited for can no longer happen: the page or the browser is gone.
  func wait<T>(
    for what: String, session: String?, by deadline: ContinuousClock.Instant, _ ready: (PageRecord) -> T?
  ) throws(BrowserError) -> T {
    changed.lock()
    defer { changed.unlock() }
    while true {
      let record = session.flatMap { records[$0] } ?? PageRecord()
      if let value = ready(record) { return value }
      if isClosed { throw BrowserError(.closed, "\(what): the browser is gone") }
      if record.isCrashed { throw BrowserError(.crashed, "\(what): the page crashed") }
      if record.isDetached { throw BrowserError(.closed, "\(what): the page is closed") }
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw BrowserError(.timedOut, "\(what): no answer in time") }
      _ = changed.wait(until: Date(timeIntervalSinceNow: left.seconds))
    }
  }

  // MARK: Reading

  private func read() {
    var message: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = recv(socket, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      for (index, part) in buffer[..<count].split(separator: 0, omittingEmptySubsequences: false).enumerated() {
        if index > 0 {
          take(message)
          message.removeAll(keepingCapacity: true)
        }
        message.append(contentsOf: part)
      }
    }
    changed.withLock {
      isClosed = true
      changed.broadcast()
    }
  }

  private func take(_ bytes: [UInt8]) {
    guard let message = try? bytes.withUnsafeBytes({ try JSONValue(reading: $0) }) else { return }
    changed.lock()
    defer {
      changed.broadcast()
      changed.unlock()
    }
    if let id = message["id"].int {
      if awaited.contains(id) { replies[id] = message }
      return
    }
    guard let method = message["method"].string else { return }
    let parameters = message["params"]
    guard let session = message["sessionId"].string else { return }
    let page = pages[session] ?? session
    switch method {
    case "Target.attachedToTarget":
      // A worker or a frame: it is held until it is recorded too.
      guard let child = parameters["sessionId"].string else { return }
      pages[child] = page
      for command in ["Runtime.enable", "Network.enable", "Log.enable"] { post(later: command, [:], child) }
      post(later: "Target.setAutoAttach", DevTools.attachAutomatically, child)
      post(later: "Runtime.runIfWaitingForDebugger", [:], child)
    case "Page.javascriptDialogOpening":
      post(later: "Page.handleJavaScriptDialog", ["accept": false], session)
      records[page, default: PageRecord()].take(method, parameters, isPage: page == session)
    default: records[page, default: PageRecord()].take(method, parameters, isPage: page == session)
    }
  }

  static let attachAutomatically: JSONValue = ["autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true]

  /// The reading thread holds the lock and must not wait for the browser.
  private func post(later method: String, _ parameters: JSONValue, _ session: String) {
    posts.async { [weak self] in self?.post(method, parameters, session: session) }
  }

  private let posts = DispatchQueue(label: "DevTools.post")
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
