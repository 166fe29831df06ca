// The report a person opens in a browser: one file, nothing fetched. What it looks like is in html/style.css, what it does in html/script.js, its
// frame in html/page.html; this file fills the frame. Everything can be read with scripts off: the script only filters, copies and moves about.
//
// Whatever comes from a log, a schema or a database passes html_text() or html_code(). The page's Content-Security-Policy names its style and its
// script by hash, so that a browser runs nothing else even where an escape were missed.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/report/html_lanes.h"
#include "cli/report/html_markup.h"
#include "cli/report/html_timeline.h"
#include "cli/report/layout.h"
#include "cli/report/report.h"
#include "cli/report/text.h"
#include "rules/registry.h"

namespace dbaudit {

extern const std::string_view kHtmlPage, kHtmlStyle, kHtmlScript;
extern const std::string_view kHtmlStyle_source, kHtmlScript_source;  // for the Content-Security-Policy

namespace {

constexpr size_t kFindingsOpen = 3;      // when there are more, only the first is open
constexpr size_t kLongStatement = 1200;  // bytes; a longer one is folded behind its beginning and end
constexpr size_t kItemsShown = 6;        // of a list of statements, of evidence, of inputs; more are folded

struct SeverityWords {
  std::string_view word, mark;
};
constexpr SeverityWords kSeverities[] = {{"Error", "✕"}, {"Warning", "▲"}, {"Note", "●"}};  // by Severity

std::string_view confidence_reason(Confidence c) {
  switch (c) {
    case Confidence::kPossible:
      return "the shape is there, but something needed to be sure is unknown: the schema, where transactions begin and end, or a second "
             "session";
    case Confidence::kLikely: return "schema, locks and isolation level leave it open";
    case Confidence::kObserved: return "this log or the live data shows that it happened";
    case Confidence::kProven: return "it was replayed on a scratch database and broke the data there";
  }
  return "";
}

std::string_view scope_reason(Scope s) {
  switch (s) {
    case Scope::kNone: return "";
    case Scope::kLevelBased: return "the statements are in one transaction: a stronger isolation level, or a lock, closes it";
    case Scope::kScopeBased: return "the statements are in different transactions: no isolation level closes it";
  }
  return "";
}

std::string_view applicability_reason(Applicability a) {
  switch (a) {
    case Applicability::kSafe: return "changes no data and no behaviour but the race";
    case Applicability::kUnsafe: return "read its trade-off before it runs";
    case Applicability::kDisplayOnly: return "a pattern to write into the code, not to run";
  }
  return "";
}

std::string place_text(const Place& place) {
  if (place.file.empty()) return "";
  return html_text(place.line == 0 ? place.file.str() : fmt::format("{}:{}", place.file, place.line));
}

std::string_view input_name(const InputSummary& input) { return input.path == "-" ? "standard input" : std::string_view(input.path); }

std::string time_text(const TimePoint& t) {
  std::string iso = to_iso8601(t);
  std::replace(iso.begin(), iso.end(), 'T', ' ');
  return "<time>" + iso + "</time>";
}

std::string time_range(const TimePoint& first, const TimePoint& last) {
  return first.micros == last.micros ? time_text(first) : time_text(first) + " to " + time_text(last);
}

/// `what` is singular; what follows its plural, as in `pieces of evidence`, is `of`.
std::string plain_list(const std::vector<std::string>& items, std::string_view what, std::string_view of = "") {
  if (items.empty()) return "";
  std::string out = "<ul class=\"plain\">\n";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i == kItemsShown)
      out += "<li><details><summary>" + count_of(items.size() - i, "more " + std::string(what)) + std::string(of) +
             "</summary><ul class=\"plain\">\n";
    out += "<li>" + items[i] + "</li>\n";
  }
  if (items.size() > kItemsShown) out += "</ul></details></li>\n";
  return out + "</ul>\n";
}

