// The comment on a pull request: counts, a table of the findings, one collapsible section for each.
//
// GitHub refuses a comment of more than 65,536 characters (GitLab takes 1,000,000). Findings are in report_order, so what is left out at the end is
// what matters least; a line says how many are. The first line marks the comment as this program's, for a job that replaces its last one.

#include "cli/report/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "analyzers/base/text.h"
#include "cli/report/layout.h"
#include "cli/report/location.h"
#include "cli/report/text.h"
#include "cli/report/text_interleaving.h"

namespace dbaudit {

namespace {

constexpr size_t kLongestComment = 65'536;
constexpr size_t kLongestTable = 20'000;  // the sections get the rest
constexpr size_t kLongestClosing = 400;   // the lines that say what was left out
constexpr int kStatementWidth = 400;      // columns of a statement in the list; a fence shows fixes whole
constexpr int kInterleavingWidth = 100;
constexpr int kSubjectWidth = 80;
constexpr std::string_view kZeroWidthSpace = "&#8203;";

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// Would a code host read more into the byte at `at` than itself: a mention, a reference to an issue, a merge request, a label, a bare link, an emoji?
bool refers(std::string_view text, size_t at) {
  const char c = text[at];
  const char before = at > 0 ? text[at - 1] : ' ';
  const char next = at + 1 < text.size() ? text[at + 1] : ' ';
  if (c == '@') return true;
  if (std::string_view("#!~%&").find(c) != std::string_view::npos) return is_alnum(next) || next == '"';
  if (c == '-') return is_alnum(next) && at >= 2 && iequals(text.substr(at - 2, 2), "gh");
  if (c == ':') return text.substr(at, 3) == "://" || std::isalpha(static_cast<unsigned char>(next)) != 0;
  return c == '.' && at >= 3 && iequals(text.substr(at - 3, 3), "www") && before != ' ';
}

/// Would a line that begins so be a heading, a rule or an item of a list?
bool begins_block(std::string_view line) {
  if (line.empty() || std::string_view("#-+=").find(line.front()) != std::string_view::npos) return !line.empty();
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  return digits > 0 && digits < line.size() && (line[digits] == '.' || line[digits] == ')');
}

std::string place_text(const Place& place) {
  if (place.file.empty()) return "";
  return place.line == 0 ? place.file.str() : fmt::format("{}:{}", place.file, place.line);
}

/// A fix as it is pasted.
std::string statements_to_paste(const Fix& fix, Engine engine) {
  std::string sql;
  for (const std::string& statement : fix.sql) sql.append(statement).append(statement_end(statement, engine)).append("\n");
  return sql;
}

std::string heading_of(const Finding& f) {
  std::string heading =
      fmt::format("<b>{}</b> <code>{}</code> {}", severity_name(f.severity), markdown_html(f.code), markdown_html(f.name));
  const std::string subject = elide_middle(printable(subject_of(f)), kSubjectWidth, "…");
  if (!subject.empty()) heading += fmt::format(": <code>{}</code>", markdown_html(subject));
  return heading + fmt::format(" · {}", confidence_name(f.confidence));
}

std::string row_of(const Report& report, const Finding& f) {
  const ShownPlace place = shown_place(report, f);
  const std::string subject = elide_middle(printable(subject_of(f)), kSubjectWidth, "…");
  const std::string where = elide_middle(printable(fmt::format("{}:{}", place.file, place.line)), kSubjectWidth, "…");
  return fmt::format("| {} | {} {} | {} | {} | {} |\n", severity_name(f.severity), markdown_code(f.code, true), markdown_prose(f.name),
                     markdown_code(subject, true), confidence_name(f.confidence), markdown_code(where, true));
}

std::string summary_of(const Report& report) {
  uint64_t counts[3] = {}, statements = 0;
  for (const Finding& f : report.findings) ++counts[static_cast<size_t>(f.severity)];
  for (const InputSummary& input : report.inputs) statements += input.statements;
  std::string summary = "### dbaudit: ";
  if (report.findings.empty()) {
    summary += "no findings\n\n";
  } else {
    summary += fmt::format("{}, {}, {}\n\n", count_of(counts[0], "error"), count_of(counts[1], "warning"), count_of(counts[2], "note"));
  }
  summary += fmt::format("{}, {}", count_of(report.inputs.size(), "input"), count_of(statements, "statement"));
  if (report.target.engine != Engine::kUnknown) {
    summary += fmt::format(", judged for {}", engine_title(report.target.engine));
    if (!report.target.version.empty()) summary += " " + markdown_prose(report.target.version);
    if (!report.target.isolation.empty()) summary += " at " + markdown_prose(report.target.isolation);
  }
  if (report.suppressed > 0) summary += fmt::format("; {} suppressed", with_thousands(report.suppressed));
  if (report.baselined > 0) summary += fmt::format("; {} in the baseline", with_thousands(report.baselined));
  return summary + "\n";
}

std::string comment_of(const Report& report) {
  std::string out = "<!-- dbaudit -->\n" + summary_of(report);
  if (report.findings.empty()) return out;

  out += "\n| severity | rule | table | confidence | where |\n|---|---|---|---|---|\n";
  size_t rows = 0;
  for (const Finding& f : report.findings) {
    const std::string row = row_of(report, f);
    if (out.size() + row.size() > kLongestTable) break;
    out += row;
    ++rows;
  }
  if (rows < report.findings.size()) out += fmt::format("\n… and {} not in this table.\n", with_thousands(report.findings.size() - rows));

  size_t sections = 0;
  for (const Finding& f : report.findings) {
    const std::string section = fmt::format("\n<details>\n<summary>{}</summary>\n\n{}\n</details>\n", heading_of(f), finding_markdown(f));
    if (out.size() + section.size() + kLongestClosing > kLongestComment) break;
    out += section;
    ++sections;
  }
  if (sections < report.findings.size()) {
    out += fmt::format("\n{} not shown: a comment holds 65,536 characters at most. The other report formats have all of them.\n",
                       count_of(report.findings.size() - sections, "finding"));
  }
  return out;
}

void write_markdown(const Report& report, const ReportStyle&, const ReportSink& sink) { sink(comment_of(report)); }

}  // namespace

std::string markdown_prose(std::string_view text) {
  const std::string shown = printable(text);
  std::string out;
  for (size_t at = 0; at < shown.size(); ++at) {
    const char c = shown[at];
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (std::string_view("\\`*_[]|~$").find(c) != std::string_view::npos) {
      out += '\\';
      out += c;
    } else {
      if (at == 0 && begins_block(shown)) out += kZeroWidthSpace;
      out += c;
    }
    if (refers(shown, at)) out += kZeroWidthSpace;
  }
  return out;
}

std::string markdown_code(std::string_view text, bool in_table) {
  const std::string shown = printable(text);
  if (shown.empty()) return "";
  size_t longest = 0, run = 0;
  std::string inside;
  for (char c : shown) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    if (c == '|' && in_table) inside += '\\';
    inside += c;
  }
  const std::string ticks(longest + 1, '`');
  // One blank at each side is taken off again; a span of blanks only keeps them.
  const bool padded = longest > 0 || (inside.front() == ' ' && inside.back() == ' ');
  return padded ? ticks + " " + inside + " " + ticks : ticks + inside + ticks;
}

