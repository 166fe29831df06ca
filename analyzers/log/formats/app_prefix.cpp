#include "analyzers/log/formats/app_prefix.h"

#include <algorithm>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/sql_lines.h"

namespace dbaudit {

TimePoint AppPrefixes::time() const {
  TimePoint t = prefix_.time;
  if (t.known() && !t.zone_known && zone_ != INT32_MIN) {
    t.micros -= int64_t{zone_} * 60'000'000;
    t.zone_known = true;
  }
  return t;
}

std::string_view AppPrefixes::session() {
  for (const Tag& tag : tags_) {
    if (is_connection_name(tag.name) && !tag.value.empty()) return tag.value;
  }
  return session_.key(prefix_.process, prefix_.thread, prefix_.request, {});
}

void KeptTags::keep(std::span<const Tag> tags) {
  text_.clear();
  tags_.clear();
  size_t bytes = 0;
  for (const Tag& t : tags) bytes += t.name.size() + t.value.size();
  text_.reserve(bytes);  // the views below must not move
  for (const Tag& t : tags) {
    const size_t at = text_.size();
    text_ += t.name;
    text_ += t.value;
    const std::string_view both = std::string_view(text_).substr(at);
    tags_.push_back({both.substr(0, t.name.size()), both.substr(t.name.size())});
  }
}

bool is_connection_name(std::string_view name) {
  constexpr std::string_view kNames[] = {"conn",   "connection", "connid",    "conn_id",    "connectionid", "connection_id",
                                         "con",    "session",    "sessionid", "session_id", "sid",          "cid",
                                         "client", "threadid",   "thread",    "thread_id",  "tid"};
  return std::any_of(std::begin(kNames), std::end(kNames), [name](std::string_view known) { return iequals(name, known); });
}

void Completeness::add(const LogRecord& record, ReaderCounts& counts) {
  ++counts.statements;
  if (record.truncated || record.params_cut) ++counts.truncated_statements;
  if (record.session.empty()) no_session_ = true;
  if (!record.time.known() && !record.end_time.known()) no_time_ = true;
  if (record.tx_boundary != TxBoundary::kExplicit) no_boundaries_ = true;
  if (!no_parameters_ && !record.has_params) no_parameters_ = has_placeholder(record.sql);
}

void Completeness::finish(ReaderCounts& counts) {
  if (std::exchange(finished_, true)) return;
  auto& words = counts.incomplete;
  if (no_parameters_) words.emplace_back("no-parameters");
  if (no_session_) words.emplace_back("no-session");
  if (no_time_) words.emplace_back("no-time");
  if (no_boundaries_) words.emplace_back("no-transaction-boundaries");
  if (counts.sampled) words.emplace_back("sampled");
  if (counts.truncated_statements > 0) words.emplace_back("truncated");
  std::sort(words.begin(), words.end());
}

}  // namespace dbaudit
