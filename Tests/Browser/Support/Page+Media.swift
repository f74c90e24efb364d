import Synchronization

/// What media queries see.
public struct PageMedia: Sendable {
  public enum ColorScheme: String, Sendable { case light, dark }
  public enum Kind: String, Sendable { case screen, print }
  public enum Contrast: String, Sendable {
    case more, less, custom
    case any = "no-preference"
  }

  public var kind = Kind.screen
  public var colorScheme = ColorScheme.light
  public var reducedMotion = false
  /// The user's own few colours, as with Windows' high contrast.
  public var forcedColors = false
  public var contrast = Contrast.any

  public init(colorScheme: ColorScheme = .light, reducedMotion: Bool = false) {
    (self.colorScheme, self.reducedMotion) = (colorScheme, reducedMotion)
  }
}

extension Page {
  /// Changes what media queries see, and leaves what `change` does not name.
  public func emulateMedia(_ change: (inout PageMedia) -> Void) throws(BrowserError) {
    state.withLock { change(&$0.media) }
    try applyMedia()
  }

  func applyMedia() throws(BrowserError) {
    let media = state.withLock { $0.media }
    func feature(_ name: String, _ value: String) -> JSONValue { ["name": .string(name), "value": .string(value)] }
    try call(
      "Emulation.setEmulatedMedia",
      [
        "media": .string(media.kind.rawValue),
        "features": [
          feature("prefers-color-scheme", media.colorScheme.rawValue),
          feature("prefers-reduced-motion", media.reducedMotion ? "reduce" : "no-preference"),
          feature("forced-colors", media.forcedColors ? "active" : "none"),
          feature("prefers-contrast", media.contrast.rawValue),
        ],
      ])
  }

  /// Gives the page another size, in CSS pixels; `scale` is device pixels to one of them.
  public func resize(width: Int, height: Int, scale: Double = 1) throws(BrowserError) {
    try call(
      "Emulation.setDeviceMetricsOverride",
      [
        "width": .number(Double(width)), "height": .number(Double(height)), "deviceScaleFactor": .number(scale),
        "mobile": false,
      ])
  }
}
