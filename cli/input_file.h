#pragma once
// Small files of ours that somebody else may have written: reports to compare, baselines.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analyzers/base/error.h"

namespace dbaudit {

/// The whole file (`-`: standard input). Errors: unreadable, larger than `most` bytes.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, size_t most);

/// 16 hexadecimal digits, as hex64() writes them.
[[nodiscard]] std::optional<uint64_t> parse_hex64(std::string_view text);

}  // namespace dbaudit
