#pragma once
// How the reports that are JSON become bytes.

#include <string>
#include <string_view>

#include "cli/report/report.h"

namespace dbaudit {

/// The JSON text, ended by a newline, with more escaped than JSON asks for: DEL, the C1 controls and the characters that turn the writing direction,
/// which a terminal obeys, and a `<` that would begin a tag if the report were put into a page. It means the same to a JSON reader.
[[nodiscard]] std::string json_text(std::string_view dump);

/// Writes what json_text() gives for a document with a long list, one element at a time. Every dump is indented by two.
class JsonListWriter {
 public:
  /// `frame` is the dump of the document with its list still empty; `empty_list` is how that stands there: `"findings": []`, or `[]` when the document
  /// is the list. (Nothing else can look like it: in a string its quotes would be escaped.) Writes what comes before the list.
  JsonListWriter(std::string_view frame, std::string_view empty_list, const ReportSink& sink);
  /// `dump` is that of the next element.
  void add(std::string_view dump);
  /// Writes what comes behind the list. Once.
  void finish();

 private:
  const ReportSink& sink_;
  std::string behind_;  // what follows the list
  std::string margin_;  // of the line in which the list begins
  std::string text_;    // of an element; its memory is used again
  bool is_empty_ = true;
};

}  // namespace dbaudit
