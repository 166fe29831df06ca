// Knex, in the four ways it is made to talk.
//
// DEBUG=knex:query,knex:bindings,knex:tx (the `debug` package; on a terminal in colours, each line with its namespace and `+3ms` at the end):
//   2026-01-09T10:00:00.000Z knex:tx trx2: Starting top level transaction
//   2026-01-09T10:00:00.001Z knex:query BEGIN; trx2
//   2026-01-09T10:00:00.001Z knex:bindings undefined trx2
//   2026-01-09T10:00:00.002Z knex:query select * from "seat" where "id" = $1 trx2
//   2026-01-09T10:00:00.002Z knex:bindings [ 1 ] trx2
// Both lines are written in one go, so bindings are those of the query in front of them. `undefined` is no transaction, but see knex_transactions.h.
//
// debug: true: what a query builder was compiled to, through util.inspect(), an array of such objects for a schema builder; no times, no BEGIN:
//   { method: 'first', options: {}, bindings: [ 1 ], __knexQueryUid: '…', sql: 'select * from "seat" where "id" = ? limit ?' }
//
// knex.on('query' | 'query-response' | 'query-error', …) written as JSON lines: __knexUid is the connection, __knexTxId the transaction (a COMMIT may
// lack it), __knexQueryUid the query, so that a response (rowCount) or an error finds its statement.
//
// The same event printed by the application as `… knex: select …`, values filled in.

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/app_prefix.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/formats/knex_debug_line.h"
#include "analyzers/log/formats/knex_transactions.h"
#include "analyzers/log/formats/node_inspect.h"
#include "analyzers/log/formats/recent_statements.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxConnections = 4096;
using DebugKind = KnexDebugLine::Kind;
using Kind = JsonField::Kind;

/// Where `knex: select …` begins in an application's line; the SQL is kMarker behind it.
constexpr std::string_view kMarkers[] = {"knex: ", "[knex] ", "[knex]: ", "Knex: "};
size_t find_message(std::string_view line, size_t from) {
  for (const std::string_view marker : kMarkers) {
    const size_t at = line.find(marker, from);
    if (at == kNone || at > from + 300) continue;
    if (at > from && std::string_view(" \t])|>:").find(line[at - 1]) == kNone) continue;
    if (starts_like_sql(line.substr(at + marker.size()))) return at;
  }
  return kNone;
}
size_t marker_size(std::string_view line, size_t at) {
  for (const std::string_view marker : kMarkers) {
    if (line.substr(std::min(at, line.size())).starts_with(marker)) return marker.size();
  }
  return 0;
}
constexpr PythonMessages kMessages{"knex", "knex", find_message};

std::string_view query_uid(const JsonLines& json) {
  return json.text(
      {"__knexQueryUid", "quid", "queryUid", "query_uid", "obj.__knexQueryUid", "query.__knexQueryUid", "data.__knexQueryUid"});
}
std::string_view connection_uid(const JsonLines& json) {
  return json.text({"__knexUid", "uid", "obj.__knexUid", "query.__knexUid", "data.__knexUid"});
}
std::string_view transaction_id(const JsonLines& json) {
  return json.text({"__knexTxId", "txid", "trxId", "obj.__knexTxId", "query.__knexTxId", "data.__knexTxId"});
}

bool is_knex(const JsonLines& json) {
  return json.find_any({"__knexUid", "__knexQueryUid", "__knexTxId", "obj.__knexUid", "obj.__knexQueryUid", "query.__knexUid",
                        "query.__knexQueryUid", "data.__knexUid", "data.__knexQueryUid"}) != nullptr;
}

/// An object printed by util.inspect() begins here. What follows it, if anything, are lines with blanks in front and closing brackets.
bool begins_object(std::string_view line) {
  if (line == "{" || line == "[" || line.starts_with("{ ")) return true;
  return line.starts_with("[ {") || line.starts_with("<ref *1> {");
}
bool inside_object(std::string_view line) { return !line.empty() && (line[0] == ' ' || line[0] == '}' || line[0] == ']'); }

struct Printed {
  std::string_view sql, bindings, connection, txid;
  bool ours = false;
};