class HtmlReport {
 public:
  explicit HtmlReport(const Report& report) : report_(report) {
    // Two findings may have one fingerprint; an id is one element's.
    std::map<uint64_t, int> taken;
    for (const Finding& f : report.findings) {
      const int nth = ++taken[f.fingerprint];
      anchors_.push_back(nth == 1 ? "f-" + hex64(f.fingerprint) : fmt::format("f-{}-{}", hex64(f.fingerprint), nth));
      ++counts_[static_cast<size_t>(f.severity)];
      add_rule(f.code);
      for (const std::string& code : f.related) add_rule(code);
    }
  }

  /// Fills the frame's `{{slots}}`; what fills them is not looked at again.
  void write(const ReportSink& sink) const {
    const std::map<std::string_view, std::string> slots = {
        {"version", DBAUDIT_VERSION},
        {"style_source", std::string(kHtmlStyle_source)},
        {"script_source", std::string(kHtmlScript_source)},
        {"style", std::string(kHtmlStyle)},
        {"script", std::string(kHtmlScript)},
        {"title", verdict() + " in " + subject()},
        {"subject", subject()},
        {"summary", summary()},
        {"timeline", html_timeline(report_, anchors_)},
        {"rules_link", rules_.empty() ? "" : "<a href=\"#rules\">Rules</a>\n"},
        {"rules", rules()},
    };
    std::string_view rest = kHtmlPage;
    for (size_t open = rest.find("{{"); open != std::string_view::npos; open = rest.find("{{")) {
      const size_t close = rest.find("}}", open);
      if (close == std::string_view::npos) break;
      sink(rest.substr(0, open));
      const std::string_view name = rest.substr(open + 2, close - open - 2);
      const auto slot = slots.find(name);
      if (slot != slots.end()) sink(slot->second);
      if (name == "findings") findings(sink);
      rest.remove_prefix(close + 2);
    }
    sink(rest);
  }

 private:
  // --- The head of the page ---------------------------------------------------------------------------------------------------------------
  void add_rule(const std::string& code) {
    if (find_rule(code) != nullptr) rules_.insert(std::string(find_rule(code)->code));
  }

  [[nodiscard]] std::string verdict() const {
    std::vector<std::string> parts;
    constexpr std::string_view kWords[] = {"error", "warning", "note"};
    for (size_t i = 0; i < 3; ++i) {
      if (counts_[i] > 0) parts.push_back(count_of(counts_[i], kWords[i]));
    }
    return parts.empty() ? "No findings" : join(parts, ", ");
  }

  /// What was audited.
  [[nodiscard]] std::string subject() const {
    if (report_.inputs.size() == 1) return html_text(input_name(report_.inputs.front()));
    if (!report_.inputs.empty()) return count_of(report_.inputs.size(), "input");
    return report_.target.dsn.empty() ? "the schema" : html_text(report_.target.dsn);
  }

