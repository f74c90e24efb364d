/// What a version of XNNPACK does to a graph before it runs it, as far as it shows in a trace.
struct XNNPACKOptions: OptionSet {
  let rawValue: Int

  /// Does not move a dequantisation into the matrix product behind it.
  static let keepsDequantizedProducts = XNNPACKOptions(rawValue: 1 << 0)
  /// Has no pass over common subgraphs.
  static let keepsCommonSubgraphs = XNNPACKOptions(rawValue: 1 << 1)
  /// Folds clamps while it fuses neighbours.
  static let foldsClampsEarly = XNNPACKOptions(rawValue: 1 << 2)
  /// Makes no lookup tables.
  static let hasNoLookupTables = XNNPACKOptions(rawValue: 1 << 3)
  /// Quantises dynamically in a kernel of its own.
  static let keepsDynamicQuantization = XNNPACKOptions(rawValue: 1 << 4)
  /// Does not turn 1×1 convolutions into matrix products.
  static let keepsPointwiseConvolutions = XNNPACKOptions(rawValue: 1 << 5)
  /// Names elementwise operators alike, whatever they compute.
  static let hasGenericNames = XNNPACKOptions(rawValue: 1 << 6)
  /// Fuses nothing.
  static let fusesNothing = XNNPACKOptions(rawValue: 1 << 7)

  /// XNNPACK as ExecuTorch has pinned it, the newest first, then what a build can switch off. The first one is measured on
  /// real traces; the others are read from the sources of their time.
  static let versions: [(name: String, options: XNNPACKOptions)] = [
    ("XNNPACK of May 2026", []),
    ("XNNPACK of March 2026", .keepsDequantizedProducts),
    ("XNNPACK of August 2025", [.keepsCommonSubgraphs, .keepsDequantizedProducts, .foldsClampsEarly]),
    (
      "XNNPACK of June 2025",
      [.keepsCommonSubgraphs, .keepsDequantizedProducts, .foldsClampsEarly, .hasNoLookupTables]
    ),
    (
      "XNNPACK of early 2025",
      [
        .keepsCommonSubgraphs, .keepsDequantizedProducts, .foldsClampsEarly, .hasNoLookupTables,
        .keepsDynamicQuantization,
      ]
    ),
    (
      "XNNPACK of November 2024",
      [
        .keepsCommonSubgraphs, .keepsDequantizedProducts, .foldsClampsEarly, .hasNoLookupTables,
        .keepsDynamicQuantization, .keepsPointwiseConvolutions, .hasGenericNames,
      ]
    ),
    ("XNNPACK without lookup tables", .hasNoLookupTables),
    ("XNNPACK without inlined quantisation", .keepsDynamicQuantization),
    ("XNNPACK without fusion", [.fusesNothing, .keepsCommonSubgraphs]),
  ]
}