/// The fields of one printed object that matter.
Printed read_object(std::string_view object) {
  Printed p;
  bool knex = false;
  NodeElements properties(object);
  std::string_view value, key;
  while (properties.next(value, key)) {
    if (key == "sql") p.sql = value;
    if (key == "bindings") p.bindings = value;
    if (key == "__knexUid") p.connection = value;
    if (key == "__knexTxId") p.txid = value;
    knex |= key.starts_with("__knex") || key == "cancelOnTimeout" || key == "bindings";
  }
  p.ours = knex && properties.complete() && p.sql.size() > 1 && (p.sql[0] == '\'' || p.sql[0] == '"' || p.sql[0] == '`');
  return p;
}

class KnexReader final : public RecordReader {
 public:
  KnexReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), prefixes_(kMessages, options.zone_offset_minutes), zone_(options.zone_offset_minutes) {
    prefixes_.learn(without_colours(lines_->head(), text_));
  }

  bool next(LogRecord& record) override {
    if (printed_next_ < printed_.size()) {
      deliver_printed(record);
      return true;
    }
    while (const auto raw = lines_->peek()) {
      lines_->mark();
      line_ = lines_->line_number();
      const std::string_view line = without_colours(*raw, clean_);
      record = LogRecord{};
      record.line = line_;
      bool delivered = false;
      if (line.starts_with('{') && line.ends_with('}') && json_.parse(line)) {
        lines_->take();
        delivered = read_event(record);
      } else if (const KnexDebugLine debug = parse_knex_debug_line(line); debug.kind != DebugKind::kNone) {
        delivered = debug.kind == DebugKind::kQuery ? read_query(line, debug, record) : read_other_debug(line, debug, record);
      } else if (begins_object(line)) {
        delivered = read_printed(line, record);
      } else {
        delivered = read_message(line, record);
      }
      if (delivered) return true;
    }
    completeness_.finish(counts_);
    return false;
  }
  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  void unrecognised(std::string_view line) {
    if (line.find_first_not_of(" \t") != kNone) ++counts_.unrecognised_lines;
  }

  bool deliver(LogRecord& record) {
    record.kind = RecordKind::kStatement;
    ++counts_.records;
    completeness_.add(record, counts_);
    return true;
  }

  // --- the debug package

  bool read_query(std::string_view line, const KnexDebugLine& first, LogRecord& record) {
    const bool terminal = first.terminal;
    record.time = first.time;
    const auto content = [terminal](std::string_view next) {
      if (!terminal) return next;
      const KnexDebugLine d = parse_knex_debug_line(next);
      return d.kind == DebugKind::kQuery ? next.substr(d.text) : next;
    };
    KnexDebugEnd end;
    const auto add = [&](std::string_view text) {
      end = parse_knex_debug_end(text);
      return end.found ? text.substr(0, end.size) : text;
    };
    sql_.reset();
    sql_.add(add(line.substr(first.text)));
    tx_ = end.txid;
    assembled_.assign(line.substr(first.text, end.size));
    lines_->take();
    // An old Knex printed no id: then the statement ends where the next line is no part of it.
    size_t taken = 0;
    const GatheredSql gathered = gather_sql(
        *lines_, sql_, first.text, clean_,
        [&](std::string_view next) {
          const KnexDebugLine d = parse_knex_debug_line(next);
          return d.kind != DebugKind::kNone && !(terminal && d.terminal && d.kind == DebugKind::kQuery && !end.found);
        },
        [&](std::string_view next) {
          ++taken;
          return add(content(next));
        },
        [&] { return end.found; });
    if (taken > 0) assemble(first.text, terminal);
    has_ids_ |= end.found;
    const bool cut = gathered.cut || lines_->record_was_cut() || (has_ids_ && !end.found);
    record.sql = trim(assembled_);
    record.truncated = cut;
    record.tx_boundary = TxBoundary::kExplicit;
    const auto raw = lines_->peek();
    if (raw) {
      const std::string_view next = without_colours(*raw, clean_);
      const KnexDebugLine d = parse_knex_debug_line(next);
      if (d.kind == DebugKind::kBindings && !cut) read_bindings(next, d, record);
    }
    if (record.sql.empty()) {
      ++counts_.unrecognised_lines;
      return false;
    }
    const KnexTransactions::Place place = transactions_.place(tx_, record.sql);
    session_ = place.transaction;
    record.session = session_;
    record.txid = session_;
    record.tx_state = place.state;
    return deliver(record);
  }

  /// The statement of several lines in assembled_: namespaces of a terminal and the end taken off.
  void assemble(size_t first, bool terminal) {
    std::string_view text = lines_->since_mark();
    assembled_.clear();
    for (size_t at = 0; at < text.size();) {
      const size_t stop = std::min(text.find('\n', at), text.size());
      std::string_view line = without_colours(text.substr(at, stop - at), clean_);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (at == 0) {
        line = line.substr(std::min(first, line.size()));
      } else {
        if (terminal) {
          const KnexDebugLine d = parse_knex_debug_line(line);
          if (d.kind == DebugKind::kQuery) line = line.substr(d.text);
        }
        assembled_ += '\n';
      }
      at = stop + 1;
      if (at >= text.size()) {
        const KnexDebugEnd end = parse_knex_debug_end(line);
        tx_ = end.txid;
        line = line.substr(0, end.size);
      }
      assembled_ += line;
    }
  }

  void read_bindings(std::string_view line, const KnexDebugLine& first, LogRecord& record) {
    bindings_ = line.substr(first.text);
    const bool terminal = first.terminal;
    lines_->take();
    NodeBrackets brackets;
    auto end = brackets.add(bindings_);
    while (!end && brackets.is_open()) {
      const auto raw = lines_->peek();
      if (!raw || bindings_.size() > (size_t{16} << 20)) break;
      std::string_view next = without_colours(*raw, clean_);
      const KnexDebugLine d = parse_knex_debug_line(next);
      if (terminal && d.kind == DebugKind::kBindings) {
        next = next.substr(d.text);
      } else if (d.kind != DebugKind::kNone || !inside_object(next)) {
        break;
      }
      bindings_ += '\n';
      const size_t from = bindings_.size();
      bindings_ += next;
      lines_->take();
      end = brackets.add(bindings_, from);
    }
    values_.clear();
    if (!bindings_.starts_with('[') && !bindings_.starts_with('{')) return;  // undefined
    record.has_params = true;
    bool cut = !end;
    decoder_.reset(bindings_.size());
    decoder_.values(std::string_view(bindings_).substr(0, end.value_or(bindings_.size())), values_, cut);
    record.params = values_;
    record.params_cut = cut;
  }

  bool read_other_debug(std::string_view line, const KnexDebugLine& debug, LogRecord& record) {
    const std::string_view text = line.substr(debug.text);
    record.time = debug.time;
    if (debug.kind == DebugKind::kTx) {
      const size_t colon = text.find(": ");
      if (colon != kNone && text.substr(colon).starts_with(": releasing connection") && transactions_.release(text.substr(0, colon))) {
        session_ = text.substr(0, colon);
        record.session = session_;
        record.kind = RecordKind::kDisconnect;  // the id is never used again
      }
    }
    lines_->take();
    if (debug.kind == DebugKind::kBindings) {  // of a query whose line is missing
      NodeBrackets brackets;
      brackets.add(text);
      while (brackets.is_open()) {
        const auto raw = lines_->peek();
        if (!raw) break;
        const std::string_view next = without_colours(*raw, clean_);
        if (!inside_object(next) || parse_knex_debug_line(next).kind == DebugKind::kQuery) break;
        lines_->take();
        brackets.add(next);
      }
    }
    ++counts_.records;
    return true;
  }

  // --- objects printed by util.inspect()

  bool read_printed(std::string_view line, LogRecord& record) {
    const TakenContainer taken = take_node_container(*lines_, line, clean_, inside_object);
    printed_.clear();
    printed_next_ = 0;
    const std::string_view text = without_colours(lines_->since_mark(), text_);
    if (taken.closed) {
      if (text.starts_with('[')) {
        NodeElements elements(text);
        std::string_view object, key;
        while (elements.next(object, key)) add_printed(text, object);
      } else {
        add_printed(text, text);
      }
    }
    if (printed_.empty()) {
      counts_.unrecognised_lines += taken.lines;
      return false;
    }
    ++counts_.records;
    deliver_printed(record);
    return true;
  }

  void add_printed(std::string_view text, std::string_view object) {
    const Printed p = read_object(object);
    if (!p.ours) return;
    const auto before = text.substr(0, static_cast<size_t>(object.data() - text.data()));
    printed_.push_back({p, line_ + static_cast<uint64_t>(std::count(before.begin(), before.end(), '\n'))});
  }

  void deliver_printed(LogRecord& record) {
    const auto& [p, line] = printed_[printed_next_++];
    record = LogRecord{};
    record.line = line;
    record.kind = RecordKind::kStatement;
    bool cut = false;
    decoder_.reset(p.sql.size() + p.bindings.size() + p.connection.size() + p.txid.size());
    record.sql = decoder_.value(p.sql, cut).text;
    values_.clear();
    if (p.bindings.starts_with('[') || p.bindings.starts_with('{')) {
      record.has_params = true;
      decoder_.values(p.bindings, values_, record.params_cut);
      record.params = values_;
    }
    record.truncated = cut;
    record.session = decoder_.value(p.connection, cut).text;
    record.txid = decoder_.value(p.txid, cut).text;
    // An event has the connection, and BEGIN is one; the compiled builders of `debug: true` have neither.
    if (!p.connection.empty()) record.tx_boundary = TxBoundary::kExplicit;
    completeness_.add(record, counts_);
  }

  // --- events as JSON

  bool read_event(LogRecord& record) {
    const JsonField* sql = json_.find({"sql", "obj.sql", "query.sql", "data.sql"});
    const std::string_view query = query_uid(json_), uid = connection_uid(json_), txid = transaction_id(json_);
    const std::string_view name = json_.text({"t", "event", "type", "kind", "msg", "message", "name"});
    const bool is_response = icontains(name, "response");
    const bool is_error = !is_response && (icontains(name, "error") || json_.find({"err", "error", "error.code", "err.code"}) != nullptr ||
                                           (sql == nullptr && json_.find({"code"}) != nullptr));
    if (sql == nullptr && query.empty() && uid.empty()) {
      ++counts_.unrecognised_lines;
      return false;
    }
    session_ = uid;
    if (const std::string_view pid = json_.text({"pid", "process"}); !pid.empty() && !uid.empty()) {
      session_.assign(pid);
      session_ += ':';
      session_ += uid;
    }
    record.time = in_zone(json_time(json_, {"time", "timestamp", "ts", "@timestamp", "datetime", "t", "at"}), zone_);
    const bool sql_known = sql != nullptr && sql->kind == Kind::kString && !sql->text.empty();
    std::optional<uint64_t> about;
    const uint64_t key = RecentStatements::key(query);
    if (is_error || is_response || (sql_known && name.empty() && !query.empty())) {
      if (!query.empty()) about = recent_.take(key);
      if (!about && query.empty() && !session_.empty() && !sql_known) {
        if (const auto it = connections_.find(session_); it != connections_.end() && it->second.line != 0) about = it->second.line;
      }
    }
    if (is_error) {
      record.has_error = true;
      record.error_code = json_.text({"errno", "err.errno", "error.errno", "code", "err.code", "error.code", "error_code"});
      record.error_message = json_.text({"err.message", "error.message", "message", "err", "error", "detail"});
      if (record.error_message == name && name == "error") record.error_message = {};
    }
    if (about || (!sql_known && (is_error || is_response))) {
      // A response that was seen before, or to a query the log has lost.
      record.kind = is_error ? RecordKind::kError : RecordKind::kCompletion;
      record.attaches = about.has_value();
      record.about_line = about.value_or(0);
      record.end_time = record.time;
      record.time = {};
      set_rows(record);
      set_place(record, txid, {});
      ++counts_.records;
      return true;
    }
    if (!sql_known) {
      ++counts_.unrecognised_lines;
      return false;
    }
    record.sql = sql->text;
    if (is_error || is_response) {
      record.end_time = record.time;
      record.time = {};
    }
    if (is_response) set_rows(record);
    values_.clear();
    if (const JsonField* f = json_.find({"bindings", "obj.bindings", "query.bindings", "data.bindings"});
        f != nullptr && (f->kind == Kind::kArray || f->kind == Kind::kObject)) {
      record.has_params = json_.values(*f, values_);
      record.params = values_;
    }
    record.tx_boundary = TxBoundary::kExplicit;
    set_place(record, txid, record.sql);
    if (!query.empty()) recent_.put(key, line_, record.time);
    return deliver(record);
  }

  void set_rows(LogRecord& record) const {
    const JsonField* f = json_.find({"rowCount", "response.rowCount", "affectedRows", "response.affectedRows", "rows", "row_count"});
    if (f == nullptr || f->kind != Kind::kNumber) return;
    int64_t v = -1;
    if (std::from_chars(f->text.data(), f->text.data() + f->text.size(), v).ec == std::errc() && v >= 0) record.rows = v;
  }

  /// A connection has one transaction at a time: nested ones and a COMMIT without id belong to it.
  void set_place(LogRecord& record, std::string_view txid, std::string_view sql) {
    if (session_.empty()) session_ = txid;
    record.session = session_;
    if (session_.empty()) return;
    if (connections_.size() >= kMaxConnections && connections_.find(session_) == connections_.end()) connections_.clear();
    Connection& c = connections_[session_];
    const bool boundary = is_transaction_boundary(sql);
    if (boundary && (istarts_with(sql, "BEGIN") || istarts_with(sql, "START"))) {
      c.transaction = txid;
      c.open = true;
    }
    if (!c.open && !sql.empty() && !txid.empty()) {  // the log begins inside it
      c.transaction = txid;
      c.open = true;
    }
    txid_ = c.open && !c.transaction.empty() ? std::string_view(c.transaction) : txid;
    record.txid = txid_;
    if (boundary && record.txid == txid_ && !(istarts_with(sql, "BEGIN") || istarts_with(sql, "START"))) {
      c.open = false;
      c.transaction.clear();
    }
    if (!sql.empty()) c.line = line_;
  }

  // --- the application's own lines

  bool read_message(std::string_view line, LogRecord& record) {
    if (!prefixes_.learned() && find_message(line, 0) != kNone) prefixes_.learn(line);
    size_t text_at = 0;
    if (!starts(line, true, text_at) || text_at == 0) {
      lines_->take();
      unrecognised(line);
      return false;
    }
    record.time = prefixes_.time();
    session_ = prefixes_.session();
    tags_.keep(prefixes_.tags());
    const bool coloured = line.data() == clean_.data();
    sql_.reset();
    sql_.add(line.substr(text_at));
    lines_->take();
    const GatheredSql gathered = gather_sql(*lines_, sql_, text_at, clean_, [this](std::string_view next) {
      size_t at = 0;
      return starts(next, false, at);
    });
    std::string_view text = lines_->since_mark();
    if (coloured) text = without_colours(text, text_);
    record.sql = trim(text.substr(std::min(text_at, text.size())));
    record.truncated = gathered.cut || lines_->record_was_cut();
    record.session = session_;
    record.tags = tags_.tags();
    record.tx_boundary = TxBoundary::kExplicit;
    return deliver(record);
  }

  /// Does an entry begin here? `text_at`: its SQL, 0 for an entry of something else.
  bool starts(std::string_view line, bool tags, size_t& text_at) {
    text_at = 0;
    return prefixes_.match(line, tags, [&](size_t at, bool strong) {
      const size_t marker = marker_size(line, at);
      if (marker != 0) text_at = at + marker;
      return marker != 0 || strong;
    });
  }

  struct Connection {
    std::string transaction;
    bool open = false;
    uint64_t line = 0;  // of its last statement
  };
  struct PrintedAt {
    Printed printed;
    uint64_t line;
  };

  std::unique_ptr<Lines> lines_;
  AppPrefixes prefixes_;
  int32_t zone_;
  Completeness completeness_;
  JsonLines json_;
  KnexTransactions transactions_;
  RecentStatements recent_;
  std::unordered_map<std::string, Connection> connections_;
  SqlLines sql_;
  NodeDecoder decoder_;
  std::vector<BindValue> values_;
  KeptTags tags_;
  std::vector<PrintedAt> printed_;
  size_t printed_next_ = 0;
  std::string clean_, text_, session_, txid_, tx_, assembled_, bindings_;
  uint64_t line_ = 0;
  bool has_ids_ = false;  // every debug line ends with a transaction's id
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  std::string clean;
  JsonLines json;
  size_t lines = 0, ours = 0;
  bool in_object = false, object_ours = false, open = false;
  const bool whole = head.size() < (size_t{64} << 10) || head.ends_with('\n');
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    std::string_view line = without_colours(head.substr(at, stop - at), clean);
    at = stop + 1;
    if (stop == head.size() && !whole) break;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == kNone) continue;
    if (in_object && inside_object(line)) {
      const std::string_view property = trim(line);
      if (!object_ours && (property.starts_with("__knex") || property.starts_with("cancelOnTimeout:") ||
                           (property.starts_with("bindings: [") && object_ours))) {
        object_ours = true;
        ++ours;
      } else if (!object_ours && property.starts_with("sql: ") && starts_like_sql(property.substr(std::min<size_t>(6, property.size())))) {
        object_ours = true;
        ++ours;
      }
      continue;
    }
    if (open && inside_object(line)) continue;
    open = in_object = object_ours = false;
    ++lines;
    if (line.starts_with('{') && line.ends_with('}') && json.parse(line)) {
      if (is_knex(json) || (ours > 0 && json.find({"quid", "uid"}) != nullptr)) ++ours;
      continue;
    }
    if (parse_knex_debug_line(line).kind != DebugKind::kNone || find_message(line, 0) != kNone) {
      ++ours;
      open = true;
    } else if (begins_object(line)) {
      if (line.size() < 3) {
        in_object = true;
      } else {
        const auto object = line.starts_with('[') ? trim(line.substr(1)) : line;
        if (read_object(object).ours) ++ours;
        in_object = false;
      }
    }
  }
  if (ours == 0 || lines == 0) return 0;
  return static_cast<int>(550 + 400 * std::min(ours, lines) / lines);
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<KnexReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"2026-01-09T10:00:00.000Z knex:tx trx2: Starting top level transaction\n"
     "2026-01-09T10:00:00.001Z knex:query BEGIN; trx2\n"
     "2026-01-09T10:00:00.001Z knex:bindings undefined trx2\n"
     "2026-01-09T10:00:00.002Z knex:query select * from \"seat\" where \"id\" = $1 limit $2 undefined\n"
     "2026-01-09T10:00:00.002Z knex:bindings [ 'a', 1 ] undefined\n",
     2},
    {"  \x1b[35;1mknex:query \x1b[0mupdate seat set n = ? trx4 \x1b[35m+9ms\x1b[0m\n"
     "  \x1b[35;1mknex:bindings \x1b[0m[ \x1b[33m5\x1b[39m ] trx4 \x1b[35m+9ms\x1b[0m\n",
     1},
    {"{\n  method: 'first',\n  options: {},\n  timeout: false,\n  cancelOnTimeout: false,\n  bindings: [ \"it's\", 1 ],\n"
     "  __knexQueryUid: 'b0Yw',\n  sql: 'select * from \"seat\" where \"name\" = ? limit ?'\n}\n",
     1},
    {"[ { sql: 'drop table if exists \"seat\"', bindings: [] } ]\n", 1},
    {"{\"level\":20,\"time\":1767952800123,\"pid\":4101,\"__knexUid\":\"__knexUid2\",\"__knexTxId\":\"trx1\",\"sql\":\"BEGIN;\"}\n"
     "{\"level\":20,\"time\":1767952800124,\"pid\":4101,\"__knexUid\":\"__knexUid2\",\"__knexTxId\":\"trx1\",\"__knexQueryUid\":\"q1\","
     "\"sql\":\"select "
     "?\",\"bindings\":[1]}\n"
     "{\"event\":\"query-response\",\"__knexUid\":\"__knexUid2\",\"__knexQueryUid\":\"q1\",\"rowCount\":1}\n",
     2},
    {"[2026-01-09T10:00:00.123Z] knex: select * from `seat` where `id` = 1 for update\n", 1},
};

}  // namespace

extern const Format kFormat_knex;
const Format kFormat_knex = {
    "knex",
    "Knex: DEBUG=knex:*, debug: true, query events as JSON lines or printed as `knex: SQL`",
    "DEBUG=knex:query,knex:bindings,knex:tx in the environment; knex.on(\"query\", q => log.debug(q)) with __knexUid also names "
    "the connection",
    Engine::kUnknown,
    "knex",
    kSamples,
    score,
    open};

}  // namespace dbaudit
