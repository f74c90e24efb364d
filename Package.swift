// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

// Left to right: a module may import what stands above it, and declares it here.
let package = Package(
  name: "ettools",
  platforms: [.macOS(.v15), .iOS(.v18)],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    // The official FlatBuffers library (header-only): strict verification, and the oracle of the tests.
    .target(name: "CFlatBuffers", exclude: ["schema"]),
    .target(name: "Bytes", swiftSettings: strict),
    .target(name: "Compression", dependencies: ["CZstd", "Bytes"], swiftSettings: strict),
    .target(name: "ETCore", swiftSettings: strict),
    .target(name: "ETDumpFormat", dependencies: ["ETCore", "Bytes"], swiftSettings: strict),
    .target(name: "Statistics", swiftSettings: strict),
    .target(name: "ETFormats", dependencies: ["ETCore", "Bytes", "Compression"], swiftSettings: strict),
    .target(
      name: "TraceModel", dependencies: ["ETCore", "ETDumpFormat", "ETFormats", "Bytes", "Statistics"], swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["Bytes", "CFlatBuffers", "Compression", "ETCore", "ETDumpFormat"],
      path: "Tests/Support", swiftSettings: strict),
    .testTarget(name: "CFlatBuffersTests", dependencies: ["CFlatBuffers", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ETDumpFormatTests", dependencies: ["Bytes", "CFlatBuffers", "ETCore", "ETDumpFormat", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "ETFormatsTests", dependencies: ["Bytes", "CFlatBuffers", "ETCore", "ETFormats", "TestSupport"],
      exclude: ["Files"], swiftSettings: strict),
    .testTarget(
      name: "TraceModelTests",
      dependencies: ["Bytes", "ETCore", "ETDumpFormat", "ETFormats", "TestSupport", "TraceModel"], swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx17
)
