// Two sessions side by side, time downward, one numbered row a step:
//
//        session A                              │  session B
//     1  ○ SELECT … FROM tag WHERE name = ?     │
//          → no row                             │
//     2                                         │  ○ SELECT … FROM tag WHERE name = ?
//                                               │    → no row
//     3  ● INSERT INTO tag (name) VALUES (?)    │
//     4                                         │  ✗ INSERT INTO tag (name) VALUES (?)
//                                               │    → a second row
//        ○ reads  ● writes  ✗ where it breaks
//
// A narrow terminal gets the same rows in one column, `A` and `B` before each. A step's text is `STATEMENT → RESULT`; the result moves to its own
// line when both do not fit on one, and a long statement is shortened in its middle, so that a row stays a few lines high.

#include "cli/report/text_interleaving.h"

#include <algorithm>
#include <string_view>

#include "analyzers/base/text.h"
#include "cli/report/layout.h"

namespace dbaudit {

namespace {

struct Glyphs {
  std::string_view mark[4];  // by StepRole
  std::string_view rule, ellipsis, arrow;
};
constexpr Glyphs kUnicode = {{" ", "○", "●", "✗"}, "│", "…", "→"};
constexpr Glyphs kAscii = {{" ", "r", "w", "X"}, "|", "...", "->"};

constexpr int kTwoColumns = 70;  // narrowest width that gets two columns
constexpr int kWidest = 132;     // lanes do not grow beyond this
constexpr int kNumber = 4;       // `12  `
constexpr int kMark = 2;         // `○ `
constexpr int kLinesOfStatement = 3;

Ink ink_of(StepRole role) {
  switch (role) {
    case StepRole::kReads: return Ink::kRead;
    case StepRole::kWrites: return Ink::kWrite;
    case StepRole::kBreaks: return Ink::kError;
    case StepRole::kNone: return Ink::kDim;
  }
  return Ink::kPlain;
}

class Drawing {
 public:
  Drawing(const ReportStyle& style, int indent)
      : glyphs_(style.ascii ? kAscii : kUnicode),
        paint_(style.color),
        ascii_(style.ascii),
        two_columns_(style.width >= kTwoColumns),
        margin_(static_cast<size_t>(indent), ' ') {
    int room = std::min(style.width, kWidest) - indent - kNumber;
    legend_width_ = room;
    lane_ = two_columns_ ? (room - kRule) / 2 : room - kName;
    lane_ = std::max(lane_, 12);
  }

  std::string draw(const std::vector<InterleavingStep>& steps) {
    if (two_columns_) row("", {"session A", Ink::kBold}, {"session B", Ink::kBold});
    bool seen[4] = {};
    int number = 0;
    for (const InterleavingStep& step : steps) {
      StepRole role = role_of(step);
      seen[static_cast<size_t>(role)] = true;
      std::vector<std::string> lines = cell(step, role);
      Ink ink = ink_of(role);
      std::string label = std::to_string(++number);
      for (const std::string& line : lines) {
        if (two_columns_) {
          row(label, {step.session == 0 ? line : "", ink}, {step.session == 0 ? "" : line, ink});
        } else {
          std::string name = label.empty() ? "" : step.session == 0 ? "A" : "B";
          out_ += margin_ + paint_(Ink::kDim, pad_right(label, kNumber)) + paint_(Ink::kBold, pad_right(name, kName)) + paint_(ink, line) +
                  "\n";
        }
        label.clear();
      }
    }
    legend(seen);
    return std::move(out_);
  }

 private:
  static constexpr int kRule = 3;  // `│  `
  static constexpr int kName = 3;  // `A  `

  struct Painted {
    std::string text;
    Ink ink;
  };

  void row(std::string_view label, const Painted& left, const Painted& right) {
    out_ += margin_ + paint_(Ink::kDim, pad_right(label, kNumber));
    out_ += paint_(left.ink, left.text);
    out_.append(static_cast<size_t>(std::max(lane_ - display_width(left.text), 0)), ' ');
    out_ += paint_(Ink::kDim, glyphs_.rule);
    if (!right.text.empty()) out_ += "  " + paint_(right.ink, right.text);
    out_ += "\n";
  }

  /// The lines of one step, mark included, each at most a lane wide (less one blank before the rule).
  std::vector<std::string> cell(const InterleavingStep& step, StepRole role) const {
    auto [statement, result] = text_of(step);
    if (ascii_) statement = to_ascii(statement), result = to_ascii(result);

    int width = lane_ - kMark - 1;
    std::string mark = std::string(glyphs_.mark[static_cast<size_t>(role)]) + " ";
    std::string all = statement;
    if (!result.empty()) all.append(" ").append(glyphs_.arrow).append(" ").append(result);
    if (display_width(all) <= width) return {mark + all};
    // Room for what wrapping wastes at the ends of lines.
    int budget = kLinesOfStatement * width - kLinesOfStatement * 6;
    std::vector<std::string> lines;
    for (std::string& line : wrap(shorten_statement(statement, std::max(budget, width), glyphs_.ellipsis), width, 2)) {
      lines.push_back((lines.empty() ? mark : "  ") + line);
    }
    if (!result.empty()) {
      std::string told = std::string(glyphs_.arrow) + " " + result;
      for (const std::string& line : wrap(told, width, display_width(glyphs_.arrow) + 1)) lines.push_back("  " + line);
    }
    return lines;
  }

  void legend(const bool (&seen)[4]) {
    static constexpr std::string_view kMeaning[] = {"", "reads", "writes", "where it breaks"};
    std::string line;
    for (StepRole role : {StepRole::kReads, StepRole::kWrites, StepRole::kBreaks}) {
      size_t i = static_cast<size_t>(role);
      if (!seen[i]) continue;
      if (!line.empty()) line += "   ";
      line.append(glyphs_.mark[i]).append(" ").append(kMeaning[i]);
    }
    if (line.empty()) return;
    for (const std::string& part : wrap(line, legend_width_)) out_ += margin_ + std::string(kNumber, ' ') + paint_(Ink::kDim, part) + "\n";
  }

  const Glyphs& glyphs_;
  Painter paint_;
  bool ascii_, two_columns_;
  std::string margin_;
  int lane_ = 0, legend_width_ = 0;
  std::string out_;
};

}  // namespace

StepRole role_of(const InterleavingStep& step) {
  if (step.breaks) return StepRole::kBreaks;
  for (std::string_view verb : {"select", "with", "values", "table "}) {
    if (istarts_with(step.text, verb)) return StepRole::kReads;
  }
  for (std::string_view verb : {"insert", "update", "delete", "replace", "merge", "upsert"}) {
    if (istarts_with(step.text, verb)) return StepRole::kWrites;
  }
  return StepRole::kNone;
}

StepText text_of(const InterleavingStep& step) {
  const std::string text = printable(step.text);
  std::string_view arrow = " → ";
  size_t at = text.find(arrow);
  if (at == std::string::npos) at = text.find(arrow = " -> ");
  if (at == std::string::npos) return {std::string(trim(text)), ""};
  return {std::string(trim(std::string_view(text).substr(0, at))), std::string(trim(std::string_view(text).substr(at + arrow.size())))};
}

std::string draw_interleaving(const std::vector<InterleavingStep>& steps, const ReportStyle& style, int indent) {
  if (steps.empty()) return "";
  return Drawing(style, indent).draw(steps);
}

}  // namespace dbaudit
