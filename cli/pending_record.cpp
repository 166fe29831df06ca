#include "cli/pending_record.h"

#include <new>
#include <span>

#include "analyzers/trace/session_pool.h"

namespace dbaudit {

void PendingRecord::keep(std::string_view stream, const LogRecord& read, DatabaseFilter& others, PartFilter& part, Arena& arena) {
  is_left_out = others.leaves_out(read) || part.leaves_out(read);
  record = read;
  start = {};
  session = SessionPool::key_of(stream, read.session);
  if (is_left_out) return;
  for (std::string_view LogRecord::*const text :
       {&LogRecord::session, &LogRecord::error_code, &LogRecord::error_message, &LogRecord::source_file})
    record.*text = arena.copy(record.*text);
  for (std::string_view LogRecord::*const text :
       {&LogRecord::app, &LogRecord::user, &LogRecord::database, &LogRecord::sql, &LogRecord::txid})
    record.*text = {};
  const std::span<Tag> tags = arena.array<Tag>(record.tags.size());
  for (size_t i = 0; i < tags.size(); ++i) tags[i] = {arena.copy(record.tags[i].name), arena.copy(record.tags[i].value)};
  record.tags = tags;
  record.params = {};
}

void PendingRecord::keep_text(const LogRecord& read, Arena& arena) {
  if (is_left_out || read.kind != RecordKind::kStatement) return;
  record.sql = arena.copy(read.sql);
  start = Templates::start_of(record.sql);
  const std::span<BindValue> params = arena.array_to_fill<BindValue>(read.params.size());
  for (size_t i = 0; i < params.size(); ++i) (new (&params[i]) BindValue(read.params[i]))->text = arena.copy(read.params[i].text);
  record.params = params;
}

}  // namespace dbaudit
