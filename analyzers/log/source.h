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

/// Opens a file (`-` is standard input). gzip, bzip2 and zstd are recognised by their magic bytes, whatever the name.
/// Errors: missing, unreadable, a directory, a damaged compressed stream.
Result<std::unique_ptr<ByteSource>> open_source(const std::string& path);

/// Expands directories into the files in them, rotated files of one server oldest first; other paths are kept as they are.
/// Errors: a path that does not exist.
Result<std::vector<std::string>> expand_paths(const std::vector<std::string>& paths);

/// Decompresses `input` when its first bytes say gzip, bzip2 or zstd; else gives its bytes as they are. `name` is for errors.
Result<std::unique_ptr<ByteSource>> decompressed(std::unique_ptr<ByteSource> input, const std::string& name);

/// A source over bytes in memory (tests, detection, samples).
std::unique_ptr<ByteSource> memory_source(std::string bytes);

}  // namespace dbaudit
