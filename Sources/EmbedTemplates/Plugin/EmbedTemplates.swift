import Foundation
import PackagePlugin

/// Turns the files of `Templates/` into Swift strings: an installation is one file.
@main
struct EmbedTemplates: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let folder = context.package.directoryURL.appending(path: "Templates")
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path()).sorted()
      .map { folder.appending(path: $0) }
      .filter { !$0.lastPathComponent.hasPrefix(".") && !$0.pathExtension.isEmpty }
    let output = context.pluginWorkDirectoryURL.appending(path: "Templates.swift")
    return [
      .buildCommand(
        displayName: "Embedding Templates", executable: try context.tool(named: "embed-templates").url,
        arguments: [output.path(), folder.path()] + files.map { $0.path() }, inputFiles: files, outputFiles: [output])
    ]
  }
}
