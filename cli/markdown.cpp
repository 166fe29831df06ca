// Block by block: a line tells what its block is; prose lines of one block are joined and wrapped again. Inline marks are resolved after wrapping,
// from their own bytes, so that what wraps is what is seen: `code` and **strong** are first replaced by the text between two control bytes that have
// no width and cannot be in a page.

#include "cli/markdown.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "analyzers/base/text.h"
#include "cli/report/layout.h"

namespace dbaudit {

namespace {

constexpr int kProseWidth = 100;
// No blank may be inside a marked run while it wraps, else a colour would span two lines: blanks in marks travel as this byte.
constexpr char kCodeOn = '\x01', kStrongOn = '\x02', kOff = '\x03', kBlank = '\x04';

class Renderer {
 public:
  explicit Renderer(const ReportStyle& style) : style_(style), paint_(style.color), width_(std::clamp(style.width, 40, kProseWidth)) {}

  std::string render(std::string_view page) {
    bool code = false;
    for (std::string_view line : split(page, '\n')) {
      if (!code && !table_.empty() && (line.empty() || line.front() != '|')) draw_table();
      if (istarts_with(trim(line), "```")) {
        flush();
        code = !code;
      } else if (code) {
        verbatim(line);
      } else if (trim(line).empty()) {
        flush();
        gap();
      } else if (line.front() == '#') {
        flush();
        heading(line);
      } else if (line.front() == '|') {
        if (table_.empty()) flush();
        table_row(line);
      } else if (line.substr(0, 4) == "    " && block_.empty()) {
        verbatim(line.substr(4));
      } else if (size_t marker = list_marker(line); marker > 0) {
        flush();
        hang_ = static_cast<int>(marker);
        block_ = line;
      } else {
        if (!block_.empty()) block_ += ' ';
        block_ += trim(line);
      }
    }
    flush();
    draw_table();
    while (out_.size() > 1 && out_[out_.size() - 2] == '\n') out_.pop_back();
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string plain(std::string_view text) const { return style_.ascii ? to_ascii(text) : std::string(text); }

  void gap() {
    if (!out_.empty() && (out_.size() < 2 || out_.substr(out_.size() - 2) != "\n\n")) out_ += '\n';
  }

  void heading(std::string_view line) {
    size_t level = line.find_first_not_of('#');
    if (level == std::string_view::npos) return;
    gap();
    out_ += paint_(Ink::kBold, plain(printable(trim(line.substr(level))))) + "\n";
  }

  void verbatim(std::string_view line) {
    std::string text = plain(printable(line));
    out_ += text.empty() ? "\n" : "    " + paint_(Ink::kCode, text) + "\n";
  }

  void table_row(std::string_view line) {
    std::vector<std::string> cells;
    std::vector<std::string_view> parts = split(trim(line), '|');
    // What stands before the first bar and after the last is no cell.
    for (size_t i = 1; i < parts.size(); ++i) {
      if (i + 1 < parts.size() || !trim(parts[i]).empty()) cells.push_back(mark(plain(printable(trim(parts[i])))));
    }
    table_.push_back(std::move(cells));
  }

  /// Columns aligned, the first row as the header; the row of dashes after it is not shown.
  void draw_table() {
    std::vector<int> widths;
    auto is_dashes = [&](size_t row) {
      return row == 1 && !table_[1].empty() && table_[1][0].find_first_not_of("-: ") == std::string::npos;
    };
    for (size_t row = 0; row < table_.size(); ++row) {
      if (is_dashes(row)) continue;
      for (size_t i = 0; i < table_[row].size(); ++i) {
        if (i == widths.size()) widths.push_back(0);
        widths[i] = std::max(widths[i], seen_width(table_[row][i]));
      }
    }
    for (size_t row = 0; row < table_.size(); ++row) {
      if (is_dashes(row)) continue;
      std::string line;
      for (size_t i = 0; i < table_[row].size(); ++i) {
        std::string cell = unmark(table_[row][i]);
        if (i + 1 < table_[row].size()) cell.append(static_cast<size_t>(widths[i] - seen_width(table_[row][i]) + 2), ' ');
        line += row == 0 ? paint_(Ink::kBold, cell) : cell;
      }
      out_ += "    " + line + "\n";
    }
    table_.clear();
  }

  /// Bytes of `- ` or `12. ` at the line's start, indent included; 0 when it starts no list item.
  static size_t list_marker(std::string_view line) {
    size_t at = line.find_first_not_of(' ');
    if (at == std::string_view::npos) return 0;
    if ((line[at] == '-' || line[at] == '*') && at + 1 < line.size() && line[at + 1] == ' ') return at + 2;
    size_t digits = at;
    while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) ++digits;
    bool numbered = digits > at && digits + 1 < line.size() && line[digits] == '.' && line[digits + 1] == ' ';
    return numbered ? digits + 2 : 0;
  }

