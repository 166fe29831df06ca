#include "cli/database_filter.h"

#include <fmt/format.h>

#include <vector>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

constexpr size_t kMostNames = 3;

}  // namespace

bool DatabaseFilter::leaves_out(const LogRecord& record) {
  const bool is_statement = record.kind == RecordKind::kStatement;
  if (!is_statement && record.kind != RecordKind::kError && record.kind != RecordKind::kCompletion) return false;
  if (database_.empty() || record.database.empty() || record.database == database_) {
    if (is_statement) ++kept_;
    return false;
  }
  if (!is_statement) return true;
  ++left_out_;
  if (others_.find(record.database) == others_.end()) {
    if (others_.size() < kMostNames)
      others_.emplace(record.database);
    else
      more_others_ = true;
  }
  return true;
}

std::string DatabaseFilter::explain() const {
  std::vector<std::string> names;
  for (const std::string& name : others_) names.push_back(printable(name));
  const std::string of = join(names, ", ") + (more_others_ ? ", …" : "");
  if (left_nothing()) {
    return fmt::format("no statement of the database {}: all {} are of {} (--database NAME picks another)", printable(database_), left_out_,
                       of);
  }
  return fmt::format("{} statement{} of other databases than {} {} skipped ({})", left_out_, left_out_ == 1 ? "" : "s",
                     printable(database_), left_out_ == 1 ? "was" : "were", of);
}

}  // namespace dbaudit
