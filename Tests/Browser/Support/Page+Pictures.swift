import Bytes
import Foundation

/// A picture of a page.
public struct PNG: Sendable {
  public let bytes: [UInt8]
  /// In device pixels.
  public let width: Int
  public let height: Int

  init(_ bytes: [UInt8]) throws(BrowserError) {
    let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    guard bytes.count > 24, bytes.starts(with: signature), bytes[12..<16].elementsEqual("IHDR".utf8) else {
      throw BrowserError(.refused, "Page.captureScreenshot: not a PNG")
    }
    func number(_ place: Int) -> Int { bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
    (self.bytes, width, height) = (bytes, number(16), number(20))
  }
}

/// A page as it would be printed.
public struct PDF: Sendable {
  public let bytes: [UInt8]
  public let pageCount: Int

  init(_ bytes: [UInt8]) throws(BrowserError) {
    guard bytes.starts(with: "%PDF-".utf8) else { throw BrowserError(.refused, "Page.printToPDF: not a PDF") }
    self.bytes = bytes
    // Chromium writes its page objects uncompressed, a word to a line.
    let text = String(decoding: bytes, as: UTF8.self)
    pageCount = text.components(separatedBy: "/Type /Page\n").count - 1
  }
}

extension Page {
  /// Draws the page, or an element of it, and writes the picture to a file if one is named.
  ///
  /// - Parameters:
  ///   - selector: The element; without one, what is in view.
  ///   - wholePage: With what lies outside the view.
  @discardableResult
  public func screenshot(to path: String? = nil, of selector: String? = nil, wholePage: Bool = false) throws -> PNG {
    try settle()
    var parameters: [String: JSONValue] = [
      "format": "png", "captureBeyondViewport": .bool(wholePage || selector != nil),
    ]
    let layout = try call("Page.getLayoutMetrics")
    let (view, all) = (layout["cssVisualViewport"], layout["cssContentSize"])
    func clip(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> JSONValue {
      ["x": .number(x), "y": .number(y), "width": .number(width), "height": .number(height), "scale": 1]
    }
    if let selector {
      let box = try box(of: selector, scroll: false)
      parameters["clip"] = clip(
        box.x + (view["pageX"].number ?? 0), box.y + (view["pageY"].number ?? 0), box.width, box.height)
    } else if wholePage {
      parameters["clip"] = clip(0, 0, all["width"].number ?? 0, all["height"].number ?? 0)
    }
    let png = try PNG(decoded(call("Page.captureScreenshot", .object(parameters))))
    if let path { try Data(png.bytes).write(to: URL(fileURLWithPath: path)) }
    return png
  }

  /// Prints the page, with its print styles, on the paper its style asks for or A4, backgrounds only where the style
  /// insists on them.
  @discardableResult
  public func pdf(to path: String? = nil) throws -> PDF {
    let answer = try call(
      "Page.printToPDF", ["preferCSSPageSize": true, "paperWidth": 8.27, "paperHeight": 11.69])
    let pdf = try PDF(decoded(answer))
    if let path { try Data(pdf.bytes).write(to: URL(fileURLWithPath: path)) }
    return pdf
  }

  private func decoded(_ answer: JSONValue) throws(BrowserError) -> [UInt8] {
    guard let data = Data(base64Encoded: answer["data"].string ?? "") else {
      throw BrowserError(.refused, "not base64")
    }
    return Array(data)
  }
}
