// One list item a step. Its classes say all the drawing needs: the session (`a`, `b`), the role, and in which sessions a transaction is open while it
// happens (`open-a`, `open-b`), which the lane's line shows by its width.

#include "cli/report/html_lanes.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "analyzers/base/text.h"
#include "cli/report/html_markup.h"
#include "cli/report/layout.h"
#include "cli/report/text_interleaving.h"

namespace dbaudit {

namespace {

constexpr int kStatementColumns = 320;  // a longer statement is shortened in its middle

struct RoleWords {
  std::string_view css, mark, verb;
};
constexpr RoleWords kRoles[] = {
    {"other", "◇", ""}, {"reads", "○", " reads"}, {"writes", "●", " writes"}, {"breaks", "✕", " breaks it"}};  // by StepRole

/// The steps between a session's BEGIN and its COMMIT or ROLLBACK; to the end of the drawing, or from its first step, when only one of them is drawn.
struct OpenSteps {
  size_t first = 1, last = 0;
  [[nodiscard]] bool contain(size_t i) const { return first <= i && i <= last; }
};

OpenSteps open_steps(const std::vector<InterleavingStep>& steps, bool of_first_session) {
  std::optional<size_t> first, begin, end;
  for (size_t i = 0; i < steps.size(); ++i) {
    if ((steps[i].session == 0) != of_first_session) continue;
    const std::string& text = steps[i].text;
    if (!first) first = i;
    if (!begin && (istarts_with(text, "begin") || istarts_with(text, "start transaction"))) begin = i;
    if (!end && (istarts_with(text, "commit") || istarts_with(text, "rollback"))) end = i;
  }
  if (!begin && !end) return {};
  return {begin.value_or(*first), end.value_or(steps.size() - 1)};
}

}  // namespace

std::string html_lanes(const std::vector<InterleavingStep>& steps) {
  if (steps.empty()) return "";
  const OpenSteps open_a = open_steps(steps, true), open_b = open_steps(steps, false);
  std::string out =
      "<div class=\"lanes\"><p class=\"heads\" aria-hidden=\"true\"><span>Session A</span><span>Session "
      "B</span><span>Result</span></p><ol role=\"list\">\n";
  for (size_t i = 0; i < steps.size(); ++i) {
    const RoleWords& role = kRoles[static_cast<size_t>(role_of(steps[i]))];
    const StepText text = text_of(steps[i]);
    const bool is_a = steps[i].session == 0;
    out += fmt::format(
        "<li class=\"{} {}{}{}\"><span class=\"n\" aria-hidden=\"true\">{}</span><span class=\"dot\" aria-hidden=\"true\">{}</span>",
        is_a ? "a" : "b", role.css, open_a.contain(i) ? " open-a" : "", open_b.contain(i) ? " open-b" : "", i + 1, role.mark);
    out += fmt::format(
        "<span class=\"step\"><b class=\"verb\"><span class=\"sr\">Session </span>{}{}<span class=\"sr\">: "
        "</span></b><code>{}</code></span>",
        is_a ? "A" : "B", role.verb, html_text(shorten_statement(text.statement, kStatementColumns, "…")));
    if (!text.result.empty()) out += "<span class=\"result\"><span class=\"sr\">Result: </span>" + html_text(text.result) + "</span>";
    out += "</li>\n";
  }
  return out + "</ol></div>\n";
}

}  // namespace dbaudit
