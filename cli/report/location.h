#pragma once
// Where a finding is, for what is read beside the code: CI annotations, code scanning, test reports.

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/report/report.h"

namespace dbaudit {

struct ShownPlace {
  std::string file;   ///< shown_path() of it; never empty
  uint64_t line = 1;  ///< 1-based
};

/// The source line that the statements' tags name, else the first place in a log, else the first input; `live-database` when nothing was read from a
/// file. Code hosts refuse a result that is nowhere.
[[nodiscard]] ShownPlace shown_place(const Report& report, const Finding& finding);

/// The path as code hosts take it: relative to `root` where it lies below it, without `./` and doubled slashes; `standard-input` for `-`. What is
/// outside `root` keeps its leading slash. Bytes are kept as they are.
[[nodiscard]] std::string shown_path(std::string_view path, std::string_view root);

/// A URI reference (RFC 3986) to what shown_path() gives: relative, or `file:///` for an absolute path; every byte that is not a letter, a digit or
/// one of `-._~/` is percent-encoded. `C:\x` is taken for a Windows path.
[[nodiscard]] std::string uri_of(std::string_view shown_path);

/// `public.shop_tag(name)`; tables without columns, or nothing for a finding about no table. Not made printable.
[[nodiscard]] std::string subject_of(const Finding& finding);

}  // namespace dbaudit
