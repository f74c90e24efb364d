// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

// In the order of DESIGN's stages: a module may import what it declares here, and nothing to its right.
let package = Package(
  name: "ettools",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .executable(name: "ettools", targets: ["ettools"]),
    // The same program by a tool's name, for `swift run etdump`.
    .executable(name: "etdump", targets: ["ettools"]),
    .executable(name: "etrun", targets: ["ettools"]),
    // Run programs, or record what a runtime of your own does, in an app.
    .library(name: "ETRuntime", targets: ["ETRuntime", "ETKernels", "ETFormats", "ETCore", "Bytes"]),
    .library(name: "ETTracing", targets: ["ETTracing"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    // libflatbuffers-dev is headers alone, in the compiler's search path.
    .target(name: "CFlatBuffers", exclude: ["schema"]),
    .target(name: "Bytes", swiftSettings: strict),
    .target(name: "Compression", dependencies: ["CZstd", "Bytes"], swiftSettings: strict),
    .target(name: "Statistics", swiftSettings: strict),
    .target(name: "ETCore", swiftSettings: strict),
    .target(name: "ETDumpFormat", dependencies: ["ETCore", "Bytes"], swiftSettings: strict),
    .target(name: "CClock"),
    .target(name: "ETTracing", dependencies: ["ETCore", "ETDumpFormat", "Bytes", "CClock"], swiftSettings: strict),
    .target(name: "ETFormats", dependencies: ["ETCore", "Bytes", "Compression"], swiftSettings: strict),
    .target(name: "TensorFiles", dependencies: ["ETCore", "Bytes"], swiftSettings: strict),
    .target(name: "ETKernels", dependencies: ["ETCore"], swiftSettings: strict),
    .target(
      name: "ETRuntime", dependencies: ["ETCore", "ETFormats", "ETKernels", "ETTracing"], swiftSettings: strict),
    .target(
      name: "TraceModel", dependencies: ["ETCore", "ETDumpFormat", "ETFormats", "Bytes", "Statistics"],
      swiftSettings: strict),
    .target(
      name: "Analysis", dependencies: ["TraceModel", "ETFormats", "ETDumpFormat", "ETCore", "Bytes", "Statistics"],
      swiftSettings: strict),
    .executableTarget(name: "embed-templates", path: "Sources/EmbedTemplates/Tool"),
    .plugin(
      name: "EmbedTemplates", capability: .buildTool(), dependencies: ["embed-templates"],
      path: "Sources/EmbedTemplates/Plugin"),
    .target(
      name: "Presentation", dependencies: ["Bytes"], swiftSettings: strict, plugins: [.plugin(name: "EmbedTemplates")]),
    .target(
      name: "TraceExport",
      dependencies: [
        "CSQLite", "CZlib", "TraceModel", "Analysis", "Presentation", "ETFormats", "ETDumpFormat", "ETCore", "Bytes",
      ], swiftSettings: strict),
    .target(
      name: "Commands",
      dependencies: [
        "TraceExport", "Analysis", "TraceModel", "ETRuntime", "ETKernels", "ETTracing", "TensorFiles", "Presentation",
        "Statistics",
        "ETFormats", "ETDumpFormat", "ETCore", "Compression", "Bytes", "CFlatBuffers",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "ettools",
      dependencies: [
        "Commands", "Analysis", "Bytes", "ETCore", "TraceExport", "TraceModel",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .executableTarget(
      name: "BenchInputs", dependencies: ["Bytes", "Compression", "ETDumpFormat"], path: "Tests/Bench/Inputs"),
    .target(
      name: "TestSupport", dependencies: ["Bytes", "CFlatBuffers", "Compression", "ETCore", "ETDumpFormat"],
      path: "Tests/Support", swiftSettings: strict),
    // Drives a headless Chromium; what needs one is skipped where there is none.
    .target(
      name: "BrowserSupport", dependencies: ["Bytes", "TestSupport"], path: "Tests/Browser/Support",
      swiftSettings: strict),
    .testTarget(
      name: "BrowserTests", dependencies: ["BrowserSupport", "TestSupport"], path: "Tests/Browser/Tests",
      swiftSettings: strict),
    // One-operator programs with the official runtime's answers, and a tool that runs a choice of them.
    .target(
      name: "OperatorCorpus", dependencies: ["Bytes", "Compression", "ETCore", "ETFormats", "ETKernels", "ETRuntime"],
      path: "Tests/OperatorCorpus/Support", swiftSettings: strict),
    .executableTarget(
      name: "corpus", dependencies: ["Bytes", "ETFormats", "ETKernels", "ETRuntime", "OperatorCorpus"],
      path: "Tests/OperatorCorpus/Tool"),
    .testTarget(
      name: "OperatorCorpusTests", dependencies: ["Bytes", "ETCore", "ETKernels", "OperatorCorpus", "TestSupport"],
      path: "Tests/OperatorCorpus/Tests", swiftSettings: strict),
    .testTarget(name: "ETKernelsTests", dependencies: ["ETCore", "ETKernels", "TestSupport"], swiftSettings: strict),
    .target(name: "CAllocations", path: "Tests/Bench/CAllocations"),
    .executableTarget(
      name: "AllocationCount", dependencies: ["CAllocations", "ETFormats", "ETKernels", "ETRuntime", "ETTracing"],
      path: "Tests/Bench/Allocations", swiftSettings: strict),
    .testTarget(
      name: "ETRuntimeTests",
      dependencies: [
        "Bytes", "ETCore", "ETDumpFormat", "ETFormats", "ETKernels", "ETRuntime", "ETTracing", "OperatorCorpus",
        "TestSupport",
      ], swiftSettings: strict),
    .testTarget(name: "CFlatBuffersTests", dependencies: ["CFlatBuffers", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "BytesTests", dependencies: ["Bytes", "CFlatBuffers", "TestSupport"], swiftSettings: strict),
    .testTarget(name: "ETCoreTests", dependencies: ["ETCore"], swiftSettings: strict),
    .testTarget(
      name: "CompressionTests", dependencies: ["Bytes", "Compression", "CZstd", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ETDumpFormatTests", dependencies: ["Bytes", "CFlatBuffers", "ETCore", "ETDumpFormat", "TestSupport"],
      swiftSettings: strict),
    .executableTarget(
      name: "TracerBench", dependencies: ["ETTracing", "ETDumpFormat"], path: "Tests/Bench/Tracer",
      swiftSettings: strict),
    .executableTarget(
      name: "TracerStream", dependencies: ["ETCore", "ETTracing"], path: "Tests/Stream", swiftSettings: strict),
    .testTarget(
      name: "ETTracingTests",
      dependencies: [
        "TracerStream", "Analysis", "Bytes", "CFlatBuffers", "Commands", "ETCore", "ETDumpFormat", "ETTracing",
        "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ETFormatsTests", dependencies: ["Bytes", "CFlatBuffers", "ETCore", "ETFormats", "TestSupport"],
      exclude: ["Files"], swiftSettings: strict),
    .testTarget(
      name: "TensorFilesTests", dependencies: ["Bytes", "ETCore", "Statistics", "TensorFiles", "TestSupport"],
      exclude: ["Files"], swiftSettings: strict),
    .testTarget(
      name: "TraceModelTests",
      dependencies: ["Bytes", "ETCore", "ETDumpFormat", "ETFormats", "TestSupport", "TraceModel"], swiftSettings: strict
    ),
    .testTarget(
      name: "CommandsTests",
      dependencies: [
        "ettools", "Analysis", "Bytes", "Commands", "ETCore", "ETDumpFormat", "ETFormats", "TensorFiles",
        "TestSupport", "TraceModel",
      ], swiftSettings: strict),
    .testTarget(
      name: "TraceExportTests",
      dependencies: [
        "CSQLite", "CZlib", "Analysis", "Bytes", "ETCore", "ETDumpFormat", "ETFormats", "TestSupport", "TraceExport",
        "TraceModel",
      ], swiftSettings: strict),
    .testTarget(
      name: "FlameTests",
      dependencies: [
        "BrowserSupport", "Bytes", "Commands", "ETDumpFormat", "Presentation", "TestSupport", "TraceModel",
      ], swiftSettings: strict),
    .testTarget(
      name: "DiffTests",
      dependencies: [
        "Analysis", "Bytes", "Commands", "ETCore", "ETDumpFormat", "ETFormats", "Statistics", "TestSupport",
        "TraceModel",
      ], swiftSettings: strict),
    .testTarget(
      name: "InspectTests",
      dependencies: [
        "Analysis", "Bytes", "Commands", "ETCore", "ETDumpFormat", "ETFormats", "Statistics", "TestSupport",
        "TraceModel",
      ], swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx17
)
