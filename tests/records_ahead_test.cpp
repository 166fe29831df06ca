#include "cli/records_ahead.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "analyzers/log/source.h"
#include "cli/record_pipeline.h"
#include "tests/catch.h"

namespace dbaudit {

namespace {

/// Statements of `templates` shapes by as many sessions, twice, with what else a log has: parameters, packets, errors, ends of sessions.
std::string log_of(int templates) {
  std::string log;
  for (int i = 0; i < 2 * templates; ++i) {
    const int n = i % templates;
    const std::string head = fmt::format("2026-03-02 09:{:02}:{:02}.{:03} UTC [{}] shop@orders ", i / 60'000, i / 1000 % 60, i % 1000, n);
    log += head + fmt::format("LOG:  execute <unnamed>: SELECT a, b FROM t{} WHERE id = $1 AND name = 'x{}'\n", n, i);
    log += head + fmt::format("DETAIL:  parameters: $1 = '{}'\n", i);
    if (n % 5 == 0) log += head + fmt::format("LOG:  statement: BEGIN; UPDATE t{} SET a = {}; SAVEPOINT s{}\n", n, i, i);
    if (n % 3 == 0) log += head + fmt::format("LOG:  statement: UPDATE shared SET a = {}, c{} = 'x' WHERE id = {}\n", i, n, i);
    if (n % 7 == 0) {
      log += head + fmt::format("LOG:  statement: INSERT INTO t{} (a) VALUES ('it''s {}') /* route='r{}' */\n", n, i, i);
      log += head + "ERROR:  duplicate key value violates unique constraint \"k\"\n";
      log += head + fmt::format("STATEMENT:  INSERT INTO t{} (a) VALUES ('it''s {}') /* route='r{}' */\n", n, i, i);
    }
    if (n % 11 == 0) log += head + "LOG:  disconnection: session time: 0:00:00.100 user=shop database=orders host=[local]\n";
  }
  return log;
}

std::string spell(const LogRecord& record, std::span<const PreparedStatement> statements) {
  std::string text =
      fmt::format("{} {} {} {} {}", record.line, static_cast<int>(record.kind), record.session, record.about_line, record.error_message);
  for (const PreparedStatement& s : statements) {
    text += fmt::format(" | {} {}", s.of->id, s.object_name);
    if (s.has_comment) text += s.sql;
    for (const Value& v : s.values.slots) text += fmt::format(" {}:{}", static_cast<int>(v.kind), v.text);
  }
  return text;
}

struct Reading {
  explicit Reading(const std::string& log) : lines(new Lines(memory_source(log))) {
    reader = find_format("postgres-stderr")->open(std::unique_ptr<Lines>(lines), {});
  }

  Lines* lines;  // the reader's
  std::unique_ptr<RecordReader> reader;
  Templates templates{dialect_of(Engine::kPostgres)};
  DatabaseFilter others{""};
  PartFilter part{LogPart()};
};

std::vector<std::string> read_one_by_one(const std::string& log) {
  Reading from(log);
  std::vector<std::string> all;
  LogRecord record;
  while (from.reader->next(record)) {
    Arena arena;
    std::vector<PreparedStatement> statements;
    if (record.kind == RecordKind::kStatement) {
      each_statement(record, Templates::start_of(record.sql), from.templates, [&](PreparedStatement s) {
        s.evaluate(record, from.templates, arena);
        statements.push_back(s);
      });
    }
    all.push_back(spell(record, statements));
  }
  return all;
}

std::vector<std::string> read_ahead(const std::string& log) {
  Reading from(log);
  Binder binder(nullptr);
  const Trace trace(from.templates, binder, {}, [](const WorkUnit&) {});
  RecordsAhead ahead("postgres-stderr", *from.reader, from.templates, trace, from.others, from.part);
  std::vector<std::string> all;
  while (const RecordsAhead::Item* const item = ahead.next()) all.push_back(spell(item->record, item->statements));
  return all;
}

std::vector<std::string> read_beside(const std::string& log) {
  Reading from(log);
  RecordPipeline pipeline("postgres-stderr", *from.reader, *from.lines, from.templates, from.others, from.part);
  std::vector<std::string> all;
  while (const RecordPipeline::Batch* const batch = pipeline.next()) {
    for (const RecordPipeline::Item& item : batch->items) all.push_back(spell(item.record, batch->of(item)));
  }
  return all;
}

}  // namespace

TEST_CASE("records read ahead: what the trace gets is what it gets without") {
  for (const int templates : {1, 3, 6000}) {  // more than are taken for many
    const std::string log = log_of(templates);
    const std::vector<std::string> expected = read_one_by_one(log);
    REQUIRE(expected.size() >= 2 * static_cast<size_t>(templates));
    CHECK(read_ahead(log) == expected);
    CHECK(read_beside(log) == expected);
  }
  CHECK(read_ahead("").empty());
}

}  // namespace dbaudit
