#pragma once
// How the reports that are JSON become bytes.

#include <string>
#include <string_view>

namespace dbaudit {

/// The JSON text, ended by a newline, with more escaped than JSON asks for: DEL, the C1 controls and the characters that turn the writing direction,
/// which a terminal obeys, and a `<` that would begin a tag if the report were put into a page. It means the same to a JSON reader.
[[nodiscard]] std::string json_text(std::string_view dump);

}  // namespace dbaudit
