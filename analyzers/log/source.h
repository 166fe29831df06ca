#pragma once
// Where log bytes come from: a file, standard input, a decompressor over either. Chunked reads, never mmap: a log that is
// truncated while it is read must not raise SIGBUS.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analyzers/base/error.h"

namespace dbaudit {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads up to `size` bytes; 0 at the end. An error ends the source.
  virtual Result<size_t> read(char* buffer, size_t size) = 0;
};

/// A file as it was at one moment, to tell afterwards whether it changed while it was read.
struct FileState {
  std::string path;
  uint64_t device = 0, inode = 0, size = 0;  ///< size in bytes
  bool is_regular = false;                   ///< false: a pipe, a device, or not there; nothing is said of those
};
[[nodiscard]] FileState file_state(const std::string& path);
/// One sentence when the file grew, shrank or went since `before`; empty when it is as it was.
[[nodiscard]] std::string what_changed(const FileState& before);

/// Opens a file (`-` is standard input). A regular file is read to the size it has now: one that is written to meanwhile comes to an end all the
/// same, and one that shrinks ends where it ends. gzip, bzip2 and zstd are recognised by their magic bytes, whatever the name.
/// Errors: missing, unreadable, a directory, a damaged compressed stream.
Result<std::unique_ptr<ByteSource>> open_source(const std::string& path);

/// Expands directories into the files in them and patterns (`*?[]`) that name no file into those they match. Rotated files of one log are put oldest
/// first; otherwise the order is that of `paths`. Errors: a path that does not exist, a directory or pattern without logs.
Result<std::vector<std::string>> expand_paths(const std::vector<std::string>& paths);

/// Decompresses `input` when its first bytes say gzip, bzip2 or zstd; else gives its bytes as they are. `name` is for errors.
Result<std::unique_ptr<ByteSource>> decompressed(std::unique_ptr<ByteSource> input, const std::string& name);

/// A source over bytes in memory (tests, detection, samples).
std::unique_ptr<ByteSource> memory_source(std::string bytes);

}  // namespace dbaudit
