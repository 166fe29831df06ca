// The report a person reads first. One block a finding, in the order the questions come: what is wrong and where, what happens to the data, which
// statements, how two sessions meet, why the engine lets them, what this log shows of it, what to do, and how to say "not here". The last line of
// all is the summary.
//
// Everything that comes from a log, a schema or a database goes through printable(): no byte of it reaches the terminal as a command.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/lexer.h"
#include "cli/report/layout.h"
#include "cli/report/report.h"
#include "cli/report/text.h"
#include "cli/report/text_interleaving.h"

namespace dbaudit {

namespace {

constexpr int kProseWidth = 100;       // prose gets no wider, however wide the terminal is
constexpr int kNarrowest = 40;         // below this nothing is readable; lines just overflow
constexpr int kStatementColumns = 48;  // less than this beside its place, and a statement gets a line of its own
constexpr int kPlaceColumn = 32;       // a longer `file:line` puts its statement on a line of its own

std::string duration_text(double ms) {
  if (ms >= 60'000) return fmt::format("{:.1f} min", ms / 60'000);
  if (ms >= 1000) return fmt::format("{:.1f} s", ms / 1000);
  return ms >= 100 ? fmt::format("{:.0f} ms", ms) : ms >= 0.1 ? fmt::format("{:.1f} ms", ms) : fmt::format("{:.3f} ms", ms);
}

class TextReport {
 public:
  TextReport(const Report& report, const ReportStyle& style)
      : report_(report),
        style_(style),
        paint_(style.color),
        width_(std::max(style.width, kNarrowest)),
        prose_(std::min(width_, kProseWidth)) {}

  std::string one(const Finding& f) {
    finding(f);
    while (out_.size() > 1 && out_[out_.size() - 2] == '\n') out_.pop_back();
    return std::move(out_);
  }

  void write(const ReportSink& sink) {
    for (const Finding& f : report_.findings) {
      finding(f);
      sink(out_);
      out_.clear();
    }
    coverage();
    summary();
    sink(out_);
  }

 private:
  // --- Pieces -----------------------------------------------------------------------------------------------------------------------------
  [[nodiscard]] std::string shown(std::string_view s) const { return style_.ascii ? to_ascii(printable(s)) : printable(s); }
  [[nodiscard]] std::string_view ellipsis() const { return style_.ascii ? "..." : "…"; }
  [[nodiscard]] std::string_view dot() const { return style_.ascii ? "-" : "·"; }

  [[nodiscard]] std::string place_text(const Place& p) const {
    if (p.file.empty()) return "";
    return p.line == 0 ? shown(p.file) : fmt::format("{}:{}", shown(p.file), p.line);
  }

  static Ink severity_ink(Severity s) { return s == Severity::kError ? Ink::kError : s == Severity::kWarning ? Ink::kWarning : Ink::kNote; }

  void line(std::string_view text) { out_.append(text).append("\n"); }
  /// One blank line, unless there is one already.
  void gap() {
    if (!out_.empty() && (out_.size() < 2 || out_.substr(out_.size() - 2) != "\n\n")) out_ += '\n';
  }

  /// A paragraph under a label: `  why: text`, wrapped, continued under the text's start when the label is short.
  void paragraph(std::string_view label, std::string_view text, int indent = 2) {
    std::string lead = label.empty() ? "" : std::string(label) + ": ";
    std::vector<std::string> lines = wrap(lead + std::string(text), prose_ - indent, label.empty() ? 0 : 2);
    std::string margin(static_cast<size_t>(indent), ' ');
    for (size_t i = 0; i < lines.size(); ++i) {
      // A label is one word or two and always fits on the first line.
      if (i == 0 && !lead.empty()) {
        std::string head = lead.substr(0, lead.size() - 1);
        line(margin + paint_(Ink::kBold, head) + lines[i].substr(std::min(head.size(), lines[i].size())));
      } else {
        line(margin + lines[i]);
      }
    }
  }

  /// Text to paste: never wrapped, never shortened.
  void to_paste(std::string_view text) {
    for (std::string_view part : split(text, '\n')) {
      std::string expanded;
      for (char c : part) c == '\t' ? expanded.append("    ") : expanded.append(1, c);
      while (!expanded.empty() && (expanded.back() == '\r' || expanded.back() == ' ')) expanded.pop_back();
      if (expanded.empty())
        gap();
      else
        line("    " + paint_(Ink::kCode, printable(expanded)));
    }
  }

  // --- A finding --------------------------------------------------------------------------------------------------------------------------
  void finding(const Finding& f) {
    header(f);
    paragraph("", shown(f.message));
    statements(f);
    if (!f.interleaving.empty()) {
      gap();
      ReportStyle style = style_;
      style.width = width_;
      out_ += draw_interleaving(f.interleaving, style, 2);
    }
    gap();
    if (!f.why.empty()) paragraph("why", shown(f.why));
    evidence(f);
    seen(f);
    fixes(f);
    silence(f);
    gap();
  }

