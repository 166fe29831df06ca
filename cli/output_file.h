#pragma once
// Output that a reader never sees half of.

#include <string>

#include "analyzers/base/error.h"

namespace dbaudit {

/// Writes `text` to standard output (`-` or empty), or whole or not at all to the file at `path`: beside it under another name first, then in its place.
/// What is there and is no regular file (`/dev/null`, a pipe) is written to, never replaced.
[[nodiscard]] Result<void> write_whole(const std::string& path, const std::string& text);

}  // namespace dbaudit
