// Markdown block by block, as cli/markdown.cpp reads it for a terminal; marks inside a block are resolved in the text before it is escaped, so that
// what the marks enclose is escaped by the same function as everything else.

#include "cli/report/html_markup.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

void escape(std::string_view printable_text, std::string& out) {
  for (char c : printable_text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
}

/// `code`, **strong**, *stress* and [links](url) of one block.
std::string inline_markup(std::string_view text) {
  std::string out;
  size_t plain = 0, i = 0;
  const auto element = [&](std::string_view name, size_t mark, size_t end) {
    out += html_text(text.substr(plain, i - plain));
    out.append("<").append(name).append(">").append(html_text(text.substr(i + mark, end - i - mark))).append("</").append(name).append(">");
    i = plain = end + mark;
  };
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    size_t end = 0;
    if (rest[0] == '`' && (end = text.find('`', i + 1)) != std::string_view::npos) {
      element("code", 1, end);
    } else if (rest.substr(0, 2) == "**" && (end = text.find("**", i + 2)) != std::string_view::npos) {
      element("strong", 2, end);
    } else if (rest[0] == '*' && rest.size() > 1 && rest[1] != ' ' && rest[1] != '*' &&
               (end = text.find('*', i + 1)) != std::string_view::npos && text[end - 1] != ' ' && text.substr(end, 2) != "**") {
      element("em", 1, end);
    } else if (const size_t close = rest[0] == '[' ? text.find("](", i) : std::string_view::npos;
               close != std::string_view::npos && (end = text.find(')', close)) != std::string_view::npos) {
      const std::string_view title = text.substr(i + 1, close - i - 1), url = text.substr(close + 2, end - close - 2);
      out += html_text(text.substr(plain, i - plain));
      if (istarts_with(url, "https://")) {
        out += "<a href=\"" + html_text(url) + "\" rel=\"noreferrer\">" + html_text(title) + "</a>";
      } else {
        out += html_text(title);
      }
      i = plain = end + 1;
    } else {
      ++i;
    }
  }
  return out + html_text(text.substr(plain));
}

class MarkdownPage {
 public:
  std::string render(std::string_view page) {
    bool code = false;
    for (std::string_view line : split(page, '\n')) {
      if (istarts_with(trim(line), "```")) {
        if (!code) {
          flush();
          if (line.front() != ' ') open_list("");  // an indented one belongs to its list item
        } else {
          end_code();
        }
        code = !code;
      } else if (code) {
        code_ += std::string(line) + "\n";
      } else if (line.empty() || trim(line).empty()) {
        flush();
      } else if (line.front() == '#') {
        heading(line);
      } else if (line.front() == '|') {
        if (table_.empty()) flush();
        table_.push_back(cells(line));
      } else if (line.substr(0, 4) == "    " && block_.empty()) {
        code_ += std::string(line.substr(4)) + "\n";
      } else if (const ListMarker marker = list_marker(line); marker.bytes > 0) {
        flush();
        open_list(marker.is_numbered ? "ol" : "ul");
        open_item();
        block_ = line.substr(marker.bytes);
      } else {
        if (!table_.empty() || !code_.empty()) flush();
        if (!block_.empty()) block_ += ' ';
        block_ += trim(line);
      }
    }
    flush();
    open_list("");
    return std::move(out_);
  }

 private:
  struct ListMarker {
    size_t bytes = 0;
    bool is_numbered = false;
  };

  static ListMarker list_marker(std::string_view line) {
    const size_t at = std::min(line.find_first_not_of(' '), line.size());
    if ((line.substr(at, 2) == "- " || line.substr(at, 2) == "* ")) return {at + 2, false};
    size_t digits = at;
    while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) ++digits;
    if (digits > at && line.substr(digits, 2) == ". ") return {digits + 2, true};
    return {};
  }

  static std::vector<std::string> cells(std::string_view line) {
    std::vector<std::string> row;
    const std::vector<std::string_view> parts = split(trim(line), '|');
    // What stands before the first bar and after the last is no cell.
    for (size_t i = 1; i < parts.size(); ++i) {
      if (i + 1 < parts.size() || !trim(parts[i]).empty()) row.push_back(inline_markup(trim(parts[i])));
    }
    return row;
  }

  void heading(std::string_view line) {
    flush();
    open_list("");
    const size_t level = line.find_first_not_of('#');
    if (level == std::string_view::npos || level == 1) return;  // the title stands above the page
    out_ += "<h4>" + inline_markup(trim(line.substr(level))) + "</h4>\n";
  }

  void end_code() {
    if (code_.empty()) return;
    out_ += "<pre>" + html_code(code_) + "</pre>\n";
    code_.clear();
  }

  /// Ends whatever block is being read.
  void flush() {
    if (!block_.empty()) {
      if (!begins_item_) open_list("");
      out_ += begins_item_ ? inline_markup(block_) + "\n" : "<p>" + inline_markup(block_) + "</p>\n";
      block_.clear();
      begins_item_ = false;
    }
    if (!code_.empty()) {
      open_list("");
      end_code();
    }
    if (!table_.empty()) {
      open_list("");
      draw_table();
    }
  }

  void open_item() {
    if (has_item_) out_ += "</li>\n";
    out_ += "<li>";
    has_item_ = begins_item_ = true;
  }

  /// Makes `name` the list that is open: `ul`, `ol` or none.
  void open_list(std::string_view name) {
    if (list_ == name) return;
    if (has_item_) out_ += "</li>\n";
    has_item_ = false;
    if (!list_.empty()) out_ += "</" + list_ + ">\n";
    list_ = name;
    if (!list_.empty()) out_ += "<" + list_ + ">\n";
  }

  void draw_table() {
    out_ += "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Table\"><table>\n";
    for (size_t row = 0; row < table_.size(); ++row) {
      if (row == 1 && !table_[1].empty() && table_[1][0].find_first_not_of("-: ") == std::string::npos) continue;
      out_ += "<tr>";
      for (const std::string& cell : table_[row]) out_ += row == 0 ? "<th scope=\"col\">" + cell + "</th>" : "<td>" + cell + "</td>";
      out_ += "</tr>\n";
    }
    out_ += "</table></div>\n";
    table_.clear();
  }

  std::vector<std::vector<std::string>> table_;  // rows of cells, already markup
  std::string block_, code_, list_, out_;
  bool has_item_ = false;     // an <li> is open
  bool begins_item_ = false;  // block_ is its text
};

}  // namespace

std::string html_text(std::string_view text) {
  const std::string shown = printable(text);
  std::string out;
  out.reserve(shown.size() + shown.size() / 8);
  escape(shown, out);
  return out;
}

std::string html_code(std::string_view text) {
  std::string out;
  for (std::string_view line : split(text, '\n')) {
    std::string expanded;
    for (char c : line) c == '\t' ? expanded.append("    ") : expanded.append(1, c);
    while (!expanded.empty() && (expanded.back() == '\r' || expanded.back() == ' ')) expanded.pop_back();
    escape(printable(expanded), out);
    out += '\n';
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string html_from_markdown(std::string_view page) { return MarkdownPage().render(page); }

}  // namespace dbaudit
