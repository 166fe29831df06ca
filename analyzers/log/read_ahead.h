#pragma once
// A source that reads, and decompresses, on a thread of its own while the caller works on what came before.

#include <memory>

#include "analyzers/log/source.h"

namespace dbaudit {

/// The same bytes as `source`, and its error where it has one. Reads at most two chunks of 1 MiB ahead; the thread ends with the object.
[[nodiscard]] std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> source);

}  // namespace dbaudit