  /// The text with inline marks turned into control bytes.
  static std::string mark(std::string_view text) {
    std::string marked;
    auto run = [&](char on, std::string_view inner) {
      marked += on;
      for (char c : inner) marked += c == ' ' ? kBlank : c;
      marked += kOff;
    };
    for (size_t i = 0; i < text.size();) {
      std::string_view rest = text.substr(i);
      size_t end = std::string_view::npos;
      if (rest[0] == '`' && (end = rest.find('`', 1)) != std::string_view::npos && end > 1) {
        run(kCodeOn, rest.substr(1, end - 1));
        i += end + 1;
      } else if (istarts_with(rest, "**") && (end = rest.find("**", 2)) != std::string_view::npos && end > 2) {
        run(kStrongOn, rest.substr(2, end - 2));
        i += end + 2;
      } else if (rest[0] == '*' && rest.size() > 2 && rest[1] != ' ' && rest[1] != '*' &&
                 (end = rest.find('*', 1)) != std::string_view::npos && rest[end - 1] != ' ' && rest.substr(end, 2) != "**") {
        run(kStrongOn, rest.substr(1, end - 1));
        i += end + 1;
      } else if (size_t close = rest[0] == '[' ? rest.find("](") : std::string_view::npos;
                 close != std::string_view::npos && (end = rest.find(')', close)) != std::string_view::npos) {
        std::string_view title = rest.substr(1, close - 1), url = rest.substr(close + 2, end - close - 2);
        marked.append(title);
        if (url != title) marked.append(" (").append(url).append(")");
        i += end + 1;
      } else {
        marked += rest[0];
        ++i;
      }
    }
    return marked;
  }

  /// Control bytes to colours; without colours code keeps its backticks, since `key` and key may differ in meaning.
  [[nodiscard]] std::string unmark(std::string_view line) const {
    std::string shown, run;
    Ink ink = Ink::kPlain;
    for (char c : line) {
      if (c == kCodeOn || c == kStrongOn) {
        ink = c == kCodeOn ? Ink::kCode : Ink::kBold;
      } else if (c == kOff) {
        if (ink == Ink::kCode && !style_.color) run = "`" + run + "`";
        shown += paint_(ink, run);
        run.clear();
        ink = Ink::kPlain;
      } else {
        (ink == Ink::kPlain ? shown : run) += c == kBlank ? ' ' : c;
      }
    }
    return shown + run;
  }

  void flush() {
    if (block_.empty()) return;
    std::string text = mark(plain(printable(block_)));
    for (const std::string& line : wrap_marked(text)) out_ += unmark(line) + "\n";
    block_.clear();
    hang_ = 0;
  }

  /// wrap() of layout.h with words that hold marks measured as they will be seen.
  [[nodiscard]] std::vector<std::string> wrap_marked(const std::string& text) const {
    std::vector<std::string> lines;
    std::string line = std::string(text, 0, std::min(text.find_first_not_of(' '), text.size()));
    bool empty = true;
    for (std::string_view word : split(text, ' ')) {
      if (word.empty()) continue;
      if (!empty && seen_width(line) + 1 + seen_width(word) > width_) {
        lines.push_back(std::move(line));
        line = std::string(static_cast<size_t>(hang_), ' ');
        empty = true;
      }
      if (!empty) line += ' ';
      line += word;
      empty = false;
    }
    lines.push_back(std::move(line));
    return lines;
  }

  [[nodiscard]] int seen_width(std::string_view marked) const {
    int width = display_width(marked);
    for (char c : marked) {
      if (c == kStrongOn || c == kOff || c == kCodeOn) --width;
      if (c == kCodeOn && !style_.color) width += 2;
    }
    return width;
  }

  const ReportStyle& style_;
  Painter paint_;
  int width_;
  int hang_ = 0;
  std::vector<std::vector<std::string>> table_;  // rows of marked cells
  std::string block_, out_;
};

}  // namespace

std::string render_markdown(std::string_view page, const ReportStyle& style) { return Renderer(style).render(page); }

}  // namespace dbaudit
