import Bytes

/// NumPy's archive of arrays: a zip of npy files, stored (`numpy.savez`) or deflated (`numpy.savez_compressed`).
enum NPZ {
  static func archive(_ contents: FileContents) throws(ReadError) -> ZipArchive {
    let magic = Array("PK".utf8)
    guard contents.bytes.prefix(2).elementsEqual(magic) else {
      throw ReadError(.notThisFormat, at: 0, "not an npz file: it is no zip archive")
    }
    return try ZipArchive(reading: contents)
  }

  /// The arrays in the archive's order, which is the order in which NumPy was given them.
  ///
  /// - Parameter member: The name of the one array to read; nil for all.
  static func read(_ contents: FileContents, member: String?) throws(ReadError) -> [NamedTensor] {
    let archive = try archive(contents)
    var names: Set<String> = []
    var tensors: [NamedTensor] = []
    // What deflate can make of the whole file, so that entries cannot share bytes to become more.
    var room = min(4 << 30, contents.count.checkedProduct(1032) ?? .max)
    var storedRoom = contents.count
    for entry in archive.entries {
      guard entry.name.hasSuffix(".npy") else {
        throw ReadError(.malformed, at: entry.headerOffset, "the entry '\(entry.name)' of an npz file is no .npy")
      }
      let name = String(entry.name.dropLast(4))
      guard names.insert(name).inserted else {
        throw ReadError(.malformed, at: entry.headerOffset, "the npz file has two arrays '\(name)'")
      }
      if let member, member != name { continue }
      let (bytes, range) = try archive.contents(of: entry, limit: room)
      if entry.method != 0 {
        room -= entry.size
      } else {
        guard range.count <= storedRoom else {
          throw ReadError(.limit, at: entry.headerOffset, "the npz file's arrays lie on one another")
        }
        storedRoom -= range.count
      }
      do {
        tensors.append(NamedTensor(name: name, tensor: try NPY.read(bytes, in: range)))
      } catch {
        // Places count in the array's own file, compressed or not.
        throw ReadError(error.code, at: error.offset.map { $0 - range.lowerBound }, error.detail).inside(entry.name)
      }
    }
    return tensors
  }
}
