#pragma once
// Text on a terminal: how wide it is, where it breaks, what is left out, which colour it has. Input is what printable() gives: valid UTF-8
// without control bytes. Widths are terminal columns.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dbaudit {

/// Columns a terminal uses: 2 for East Asian wide characters and emoji, 0 for combining marks.
[[nodiscard]] int display_width(std::string_view text);
/// `text` with blanks up to `width`; longer text is kept.
[[nodiscard]] std::string pad_right(std::string_view text, int width);

/// Lines of at most `width` columns, broken at blanks; a word that is longer is cut. `hang` is the indent of every line but the first and counts as
/// part of the width. Runs of blanks inside a line are kept. Never empty.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, int width, int hang = 0);

/// At most `width` columns: the middle gives way to `ellipsis`, preferably where words begin.
[[nodiscard]] std::string elide_middle(std::string_view text, int width, std::string_view ellipsis);
/// A statement in at most `width` columns, for a person: the list between SELECT and FROM goes first, then the middle.
[[nodiscard]] std::string shorten_statement(std::string_view sql, int width, std::string_view ellipsis);

/// `12,345`.
[[nodiscard]] std::string with_thousands(uint64_t n);
/// `1 error`, `2 errors`, `12,345 statements`.
[[nodiscard]] std::string count_of(uint64_t n, std::string_view singular);

/// For readers whose locale is not UTF-8: arrows, dashes, quotes and ellipses in ASCII, any other character as `?`.
[[nodiscard]] std::string to_ascii(std::string_view text);

enum class Ink : uint8_t { kPlain, kBold, kDim, kError, kWarning, kNote, kRead, kWrite, kCode };

/// Puts colours on (or not). Paint last: escape sequences have no width, and the functions above do not know them.
class Painter {
 public:
  explicit Painter(bool color) : color_(color) {}
  [[nodiscard]] std::string operator()(Ink ink, std::string_view text) const;

 private:
  bool color_;
};

}  // namespace dbaudit