  void header(const Finding& f) {
    std::string where = shown(join(f.tables, ", "));
    if (!f.columns.empty() && !where.empty()) where += "(" + shown(join(f.columns, ", ")) + ")";
    if (!where.empty()) where = " " + where + ":";
    line(paint_(severity_ink(f.severity), fmt::format("{}[{}]", severity_name(f.severity), shown(f.code))) +
         paint_(Ink::kBold, fmt::format("{} {}", where, shown(f.name))) +
         paint_(Ink::kDim, fmt::format(" {} {}", dot(), confidence_name(f.confidence))));
  }

  void statements(const Finding& f) {
    if (f.statements.empty()) return;
    gap();
    int role_width = 0, place_width = 0;
    for (const FindingStatement& s : f.statements) {
      role_width = std::max(role_width, display_width(shown(s.role)));
      place_width = std::max(place_width, display_width(place_text(s.place)));
    }
    bool own_line = place_width > kPlaceColumn || width_ - role_width - place_width - 6 < kStatementColumns;
    for (const FindingStatement& s : f.statements) {
      std::string role = shown(s.role), place = place_text(s.place), sql = shown(s.sql);
      Ink ink = role.find("read") != std::string::npos ? Ink::kRead : Ink::kWrite;
      std::string lead = "  " + paint_(ink, role) + std::string(static_cast<size_t>(role_width - display_width(role)) + 2, ' ');
      if (!place.empty() || place_width > 0) lead += paint_(Ink::kDim, own_line ? place : pad_right(place, place_width));
      if (style_.verbose) {
        std::string who;
        if (!s.session.empty()) who += "session " + shown(s.session);
        if (s.time.known()) who += (who.empty() ? "at " : " at ") + to_iso8601(s.time);
        line(lead + (who.empty() ? "" : "  " + paint_(Ink::kDim, who)));
        for (const std::string& part : wrap(sql, width_ - role_width - 4))
          line(std::string(static_cast<size_t>(role_width) + 4, ' ') + part);
      } else if (own_line) {
        line(lead);
        line(std::string(static_cast<size_t>(role_width) + 4, ' ') + shorten_statement(sql, width_ - role_width - 4, ellipsis()));
      } else {
        int used = 2 + role_width + 2 + place_width + (place_width > 0 ? 2 : 0);
        line(lead + (place_width > 0 ? "  " : "") + shorten_statement(sql, width_ - used, ellipsis()));
      }
    }
  }

  void evidence(const Finding& f) {
    if (f.evidence.empty()) return;
    line("  " + paint_(Ink::kBold, "evidence:"));
    for (const Evidence& e : f.evidence) {
      std::string place = place_text(e.place);
      std::string text = fmt::format("{} {}: {}", style_.ascii ? "-" : "•", shown(e.kind), shown(e.text));
      if (!place.empty()) text += " (" + place + ")";
      for (const std::string& part : wrap(text, prose_ - 4, 2)) line("    " + part);
    }
  }

  void seen(const Finding& f) {
    if (const std::string text = seen_text(f); !text.empty()) paragraph("seen", text);
    if (style_.verbose && f.first_time.known()) paragraph("time", to_iso8601(f.first_time) + " to " + to_iso8601(f.last_time));
    std::string from = shown(f.orm_name);
    if (!f.orm_call.empty()) from += (from.empty() ? "" : " ") + shown(f.orm_call);
    if (!f.source_file.empty()) {
      from += (from.empty() ? "" : " at ") + shown(f.source_file);
      if (f.source_line > 0) from += ":" + std::to_string(f.source_line);
    }
    if (!f.source_route.empty()) from += (from.empty() ? "route " : ", route ") + shown(f.source_route);
    if (!from.empty()) paragraph("from", from);
    if (style_.verbose) paragraph("fingerprint", hex64(f.fingerprint));
  }

  void fixes(const Finding& f) {
    size_t number = 0;
    for (const Fix& fix : f.fixes) {
      gap();
      std::string label = f.fixes.size() == 1 ? "fix" : fmt::format("fix {} of {}", ++number, f.fixes.size());
      paragraph(label, fmt::format("{} [{}]", shown(fix.title), applicability_name(fix.applicability)));
      for (const std::string& sql : fix.sql) to_paste(sql + statement_end(sql, f.engine));
      if (!fix.code.empty()) to_paste(fix.code);
      if (!fix.trade_off.empty()) paragraph("trade-off", shown(fix.trade_off));
      if (!fix.checked.empty()) paragraph("checked", shown(checked_text(fix)));
    }
  }

  void silence(const Finding& f) {
    gap();
    if (!f.related.empty()) paragraph("see also", shown(join(f.related, ", ")));
    paragraph("silence",
              fmt::format("/* dbaudit:ignore {0} reason */ in the SQL, or --ignore {0}; more: dbaudit explain {0}", shown(f.code)));
  }