  static std::string fact(std::string_view name, const std::string& markup) {
    return markup.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, markup);
  }

  [[nodiscard]] std::string summary() const {
    uint64_t statements = 0, sessions = 0, transactions = 0;
    for (const InputSummary& input : report_.inputs)
      statements += input.statements, sessions += input.sessions, transactions += input.transactions;
    const Target& t = report_.target;
    std::string engine = t.engine == Engine::kUnknown ? "not known" : html_text(engine_title(t.engine));
    if (!t.version.empty()) engine += " " + html_text(t.version);
    std::string settings;
    for (const auto& [name, value] : t.settings) {
      if (!value.empty())
        settings += fmt::format("{}<code>{} = {}</code>", settings.empty() ? "" : ", ", html_text(name), html_text(value));
    }
    std::string hidden;
    if (report_.suppressed > 0) hidden += with_thousands(report_.suppressed) + " suppressed";
    if (report_.baselined > 0) hidden += (hidden.empty() ? "" : ", ") + with_thousands(report_.baselined) + " in the baseline";

    std::string out = "<ul class=\"tiles\">\n";
    for (size_t i = 0; i < 3; ++i) {
      out += fmt::format("<li class=\"{}{}\"><span class=\"mark\" aria-hidden=\"true\">{}</span><b>{}</b> {}</li>\n",
                         severity_name(static_cast<Severity>(i)), counts_[i] == 0 ? " none" : "", kSeverities[i].mark,
                         with_thousands(counts_[i]), std::string(kSeverities[i].word) + (counts_[i] == 1 ? "" : "s"));
    }
    out += "</ul>\n<dl class=\"facts\">\n";
    out += fact("Engine", engine);
    out += fact("Default isolation", t.isolation.empty() ? "not known" : html_text(t.isolation));
    if (!t.dsn.empty()) out += fact("Database", "<code>" + html_text(t.dsn) + "</code>");
    out += fact("Settings", settings);
    if (!report_.inputs.empty()) {
      out += fact("Read", fmt::format("{}, {}, {}", count_of(statements, "statement"), count_of(transactions, "transaction"),
                                      count_of(sessions, "session")));
    }
    out += fact("Not shown", hidden) + "</dl>\n";

    std::vector<std::string> inputs;
    for (const InputSummary& input : report_.inputs) inputs.push_back(input_line(input));
    out += "<h2>Inputs</h2>\n" +
           (inputs.empty() ? "<p class=\"empty\">No log was read: the schema alone was judged.</p>\n" : plain_list(inputs, "input"));
    std::vector<std::string> notes;
    for (const std::string& note : report_.notes) notes.push_back(html_text(note));
    if (!notes.empty()) out += "<h2>What the audit could not see</h2>\n<div class=\"blind\">" + plain_list(notes, "note") + "</div>";
    return out;
  }

  [[nodiscard]] static std::string input_line(const InputSummary& input) {
    std::string out = "<b class=\"path\">" + html_text(input_name(input)) + "</b>";
    if (!input.format.empty()) out += " <span class=\"tag\">" + html_text(input.format) + "</span>";
    out += fmt::format("<br><span class=\"quiet\">{}, {}, {}, {}, {}", count_of(input.records, "record"),
                       count_of(input.statements, "statement"), count_of(input.templates, "template"), count_of(input.sessions, "session"),
                       count_of(input.transactions, "transaction"));
    if (input.first_time.known()) {
      out += " · " + time_range(input.first_time, input.last_time);
    }
    out += "</span>";
    std::vector<std::string> gaps;
    if (input.unrecognised_lines > 0) gaps.push_back(count_of(input.unrecognised_lines, "line") + " not recognised");
    if (input.truncated_statements > 0) gaps.push_back(count_of(input.truncated_statements, "statement") + " truncated by the log");
    if (input.unparsed_statements > 0) gaps.push_back(count_of(input.unparsed_statements, "statement") + " not understood in full");
    return out + "<br><span class=\"quiet\">" + (gaps.empty() ? "Every line was recognised and understood." : join(gaps, ", ")) + "</span>";
  }

  // --- Findings ---------------------------------------------------------------------------------------------------------------------------
  void findings(const ReportSink& sink) const {
    if (report_.findings.empty())
      sink("<p class=\"empty\">Nothing was found. What was read, and what could not be seen, is listed above.</p>\n");
    const size_t open = report_.findings.size() <= kFindingsOpen ? kFindingsOpen : 1;
    for (size_t i = 0; i < report_.findings.size(); ++i) sink(finding(report_.findings[i], anchors_[i], i < open));
  }

  [[nodiscard]] std::string finding(const Finding& f, const std::string& anchor, bool is_open) const {
    const SeverityWords& severity = kSeverities[static_cast<size_t>(f.severity)];
    std::string tables;
    for (const std::string& table : f.tables) tables += (tables.empty() ? "" : "&#10;") + html_text(table);
    std::string subject = html_text(join(f.tables, ", "));
    if (!subject.empty() && !f.columns.empty()) subject += "<span class=\"quiet\">(" + html_text(join(f.columns, ", ")) + ")</span>";
    std::string seen = f.occurrences > 0 ? with_thousands(f.occurrences) + "×" : "";
    const std::string confidence(confidence_name(f.confidence));

    std::string out = fmt::format(
        "<article class=\"finding {0}\" id=\"{1}\" data-severity=\"{0}\" data-confidence=\"{2}\" data-rule=\"{3}\" data-name=\"{4}\" "
        "data-tables=\"{5}\">\n"
        "<details{6}><summary><span class=\"mark\" aria-hidden=\"true\">{7}</span>"
        "<span class=\"kicker\"><b>{8}</b> <span>{3}</span> <span class=\"quiet\">{4}</span></span>",
        severity_name(f.severity), anchor, confidence, html_text(f.code), html_text(f.name), tables, is_open ? " open" : "", severity.mark,
        severity.word);
    out += "<h3>" + html_text(f.message) + "</h3><span class=\"subject\">";
    if (!subject.empty()) out += "<code>" + subject + "</code> ";
    out += fmt::format("<span class=\"sure {0}\">{0}</span>", confidence);
    if (!seen.empty()) out += " <span class=\"quiet\">" + seen + "</span>";
    out += "</span></summary>\n<div class=\"body\">\n";
    if (!f.interleaving.empty()) out += html_lanes(f.interleaving);
    if (!f.why.empty()) out += section("Why", "<p>" + html_text(f.why) + "</p>");
    out += section("Statements", statements(f));
    out += section("Confidence", confidence_text(f));
    out += section("Seen", seen_lines(f));
    for (size_t i = 0; i < f.fixes.size(); ++i) {
      out += section(f.fixes.size() == 1 ? "Fix" : fmt::format("Fix {} of {}", i + 1, f.fixes.size()), fix(f.fixes[i], f.engine));
    }
    out += section("More", more(f, anchor));
    return out + "</div></details></article>\n";
  }

  static std::string section(std::string_view title, const std::string& markup) {
    return markup.empty() ? "" : fmt::format("<section><h4>{}</h4><div>{}</div></section>\n", title, markup);
  }

  [[nodiscard]] static std::string statements(const Finding& f) {
    std::vector<std::string> items;
    for (const FindingStatement& s : f.statements) {
      std::vector<std::string> from;
      if (!s.place.file.empty()) from.push_back(place_text(s.place));
      if (!s.session.empty()) from.push_back("session " + html_text(s.session));
      if (s.time.known()) from.push_back(time_text(s.time));
      std::string sql = "<pre>" + html_code(s.sql) + "</pre>";
      if (s.sql.size() > kLongStatement) {
        sql = "<details><summary><code>" + html_text(shorten_statement(printable(s.sql), 160, "…")) + "</code></summary>" + sql +
              "</details>";
      }
      items.push_back(fmt::format("<b class=\"role\">{}</b> <span class=\"quiet\">{}</span>{}", html_text(s.role), join(from, " · "), sql));
    }
    return plain_list(items, "statement");
  }

  [[nodiscard]] static std::string confidence_text(const Finding& f) {
    const std::string_view name = confidence_name(f.confidence);
    std::string out = fmt::format("<p><span class=\"sure {0}\">{0}</span> {1}.</p>", name, confidence_reason(f.confidence));
    if (f.scope != Scope::kNone) out += fmt::format("<p><span class=\"tag\">{}</span> {}.</p>", scope_name(f.scope), scope_reason(f.scope));
    std::vector<std::string> items;
    for (const Evidence& e : f.evidence) {
      std::string item = "<b>" + html_text(e.kind) + "</b>: " + html_text(e.text);
      if (!e.place.file.empty()) item += " <span class=\"quiet\">" + place_text(e.place) + "</span>";
      items.push_back(std::move(item));
    }
    return out + plain_list(items, "piece", " of evidence");
  }

  [[nodiscard]] static std::string seen_lines(const Finding& f) {
    std::string out;
    if (const std::string seen = seen_text(f); !seen.empty()) out += "<p>" + html_text(seen) + "</p>";
    if (f.first_time.known()) {
      out += "<p class=\"quiet\">" + time_range(f.first_time, f.last_time) + "</p>";
    }
    std::vector<std::string> from;
    if (!f.orm_name.empty())
      from.push_back(html_text(f.orm_name) + (f.orm_call.empty() ? "" : " <code>" + html_text(f.orm_call) + "</code>"));
    if (!f.source_file.empty())
      from.push_back(html_text(f.source_line > 0 ? fmt::format("{}:{}", f.source_file, f.source_line) : f.source_file));
    if (!f.source_route.empty()) from.push_back("route " + html_text(f.source_route));
    if (!from.empty()) out += "<p>from " + join(from, ", ") + "</p>";
    if (f.engine != Engine::kUnknown || !f.isolation.empty()) {
      out += "<p class=\"quiet\">judged for " + html_text(f.engine == Engine::kUnknown ? "an unknown engine" : engine_title(f.engine)) +
             (f.isolation.empty() ? "" : " at " + html_text(f.isolation)) + "</p>";
    }
    return out;
  }

  [[nodiscard]] static std::string fix(const Fix& fix, Engine engine) {
    std::string out =
        fmt::format("<p><strong>{}</strong> <span class=\"tag {}\">{}</span> <span class=\"quiet\">{}</span></p>\n", html_text(fix.title),
                    applicability_name(fix.applicability), applicability_name(fix.applicability), applicability_reason(fix.applicability));
    std::string code;
    for (const std::string& sql : fix.sql) code += sql + statement_end(sql, engine) + "\n";
    if (!fix.code.empty()) code += fix.code;
    if (const std::string markup = html_code(code); !markup.empty()) out += "<pre class=\"paste\">" + markup + "</pre>\n";
    if (!fix.trade_off.empty()) out += "<p><b>Trade-off</b>: " + html_text(fix.trade_off) + "</p>";
    if (!fix.checked.empty()) {
      out += "<ul class=\"checks\" aria-label=\"Checked\">";
      for (const std::string& check : fix.checked) {
        Fix one;
        one.checked = {check};
        out += "<li>" + html_text(checked_text(one)) + "</li>";
      }
      out += "</ul>";
    }
    return out;
  }

  [[nodiscard]] std::string rule_link(const std::string& code, const std::string& words) const {
    return rules_.count(code) == 0 ? html_text(words) : fmt::format("<a href=\"#rule-{}\">{}</a>", html_text(code), html_text(words));
  }

  [[nodiscard]] std::string more(const Finding& f, const std::string& anchor) const {
    std::string out = "<p>" + rule_link(f.code, "About " + f.code.str());
    if (!f.related.empty()) {
      std::vector<std::string> links;
      for (const std::string& code : f.related) links.push_back(rule_link(code, code));
      out += " · see also " + join(links, ", ");
    }
    out += fmt::format(" · <a href=\"#{}\">link to this finding</a> · fingerprint <code>{}</code></p>", anchor, hex64(f.fingerprint));
    return out +
           fmt::format("<p>Not a race here? <code>/* dbaudit:ignore {0} reason */</code> in the SQL, or <code>--ignore {0}</code></p>",
                       html_text(f.code));
  }

  // --- The rules' pages -------------------------------------------------------------------------------------------------------------------
  [[nodiscard]] std::string rules() const {
    if (rules_.empty()) return "";
    std::string out =
        "<section class=\"rules\" id=\"rules\" aria-labelledby=\"rules-title\" tabindex=\"-1\">\n<h2 id=\"rules-title\">The rules, "
        "explained</h2>\n";
    for (const std::string& code : rules_) {
      const Rule& rule = *find_rule(code);
      out += fmt::format(
          "<details id=\"rule-{0}\"><summary><h3>{0} <span class=\"quiet\">{1}</span></h3></summary>\n<div "
          "class=\"prose\">{2}</div></details>\n",
          html_text(code), html_text(rule.name), html_from_markdown(rule_page(rule)));
    }
    return out + "</section>\n";
  }

  const Report& report_;
  std::vector<std::string> anchors_;  // parallel to report_.findings
  std::set<std::string> rules_;       // codes whose pages the report carries
  uint64_t counts_[3] = {};           // by Severity
};

void write_html(const Report& report, const ReportStyle&, const ReportSink& sink) { HtmlReport(report).write(sink); }

}  // namespace

extern const ReportFormat kReport_html;
const ReportFormat kReport_html = {"html", "for people: one page for a browser, with filters, drawings and the rules' explanations",
                                   write_html};

}  // namespace dbaudit
