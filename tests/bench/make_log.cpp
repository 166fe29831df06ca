// A log of any size as an application on an ORM makes it, for scripts/bench: tables with many columns, some hundred statement shapes of 60 to 700 bytes,
// requests of several statements on a pool of connections that come and go, transactions, locks, health checks and noise, and every so often one of two
// races on tables of their own. The same arguments make the same bytes.
//
//   make_log FORMAT BYTES [--sessions N] [--tables N] [--races N] [--seed N] [--schema FILE]
//
// FORMAT is postgres-stderr, postgres-csv, postgres-json, mysql-general, mysql-slow or django; the log goes to standard output and stops after the
// first request that ends past BYTES. --races is how many of a thousand requests race (default 5); --sessions how many connections are open at once
// (default 400); --tables gives nine statement shapes each (default 60). --schema writes the DDL that goes with it.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "tests/bench/log_maker.h"

namespace {

using dbaudit::bench::Random;
using dbaudit::bench::take_number;
using dbaudit::bench::take_options;
using dbaudit::bench::write_out;

enum class Format : uint8_t { kStderr, kCsv, kJson, kGeneral, kSlow, kDjango };

struct Settings {
  Format format = Format::kStderr;
  uint64_t bytes = 0;
  uint64_t sessions = 400, tables = 60, races = 5, seed = 1;
  std::string schema;
};

enum class Kind : uint8_t { kKey, kReference, kName, kText, kNumber, kMoney, kTime, kFlag };

struct Column {
  std::string name;
  Kind kind;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
};

/// A statement with its values apart: a `\1` in the text stands for the next of them, already quoted where it is a string.
struct Statement {
  std::string text;
  std::vector<std::string> values;
};

struct Session {
  uint32_t id = 0;
  uint32_t requests_left = 0;
  uint32_t transaction = 0;
  bool is_active = false;
  bool prepares = false;  // speaks the extended protocol
  uint64_t started = 0;   // µs
  uint32_t lines = 0;
  std::deque<Statement> queue;
};

constexpr uint64_t kIdle = 20;  // connections for each that is in use

constexpr std::string_view kNouns[] = {"order",   "customer", "invoice", "payment", "product", "category", "shipment",
                                       "address", "coupon",   "review",  "ticket",  "comment", "account",  "session",
                                       "message", "document", "project", "member",  "device",  "booking"};
constexpr std::string_view kColumns[] = {"name",        "title",      "description", "status",     "quantity",  "amount",
                                         "currency",    "created_at", "position",    "updated_at", "is_active", "locale",
                                         "country",     "reference",  "total",       "notes",      "priority",  "weight",
                                         "external_id", "due_date",   "is_archived", "score",      "discount",  "source"};
constexpr std::string_view kWords[] = {"alpha",    "north",  "it''s", "blue",   "parcel", "late",
                                       "priority", "summer", "gift",  "return", "x-ray",  "élan"};

class Maker {
 public:
  explicit Maker(const Settings& settings) : settings_(settings), random_(settings.seed) {
    mysql_ = settings.format == Format::kGeneral || settings.format == Format::kSlow;
    make_tables();
  }

  void write_schema(std::FILE* out) const;
  void run();