  // --- The end ----------------------------------------------------------------------------------------------------------------------------
  void coverage() {
    bool any = false;
    for (const InputSummary& input : report_.inputs) {
      std::vector<std::string> parts;
      if (input.unrecognised_lines > 0) parts.push_back(count_of(input.unrecognised_lines, "line") + " not recognised");
      if (input.truncated_statements > 0) parts.push_back(count_of(input.truncated_statements, "statement") + " truncated by the log");
      if (input.unparsed_statements > 0) parts.push_back(count_of(input.unparsed_statements, "statement") + " not understood in full");
      if (parts.empty() && !style_.verbose) continue;
      std::string text = shown(input.path) + (input.format.empty() ? "" : " (" + shown(input.format) + ")");
      if (style_.verbose) {
        parts.insert(parts.begin(),
                     fmt::format("{}, {}, {}, {}", count_of(input.statements, "statement"), count_of(input.templates, "template"),
                                 count_of(input.sessions, "session"), count_of(input.transactions, "transaction")));
      }
      paragraph("coverage", text + ": " + join(parts, ", "), 0);
      any = true;
    }
    for (const std::string& note : report_.notes) {
      paragraph("coverage", shown(note), 0);
      any = true;
    }
    if (any) gap();
  }

  [[nodiscard]] std::string judged_for() const {
    const Target& t = report_.target;
    if (t.engine == Engine::kUnknown) return "";
    std::string text = fmt::format(", judged for {}", engine_title(t.engine));
    if (!t.version.empty()) text += " " + shown(t.version);
    if (!t.isolation.empty()) text += " at " + shown(t.isolation);
    return text;
  }

  void summary() {
    uint64_t counts[3] = {}, statements = 0, sessions = 0;
    for (const Finding& f : report_.findings) ++counts[static_cast<size_t>(f.severity)];
    for (const InputSummary& input : report_.inputs) statements += input.statements, sessions += input.sessions;
    std::string read = fmt::format("{} ({}, {})", count_of(report_.inputs.size(), "input"), count_of(statements, "statement"),
                                   count_of(sessions, "session"));
    std::string hidden;
    if (report_.suppressed > 0) hidden += fmt::format("; {} suppressed", with_thousands(report_.suppressed));
    if (report_.baselined > 0) hidden += fmt::format("; {} in the baseline", with_thousands(report_.baselined));
    if (report_.findings.empty()) {
      std::string what = report_.inputs.size() == 1 ? fmt::format("{} ({}, {})", shown(report_.inputs.front().path),
                                                                  count_of(statements, "statement"), count_of(sessions, "session"))
                         : report_.inputs.empty()   ? std::string("the schema alone")
                                                    : read;
      line(fmt::format("No findings in {}{}{}", what, judged_for(), hidden));
      return;
    }
    auto count = [&](Severity s, std::string_view word) {
      uint64_t n = counts[static_cast<size_t>(s)];
      return n > 0 ? paint_(severity_ink(s), count_of(n, word)) : count_of(n, word);
    };
    line(fmt::format("{}, {}, {} in {}{}", count(Severity::kError, "error"), count(Severity::kWarning, "warning"),
                     count(Severity::kNote, "note"), read, hidden));
  }

  const Report& report_;
  const ReportStyle& style_;
  Painter paint_;
  int width_, prose_;
  std::string out_;
};

void write_text(const Report& report, const ReportStyle& style, const ReportSink& sink) { TextReport(report, style).write(sink); }

}  // namespace

std::string finding_text(const Finding& finding, const ReportStyle& style) {
  const Report empty;
  return TextReport(empty, style).one(finding);
}

std::string statement_end(std::string_view sql, Engine engine) {
  Lexer lexer(sql, dialect_of(engine), true);
  bool any = false, ended = false, comment_last = false;
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
    comment_last = t.kind == TokenKind::kComment;
    if (comment_last) continue;
    any = true;
    ended = t.text == ";";
  }
  if (!any || ended) return "";
  return comment_last ? "\n;" : ";";
}

std::string checked_text(const Fix& fix) {
  std::vector<std::string> words;
  for (const std::string& check : fix.checked) {
    words.push_back(check == "runs" ? "runs on an empty copy of the schema" : check == "silences" ? "silences this finding" : check);
  }
  return join(words, ", ");
}

std::string seen_text(const Finding& f) {
  std::string text;
  if (f.occurrences > 0) text = f.occurrences == 1 ? "once" : with_thousands(f.occurrences) + " times";
  if (f.sessions > 0) {
    text += fmt::format("{}in {}", text.empty() ? "" : " ",
                        f.sessions_total > 0 ? with_thousands(f.sessions) + " of " + count_of(f.sessions_total, "session")
                                             : count_of(f.sessions, "session"));
  }
  if (f.window_p50_ms >= 0 && f.statements.size() > 1) {
    text += fmt::format("{}{} between the two statements (median)", text.empty() ? "" : "; ", duration_text(f.window_p50_ms));
    if (f.window_max_ms >= 0) text += ", at most " + duration_text(f.window_max_ms);
  }
  return text;
}

extern const ReportFormat kReport_text;
const ReportFormat kReport_text = {"text", "for people: each finding with its statements, how two sessions meet, and the fix", write_text};

}  // namespace dbaudit
