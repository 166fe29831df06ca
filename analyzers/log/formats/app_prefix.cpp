#include "analyzers/log/formats/app_prefix.h"

#include <algorithm>

#include "analyzers/base/text.h"

namespace dbaudit {

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

}  // namespace dbaudit
