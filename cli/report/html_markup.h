#pragma once
// Text as HTML. Nothing from outside reaches a page but through here.

#include <string>
#include <string_view>

namespace dbaudit {

/// One line of text, for content and for quoted attribute values: printable(), then `& < > " '` as character references.
[[nodiscard]] std::string html_text(std::string_view text);

/// The same with line breaks kept and tabs as four blanks, for <pre>. Blanks and empty lines at the end are dropped.
[[nodiscard]] std::string html_code(std::string_view text);

/// The Markdown that rules/*.md are written in (cli/markdown.h lists what of it), without the page's title. `##` becomes <h4>: a page is shown below
/// an <h3>. Links are kept to https only. Text is escaped: HTML in a page is shown, not obeyed.
[[nodiscard]] std::string html_from_markdown(std::string_view page);

}  // namespace dbaudit
