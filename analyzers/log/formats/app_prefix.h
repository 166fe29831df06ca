#pragma once
// What Node applications print around the messages of a library: a prefix of their own, and its tags.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/log/formats/python_logging.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/record.h"

namespace dbaudit {

/// The prefixes of a log, learned from its first lines.
class AppPrefixes {
 public:
  AppPrefixes(const PythonMessages& messages, int32_t zone_offset_minutes) : messages_(messages), zone_(zone_offset_minutes) {}

  /// Colours must be off.
  void learn(std::string_view head) { layouts_ = learn_python_layouts(head, messages_); }
  [[nodiscard]] bool learned() const { return !layouts_.empty(); }
  /// Splits a line: `visit(message_offset, strong)` is asked of every layout that fits until it says true; `strong` tells that the prefix alone makes
  /// this a line of the log. False when none did.
  template <typename Visit>
  bool match(std::string_view line, bool tags, Visit visit) {
    for (const PythonLayout& layout : layouts_) {
      const auto message = layout.match(line, prefix_, tags ? &tags_ : nullptr);
      if (message && visit(*message, layout.is_strong() && !layout.is_bare())) return true;
    }
    return false;
  }
  /// Of the line matched last. The views are into that line.
  [[nodiscard]] TimePoint time() const { return in_zone(prefix_.time, zone_); }
  [[nodiscard]] std::span<const Tag> tags() const { return tags_; }
  /// A named connection or session, else pid, thread or request; empty when the prefix tells none. Lives until the next call.
  std::string_view session();

 private:
  PythonMessages messages_;
  int32_t zone_;
  std::vector<PythonLayout> layouts_;
  PythonPrefix prefix_;
  PythonSession session_;
  std::vector<Tag> tags_;
};

/// Copies of tags whose line is gone before the record is delivered.
class KeptTags {
 public:
  void keep(std::span<const Tag> tags);
  [[nodiscard]] std::span<const Tag> tags() const { return tags_; }

 private:
  std::string text_;
  std::vector<Tag> tags_;
};

/// Is `name` (of a field `name=value`) one of those under which programs print a connection or session?
[[nodiscard]] bool is_connection_name(std::string_view name);

}  // namespace dbaudit
