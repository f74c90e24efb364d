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
    .target(name: "Bytes", swiftSettings: strict),
    .target(name: "Compression", dependencies: ["CZstd", "Bytes"], swiftSettings: strict),
    .target(name: "ETCore", swiftSettings: strict),
    .target(name: "ETDumpFormat", dependencies: ["ETCore", "Bytes"], swiftSettings: strict),
    .target(name: "ETFormats", dependencies: ["ETCore", "Bytes", "Compression"], swiftSettings: strict),
    .testTarget(name: "ETFormatsTests", dependencies: ["ETFormats", "ETCore", "Bytes", "Compression"], swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx17
)