 private:
  void make_tables();
  std::string quoted(std::string_view name) const { return fmt::format(fmt::runtime(mysql_ ? "`{}`" : "\"{}\""), name); }
  std::string columns_of(const Table& t, bool qualified) const;
  std::string value(Kind kind);
  std::string row_id() { return fmt::to_string(random_.below(200'000) + 1); }
  Statement read_one(const Table& t, bool locks);
  void queue_request(Session& s);
  void connect(Session& s);
  void disconnect(Session& s);
  void write(Session& s, const Statement& statement);
  void write_server_line(Session& s, std::string_view message, std::string_view detail, std::string_view tag);
  void flush(bool all);
  uint64_t take_idle();

  Settings settings_;
  Random random_;
  bool mysql_ = false;
  std::vector<Table> tables_;
  std::vector<Session> sessions_;
  std::string out_;
  uint64_t written_ = 0, clock_ = 1'760'000'000'000'000, last_second_ = 0;
  uint32_t next_id_ = 1000, transactions_ = 0;
};

void Maker::make_tables() {
  Random shape(7);  // tables do not depend on the seed: one schema fits every log of that many tables
  for (uint64_t i = 0; i < settings_.tables; ++i) {
    Table t;
    t.name = fmt::format("shop_{}{}", kNouns[i % std::size(kNouns)],
                         i < std::size(kNouns) ? std::string() : fmt::format("_{}", i / std::size(kNouns)));
    t.columns.push_back({"id", Kind::kKey});
    t.columns.push_back({fmt::format("{}_id", kNouns[(i + 3) % std::size(kNouns)]), Kind::kReference});
    const uint64_t count = 5 + shape.below(14);
    const uint64_t first = shape.below(std::size(kColumns));
    for (uint64_t c = 0; c < count; ++c) {
      const uint64_t at = (first + c) % std::size(kColumns);
      constexpr Kind kKinds[] = {Kind::kName, Kind::kText, Kind::kText,   Kind::kName,   Kind::kNumber, Kind::kMoney,
                                 Kind::kName, Kind::kTime, Kind::kNumber, Kind::kTime,   Kind::kFlag,   Kind::kName,
                                 Kind::kName, Kind::kName, Kind::kMoney,  Kind::kText,   Kind::kNumber, Kind::kNumber,
                                 Kind::kName, Kind::kTime, Kind::kFlag,   Kind::kNumber, Kind::kMoney,  Kind::kName};
      static_assert(std::size(kKinds) == std::size(kColumns));
      t.columns.push_back({std::string(kColumns[at]), kKinds[at]});
    }
    tables_.push_back(std::move(t));
  }
}

void Maker::write_schema(std::FILE* out) const {
  constexpr std::string_view kPostgres[] = {"bigint PRIMARY KEY", "bigint NOT NULL",        "varchar(80) NOT NULL", "text",
                                            "integer NOT NULL",   "numeric(12,2) NOT NULL", "timestamp NOT NULL",   "boolean NOT NULL"};
  constexpr std::string_view kMySql[] = {"bigint PRIMARY KEY", "bigint NOT NULL",        "varchar(80) NOT NULL", "longtext",
                                         "int NOT NULL",       "decimal(12,2) NOT NULL", "datetime(6) NOT NULL", "tinyint(1) NOT NULL"};
  for (const Table& t : tables_) {
    fmt::print(out, "CREATE TABLE {} (", quoted(t.name));
    for (size_t i = 0; i < t.columns.size(); ++i) {
      const auto kind = static_cast<size_t>(t.columns[i].kind);
      fmt::print(out, "{}\n  {} {}", i == 0 ? "" : ",", quoted(t.columns[i].name), mysql_ ? kMySql[kind] : kPostgres[kind]);
    }
    fmt::print(out, "\n);\nCREATE INDEX {} ON {} ({});\n", quoted(t.name + "_ref"), quoted(t.name), quoted(t.columns[1].name));
  }
  fmt::print(out, "CREATE TABLE {0} ({1} bigint PRIMARY KEY, {2} integer NOT NULL);\n", quoted("race_counter"), quoted("id"),
             quoted("stock"));
  fmt::print(out, "CREATE TABLE {0} ({1} bigint PRIMARY KEY, {2} varchar(80) NOT NULL);\n", quoted("race_tag"), quoted("id"),
             quoted("name"));
}

std::string Maker::columns_of(const Table& t, bool qualified) const {
  std::string list;
  for (const Column& c : t.columns) {
    if (!list.empty()) list += ", ";
    if (qualified) list += quoted(t.name) + ".";
    list += quoted(c.name);
  }
  return list;
}

std::string Maker::value(Kind kind) {
  switch (kind) {
    case Kind::kKey:
    case Kind::kReference: return row_id();
    case Kind::kNumber: return fmt::to_string(random_.below(1000));
    case Kind::kMoney: return fmt::format("{}.{:02}", random_.below(5000), random_.below(100));
    case Kind::kFlag: return random_.below(2) == 0 ? "true" : "false";
    case Kind::kTime:
      return fmt::format("'2026-{:02}-{:02} {:02}:{:02}:{:02}.{:06}'", 1 + random_.below(12), 1 + random_.below(28), random_.below(24),
                         random_.below(60), random_.below(60), random_.below(1'000'000));
    case Kind::kName: return fmt::format("'{}-{}'", kWords[random_.below(std::size(kWords))], random_.below(100'000));
    case Kind::kText: {
      std::string text = "'";
      for (uint64_t i = 3 + random_.below(12); i > 0; --i)
        text.append(kWords[random_.below(std::size(kWords))]).push_back(i == 1 ? '\'' : ' ');
      return text;
    }
  }
  return "0";
}

Statement Maker::read_one(const Table& t, bool locks) {
  return {fmt::format("SELECT {} FROM {} WHERE {}.{} = \1{}{}", columns_of(t, true), quoted(t.name), quoted(t.name), quoted("id"),
                      locks ? "" : " LIMIT 21", locks ? " FOR UPDATE" : ""),
          {row_id()}};
}

void Maker::queue_request(Session& s) {
  const auto say = [&](std::string text, std::vector<std::string> values = {}) { s.queue.push_back({std::move(text), std::move(values)}); };
  if (random_.below(1000) < settings_.races) {
    if (random_.below(2) == 0) {
      const std::string id = fmt::to_string(1 + random_.below(20));
      say(fmt::format("SELECT {0}.{1}, {0}.{2} FROM {0} WHERE {0}.{1} = \1 LIMIT 21", quoted("race_counter"), quoted("id"),
                      quoted("stock")),
          {id});
      say(fmt::format("UPDATE {0} SET {2} = \1 WHERE {0}.{1} = \1", quoted("race_counter"), quoted("id"), quoted("stock")),
          {fmt::to_string(random_.below(500)), id});
    } else {
      const std::string name = fmt::format("'tag{}'", random_.below(1'000'000'000));
      say(fmt::format("SELECT {0}.{1}, {0}.{2} FROM {0} WHERE {0}.{2} = \1 LIMIT 21", quoted("race_tag"), quoted("id"), quoted("name")),
          {name});
      say(fmt::format("INSERT INTO {0} ({1}, {2}) VALUES (\1, \1)", quoted("race_tag"), quoted("id"), quoted("name")),
          {fmt::to_string(random_.next() >> 2U), name});
    }
    return;
  }
  const auto pick = [&]() -> const Table& {
    // A few tables are asked for most of the time.
    const uint64_t n = tables_.size();
    return tables_[random_.below(3) == 0 ? random_.below(n) : random_.below(n / 6 + 1)];
  };
  switch (random_.below(10)) {
    case 0: say("SELECT 1"); break;
    case 1: {
      // Lock, then write what was read: as it should be.
      const Table& t = pick();
      say(mysql_ ? "START TRANSACTION" : "BEGIN");
      s.queue.push_back(read_one(t, true));
      const std::string id = s.queue.back().values.front();
      Statement update{fmt::format("UPDATE {} SET ", quoted(t.name)), {}};
      for (size_t i = 1; i < t.columns.size(); ++i) {
        update.text += fmt::format("{}{} = \1", i == 1 ? "" : ", ", quoted(t.columns[i].name));
        update.values.push_back(value(t.columns[i].kind));
      }
      update.text += fmt::format(" WHERE {}.{} = \1", quoted(t.name), quoted("id"));
      update.values.push_back(id);
      s.queue.push_back(std::move(update));
      say("COMMIT");
      break;
    }
    case 2:
    case 3: {
      say(mysql_ ? "START TRANSACTION" : "BEGIN");
      for (uint64_t i = 1 + random_.below(3); i > 0; --i) {
        const Table& t = pick();
        Statement insert{fmt::format("INSERT INTO {} ({}) VALUES (", quoted(t.name), columns_of(t, false)), {}};
        for (const Column& c : t.columns) {
          insert.text += insert.values.empty() ? "\1" : ", \1";
          insert.values.push_back(c.kind == Kind::kKey ? fmt::to_string(random_.next() >> 2U) : value(c.kind));
        }
        insert.text += ")";
        s.queue.push_back(std::move(insert));
      }
      const Table& t = pick();
      say(fmt::format("DELETE FROM {0} WHERE {0}.{1} = \1", quoted(t.name), quoted("id")), {row_id()});
      say(random_.below(40) == 0 ? "ROLLBACK" : "COMMIT");
      break;
    }
    default:
      for (uint64_t i = 2 + random_.below(6); i > 0; --i) {
        const Table& t = pick();
        const std::string& reference = t.columns[1].name;
        switch (random_.below(6)) {
          case 0:
            say(fmt::format("SELECT COUNT(*) AS {0} FROM {1} WHERE {1}.{2} = \1", quoted("__count"), quoted(t.name), quoted(reference)),
                {row_id()});
            break;
          case 1:
            say(fmt::format("SELECT {0} FROM {1} WHERE {1}.{2} = \1 ORDER BY {1}.{3} DESC LIMIT 25", columns_of(t, true), quoted(t.name),
                            quoted(reference), quoted("id")),
                {row_id()});
            break;
          case 2: {
            Statement in{fmt::format("SELECT {0} FROM {1} WHERE {1}.{2} IN (", columns_of(t, true), quoted(t.name), quoted("id")), {}};
            for (uint64_t n = 1 + random_.below(20); n > 0; --n) {
              in.text += n == 1 ? "\1)" : "\1, ";
              in.values.push_back(row_id());
            }
            s.queue.push_back(std::move(in));
            break;
          }
          case 3: {
            const Table& other = tables_[(static_cast<size_t>(&t - tables_.data()) + 3) % tables_.size()];
            say(fmt::format("SELECT {0} FROM {1} INNER JOIN {2} ON ({1}.{3} = {2}.{4}) WHERE {2}.{4} = \1", columns_of(t, true),
                            quoted(t.name), quoted(other.name), quoted(reference), quoted("id")),
                {row_id()});
            break;
          }
          default: s.queue.push_back(read_one(t, false)); break;
        }
      }
      break;
  }
}

void Maker::write_server_line(Session& s, std::string_view message, std::string_view detail, std::string_view tag) {
  const std::time_t second = static_cast<std::time_t>(clock_ / 1'000'000);
  const uint64_t millis = clock_ / 1000 % 1000;
  auto to = std::back_inserter(out_);
  ++s.lines;
  switch (settings_.format) {
    case Format::kStderr:
      fmt::format_to(to, "{:%F %T}.{:03} UTC [{}] app@shop LOG:  {}\n", fmt::gmtime(second), millis, s.id, message);
      if (!detail.empty()) fmt::format_to(to, "{:%F %T}.{:03} UTC [{}] app@shop DETAIL:  {}\n", fmt::gmtime(second), millis, s.id, detail);
      break;
    case Format::kCsv: {
      const auto quote = [&](std::string_view text) {
        out_ += '"';
        for (const char c : text) {
          if (c == '"') out_ += '"';
          out_ += c;
        }
        out_ += '"';
      };
      fmt::format_to(to, "{:%F %T}.{:03} UTC,\"app\",\"shop\",{},\"10.0.3.9:{}\",{:x}.{:x},{},\"{}\",{:%F %T} UTC,{}/{},0,LOG,00000,",
                     fmt::gmtime(second), millis, s.id, 30000 + s.id % 30000, s.started / 1'000'000, s.id, s.lines, tag,
                     fmt::gmtime(static_cast<std::time_t>(s.started / 1'000'000)), s.id % 4000, s.transaction);
      quote(message);
      out_ += ',';
      if (!detail.empty()) quote(detail);
      out_ += ",,,,,,,,\"app\",\"client backend\",,0\n";
      break;
    }
    case Format::kJson: {
      const auto quote = [&](std::string_view text) {
        out_ += '"';
        for (const char c : text) {
          if (c == '"' || c == '\\') out_ += '\\';
          out_ += c;
        }
        out_ += '"';
      };
      fmt::format_to(
          to,
          "{{\"timestamp\":\"{:%F %T}.{:03} "
          "UTC\",\"user\":\"app\",\"dbname\":\"shop\",\"pid\":{},\"remote_host\":\"10.0.3.9\",\"remote_port\":{},"
          "\"session_id\":\"{:x}.{:x}\",\"line_num\":{},\"ps\":\"{}\",\"session_start\":\"{:%F %T} UTC\",\"vxid\":\"{}/{}\",\"txid\":0,"
          "\"error_severity\":\"LOG\",\"message\":",
          fmt::gmtime(second), millis, s.id, 30000 + s.id % 30000, s.started / 1'000'000, s.id, s.lines, tag,
          fmt::gmtime(static_cast<std::time_t>(s.started / 1'000'000)), s.id % 4000, s.transaction);
      quote(message);
      if (!detail.empty()) {
        out_ += ",\"detail\":";
        quote(detail);
      }
      out_ += ",\"application_name\":\"app\",\"backend_type\":\"client backend\",\"query_id\":0}\n";
      break;
    }
    default: break;
  }
}

void Maker::connect(Session& s) {
  const bool was_active = s.is_active;
  s = Session{};
  s.is_active = was_active;
  s.id = next_id_++;
  s.requests_left = static_cast<uint32_t>(20 + random_.below(400));
  s.prepares = random_.below(2) == 0;
  s.started = clock_;
  switch (settings_.format) {
    case Format::kGeneral: write(s, {"\2app@10.0.3.9 on shop using TCP/IP", {}}); break;
    case Format::kSlow:
    case Format::kDjango: break;
    default:
      write_server_line(s, "connection authorized: user=app database=shop", "", "authentication");
      s.queue.push_back({"SET TIME ZONE 'UTC'", {}});
      break;
  }
}

void Maker::disconnect(Session& s) {
  if (settings_.format == Format::kGeneral) write(s, {"\3", {}});
  if (!mysql_ && settings_.format != Format::kDjango)
    write_server_line(s, "disconnection: session time: 0:03:12.120 user=app database=shop host=10.0.3.9 port=43560", "", "idle");
}

void Maker::write(Session& s, const Statement& statement) {
  clock_ += 200 + random_.below(5000);
  const std::string_view text = statement.text;
  if (text == "BEGIN") s.transaction = ++transactions_;
  const bool numbered = s.prepares && !mysql_ && settings_.format != Format::kDjango && !statement.values.empty();
  std::string sql, parameters;
  size_t n = 0;
  for (const char c : text) {
    if (c != '\1') {
      sql += c;
    } else if (numbered) {
      fmt::format_to(std::back_inserter(sql), "${}", n + 1);
      const std::string& v = statement.values[n];
      fmt::format_to(std::back_inserter(parameters), fmt::runtime(v.front() == '\'' ? "{}${} = {}" : "{}${} = '{}'"),
                     n == 0 ? "parameters: " : ", ", n + 1, v);
      ++n;
    } else {
      sql += statement.values[n];
      ++n;
    }
  }
  const std::time_t second = static_cast<std::time_t>(clock_ / 1'000'000);
  auto to = std::back_inserter(out_);
  switch (settings_.format) {
    case Format::kGeneral:
      if (clock_ / 1'000'000 != last_second_) {
        last_second_ = clock_ / 1'000'000;
        fmt::format_to(to, "{:%y%m%d %H:%M:%S}", fmt::gmtime(second));
      } else {
        out_ += '\t';
      }
      if (text.front() == '\2') {
        fmt::format_to(to, "\t{:6} Connect\t{}\n", s.id, text.substr(1));
      } else if (text.front() == '\3') {
        fmt::format_to(to, "\t{:6} Quit\t\n", s.id);
      } else {
        fmt::format_to(to, "\t{:6} {}\t{}\n", s.id, s.prepares && !statement.values.empty() ? "Execute" : "Query", sql);
      }
      break;
    case Format::kSlow:
      if (clock_ / 1'000'000 != last_second_) {
        last_second_ = clock_ / 1'000'000;
        fmt::format_to(to, "# Time: {:%y%m%d %H:%M:%S}\n", fmt::gmtime(second));
      }
      fmt::format_to(
          to,
          "# User@Host: app[app] @  [10.0.3.9]\n# Thread_id: {}  Schema: shop  QC_hit: No\n# Query_time: 0.{:06}  Lock_time: 0.000021  "
          "Rows_sent: 1  Rows_examined: 1\n# Rows_affected: {}  Bytes_sent: 95\nSET timestamp={};\n{};\n",
          s.id, 50 + random_.below(5000), text.starts_with("SELECT") ? 0 : 1, second, sql);
      break;
    case Format::kDjango: {
      fmt::format_to(to, "{:%F %T},{:03} DEBUG django.db.backends [{}:MainThread] (0.{:03}) {}; args=", fmt::gmtime(second),
                     clock_ / 1000 % 1000, s.id, random_.below(20), sql);
      if (statement.values.empty()) {
        out_ += "None";
      } else {
        out_ += '(';
        for (size_t i = 0; i < statement.values.size(); ++i) {
          const std::string& v = statement.values[i];
          std::string shown = v == "true" ? "True" : v == "false" ? "False" : v;
          if (const size_t at = shown.find("''"); shown.front() == '\'' && at != std::string::npos && shown.size() > 2) {
            std::string plain;
            for (size_t c = 1; c + 1 < shown.size(); ++c) {
              plain += shown[c];
              if (shown[c] == '\'' && shown[c + 1] == '\'') ++c;
            }
            shown = '"' + plain + '"';
          }
          out_.append(shown).append(i + 1 == statement.values.size() && i != 0 ? "" : i == 0 && statement.values.size() == 1 ? "," : ", ");
        }
        out_ += ')';
      }
      out_ += "; alias=default\n";
      break;
    }
    default:
      write_server_line(s, fmt::format(fmt::runtime(numbered ? "execute <unnamed>: {}" : "statement: {}"), sql), parameters,
                        sql.substr(0, sql.find(' ')));
      break;
  }
}

uint64_t Maker::take_idle() {
  uint64_t i = random_.below(sessions_.size());
  while (sessions_[i].is_active) i = (i + 1) % sessions_.size();
  sessions_[i].is_active = true;
  return i;
}

void Maker::flush(bool all) {
  constexpr size_t kEnough = size_t{1} << 20;
  if (out_.size() < kEnough && !all) return;
  written_ += out_.size();
  write_out(out_);
}

void Maker::run() {
  if (mysql_)
    out_ +=
        "mariadbd, Version: 10.11.6-MariaDB-log (Debian 12). started with:\nTcp port: 3306  Unix socket: /run/mysqld/mysqld.sock\nTime\t\t "
        "   Id Command\tArgument\n";
  sessions_.resize(settings_.sessions);
  for (Session& s : sessions_) connect(s);
  // Most connections of a pool are idle; the requests of those that are not stand side by side.
  std::vector<uint64_t> active;
  for (uint64_t i = 0; i < std::max<uint64_t>(1, settings_.sessions / kIdle); ++i) active.push_back(take_idle());
  while (written_ + out_.size() < settings_.bytes) {
    uint64_t& at = active[random_.below(active.size())];
    Session& s = sessions_[at];
    if (s.queue.empty()) {
      if (s.requests_left == 0) {
        disconnect(s);
        connect(s);
      }
      --s.requests_left;
      queue_request(s);
    }
    write(s, s.queue.front());
    s.queue.pop_front();
    if (s.queue.empty()) {
      s.is_active = false;
      at = take_idle();
    }
    flush(false);
  }
  flush(true);
}

bool parse(int argc, char** argv, Settings& settings) {
  constexpr std::string_view kNames[] = {"postgres-stderr", "postgres-csv", "postgres-json", "mysql-general", "mysql-slow", "django"};
  if (argc < 3) return false;
  size_t format = 0;
  while (format < std::size(kNames) && kNames[format] != argv[1]) ++format;
  if (format == std::size(kNames) || !take_number(argv[2], settings.bytes)) return false;
  settings.format = static_cast<Format>(format);
  if (!take_options(
          argc, argv, 3,
          {{"--sessions", &settings.sessions}, {"--tables", &settings.tables}, {"--races", &settings.races}, {"--seed", &settings.seed}},
          settings.schema))
    return false;
  return settings.sessions > 0 && settings.tables > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!parse(argc, argv, settings)) {
    fmt::print(stderr, "usage: make_log FORMAT BYTES [--sessions N] [--tables N] [--races N] [--seed N] [--schema FILE]\n");
    return 2;
  }
  Maker maker(settings);
  if (!settings.schema.empty()) {
    std::FILE* const file = std::fopen(settings.schema.c_str(), "w");
    if (file == nullptr) {
      fmt::print(stderr, "make_log: {}: cannot be written\n", settings.schema);
      return 2;
    }
    maker.write_schema(file);
    std::fclose(file);
  }
  maker.run();
}
