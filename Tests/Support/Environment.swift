import Foundation

/// The process's environment.
public enum Environment {
  public static func value(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
}