std::string markdown_fence(std::string_view text, std::string_view language) {
  size_t longest = 2, run = 0;
  for (char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  std::string out = fence + std::string(language) + "\n";
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    std::string expanded;
    for (char c : line) c == '\t' ? expanded.append("    ") : expanded.append(1, c);
    out += printable(expanded) + "\n";
  }
  return out + fence + "\n";
}

std::string markdown_html(std::string_view text) {
  const std::string shown = printable(text);
  std::string out;
  for (size_t at = 0; at < shown.size(); ++at) {
    switch (shown[at]) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      case '$': out += "&#36;"; break;
      default: out += shown[at];
    }
    if (refers(shown, at)) out += kZeroWidthSpace;
  }
  return out;
}

std::string finding_markdown(const Finding& f) {
  std::string out = markdown_prose(f.message) + "\n";
  if (!f.statements.empty()) out += "\n";
  for (const FindingStatement& s : f.statements) {
    out += fmt::format("- {}", markdown_prose(s.role));
    if (const std::string place = place_text(s.place); !place.empty()) out += " at " + markdown_code(place);
    out += ": " + markdown_code(shorten_statement(printable(s.sql), kStatementWidth, "…")) + "\n";
  }
  if (!f.interleaving.empty()) {
    ReportStyle style;
    style.width = kInterleavingWidth;
    out += "\n" + markdown_fence(draw_interleaving(f.interleaving, style, 0), "text");
  }
  if (!f.why.empty()) out += fmt::format("\n**Why:** {}\n", markdown_prose(f.why));
  if (const std::string seen = seen_text(f); !seen.empty()) out += fmt::format("\n**Seen:** {}\n", markdown_prose(seen));
  if (!f.evidence.empty()) out += "\n**Evidence**\n\n";
  for (const Evidence& e : f.evidence) {
    out += fmt::format("- {}: {}", markdown_prose(e.kind), markdown_prose(e.text));
    if (const std::string place = place_text(e.place); !place.empty()) out += " (" + markdown_code(place) + ")";
    out += "\n";
  }
  for (const Fix& fix : f.fixes) {
    out += fmt::format("\n**Fix:** {} ({})\n", markdown_prose(fix.title), applicability_name(fix.applicability));
    if (!fix.sql.empty()) out += "\n" + markdown_fence(statements_to_paste(fix, f.engine), "sql");
    if (!fix.code.empty()) out += "\n" + markdown_fence(fix.code, "");
    if (!fix.trade_off.empty()) out += fmt::format("\nTrade-off: {}\n", markdown_prose(fix.trade_off));
    if (const std::string checked = checked_text(fix); !checked.empty()) out += fmt::format("\nChecked: {}\n", markdown_prose(checked));
  }
  return out;
}

extern const ReportFormat kReport_markdown;
const ReportFormat kReport_markdown = {"markdown", "for the comment on a pull request: a table, one section a finding", write_markdown};

}  // namespace dbaudit
