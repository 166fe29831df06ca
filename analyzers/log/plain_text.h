#pragma once
// What terminals and operating systems put into a text besides the text: colours and CR LF.

#include <cstddef>
#include <string>
#include <string_view>

namespace dbaudit {

/// Offset behind the colours (`ESC [ … m`) that stand at `at`.
[[nodiscard]] size_t skip_colours(std::string_view text, size_t at);
/// The text without colours and `ESC [ K`, also one that its end cuts; `storage` holds it when there were any.
[[nodiscard]] std::string_view without_colours(std::string_view text, std::string& storage);

/// Does every line end in CR LF? A literal may hold one in a log that has plain newlines.
[[nodiscard]] bool has_dos_lines(std::string_view head);
/// The text with every CR LF made LF, in `storage` when there is one.
[[nodiscard]] std::string_view with_plain_newlines(std::string_view text, std::string& storage);

}  // namespace dbaudit
