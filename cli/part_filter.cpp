#include "cli/part_filter.h"

#include <fmt/format.h>

namespace dbaudit {

bool PartFilter::stands_outside(const LogRecord& record) {
  const bool is_statement = record.kind == RecordKind::kStatement;
  if (!is_statement && record.kind != RecordKind::kError && record.kind != RecordKind::kCompletion) return false;
  const TimePoint& when = record.time.known() ? record.time : record.end_time;
  const bool out = (when.known() && part_.since.known() && when.micros < part_.since.micros) ||
                   (when.known() && part_.until.known() && when.micros >= part_.until.micros) ||
                   (!part_.app.empty() && !record.app.empty() && record.app != part_.app) ||
                   (!part_.user.empty() && !record.user.empty() && record.user != part_.user);
  const bool untold = ((part_.since.known() || part_.until.known()) && !when.known()) || (!part_.app.empty() && record.app.empty()) ||
                      (!part_.user.empty() && record.user.empty());
  if (is_statement) {
    ++(out ? left_out_ : kept_);
    if (!out && untold) ++untold_;
  }
  return out;
}

std::string PartFilter::explain() const {
  if (left_nothing()) return fmt::format("none of {} statements is in the part asked for (--since, --until, --app, --user)", left_out_);
  std::string text = fmt::format("{} statement{} outside the part asked for {} skipped", left_out_, left_out_ == 1 ? "" : "s",
                                 left_out_ == 1 ? "was" : "were");
  if (untold_ != 0) text += fmt::format("; of {} the log does not tell whether they are in it, and they were kept", untold_);
  return text;
}

}  // namespace dbaudit
