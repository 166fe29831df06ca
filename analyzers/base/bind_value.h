#pragma once
// Bind parameters, between the log readers that find them and the SQL front end that puts them in their places.

#include <string_view>

namespace dbaudit {

/// One bind parameter as the log spells it, unquoted and unescaped. A view into whoever made it.
struct BindValue {
  std::string_view text;
  bool is_null = false;
  bool is_number = false;   ///< printed without quotes and reads as a number
  bool is_unknown = false;  ///< cut or hidden by the logger: `text` is what it printed in its place (`<2 bytes of binary data>`)
};

}  // namespace dbaudit
