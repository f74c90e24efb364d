import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// A running Chromium: its process group, the socket it listens on, its profile.
///
/// The leader of the group is a shell that waits for Chromium and then removes the profile. Chromium ends when the
/// socket does, so that nothing stays behind even if the tests are killed.
final class BrowserProcess: Sendable {
  /// Ours of the two ends. Owned by `DevTools`.
  let socket: Int32
  /// The profile, the home and the temporary files of the browser.
  let folder: String
  let leader: pid_t
  /// What Chromium writes on standard error. Open, as it is read when the folder is gone.
  private let log: Int32

  init(_ executable: String, flags: [String]) throws(BrowserError) {
    // Short: Chromium puts a socket in it, whose name may have 107 bytes.
    var template = Array("/tmp/ettools-browser-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw BrowserProcess.failure("mkdtemp", errno) }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var ends: [Int32] = [-1, -1]
    // A socket, not two pipes: writing to one whose other end is gone need not raise SIGPIPE.
    guard BrowserProcess.socketPair(&ends) else { throw BrowserProcess.failure("socketpair", errno) }
    log = open(folder + "/log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)

    #if canImport(Glibc)
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #else
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
      close(ends[1])
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, log, 1)
    posix_spawn_file_actions_adddup2(&actions, log, 2)
    // --remote-debugging-pipe reads commands from 3 and writes answers to 4. Neither is `log` or ours, which are lower
    // only if they were closed already.
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
    posix_spawn_file_actions_adddup2(&actions, 3, 4)
    // Another test's pipe would not end while Chromium has it.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? [] {
      if let descriptor = Int32(name), descriptor > 4 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    }
    posix_spawnattr_setpgroup(&attributes, 0)
    // Blocked signals are inherited, and SIGCHLD is one Chromium needs.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

    var environment = ProcessInfo.processInfo.environment
    // Nothing outside the folder is read or written: no settings of the user's, no session bus.
    for name in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"] { environment[name] = nil }
    for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
      environment[name] = folder
    }
    environment["TZ"] = "UTC"
    // A child of Chromium's may write while its files are removed.
    let script = "\"$@\"; cd /; rm -rf -- \"$0\" || { sleep 1; rm -rf -- \"$0\"; }"
    let arguments = ["/bin/sh", "-c", script, folder, executable, "--user-data-dir=\(folder)/profile"] + flags
    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, envp)
    guard status == 0 else {
      close(ends[0])
      close(log)
      try? FileManager.default.removeItem(atPath: folder)
      throw BrowserProcess.failure("posix_spawn", status)
    }
    (socket, leader, self.folder) = (ends[0], pid, folder)
  }

  deinit { close(log) }

  /// The end of what Chromium wrote on standard error.
  var complaint: String {
    let size = lseek(log, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = pread(log, &bytes, bytes.count, max(0, size - off_t(bytes.count)))
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// Waits for the end up to `grace`, then kills whatever is left of the browser. To be called once.
  func end(grace: Duration) {
    let deadline = ContinuousClock.now + grace
    var information = siginfo_t()
    // The leader stays a zombie until the group was killed: its number cannot mean another group.
    while ContinuousClock.now < deadline, waitid(P_PID, id_t(leader), &information, WEXITED | WNOHANG | WNOWAIT) == 0,
      information.hasNoProcess
    {
      usleep(5000)
      information = siginfo_t()
    }
    kill(-leader, SIGKILL)
    for stray in BrowserProcess.processes(of: leader, folder) { kill(stray, SIGKILL) }
    var status: Int32 = 0
    while waitpid(leader, &status, 0) == -1, errno == EINTR {}
    // Those who were killed need a moment, and may write until then.
    for _ in 0..<200 {
      try? FileManager.default.removeItem(atPath: folder)
      if BrowserProcess.remains(of: leader, folder).isEmpty { break }
      usleep(10_000)
    }
  }

  /// What is left of a browser, in words.
  static func remains(of leader: pid_t, _ folder: String) -> [String] {
    processes(of: leader, folder).map { "process \($0)" }
      + (FileManager.default.fileExists(atPath: folder) ? [folder] : [])
  }

  /// The processes of the group, and those that name the folder in their command: the crash handler leaves the group.
  ///
  /// Those that died and that init has yet to bury do not count. Linux only; elsewhere none is found.
  private static func processes(of leader: pid_t, _ folder: String) -> [pid_t] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }.filter { pid in
      guard pid != getpid(), let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
      // "12 (a name) S 1 10 …": state, parent, group.
      let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
      guard fields.count > 2, fields[0] != "Z", fields[0] != "X" else { return false }
      if fields[2] == String(leader) { return true }
      return FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")?.range(of: Data(folder.utf8)) != nil
    }
  }

  private static func failure(_ call: String, _ number: Int32) -> BrowserError {
    BrowserError(.notStarted, "\(call): \(String(cString: strerror(number)))")
  }

  private static func socketPair(_ ends: inout [Int32]) -> Bool {
    #if canImport(Glibc)
      return socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    #else
      guard socketpair(AF_UNIX, SOCK_STREAM, 0, &ends) == 0 else { return false }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      var on: Int32 = 1
      setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      return true
    #endif
  }
}

extension siginfo_t {
  /// `waitid` with `WNOHANG` leaves it zero while nothing has ended.
  fileprivate var hasNoProcess: Bool {
    #if canImport(Glibc)
      _sifields._kill.si_pid == 0
    #else
      si_pid == 0
    #endif
  }
}
