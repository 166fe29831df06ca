#include "analyzers/log/formats/sql_script.h"

#include <algorithm>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool is_word(char c) { return is_word_start(c) || (c >= '0' && c <= '9') || c == '$'; }
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

void SqlSplitter::begin() {
  mode_ = Mode::kCode;
  comment_depth_ = body_depth_ = words_ = 0;
  is_create_ = is_routine_ = after_end_ = has_text_ = has_comment_ = has_placeholder_ = false;
  began_at_.reset();
}

void SqlSplitter::code_seen(size_t at) {
  if (has_text_) return;
  has_text_ = true;
  if (!has_comment_) began_at_ = at;
}

/// CREATE … TRIGGER, PROCEDURE, FUNCTION or EVENT opens a text in which BEGIN … END and CASE … END hold semicolons.
void SqlSplitter::word(std::string_view text) {
  ++words_;
  if (words_ == 1) is_create_ = iequals(text, "create");
  if (!is_create_) return;
  if (!is_routine_) {
    is_routine_ =
        words_ <= 12 && (iequals(text, "trigger") || iequals(text, "procedure") || iequals(text, "function") || iequals(text, "event"));
    return;
  }
  const bool was_end = after_end_;
  after_end_ = false;
  if (iequals(text, "begin") || (iequals(text, "case") && !was_end)) {
    if (body_depth_ < 1'000'000) ++body_depth_;
  } else if (iequals(text, "end")) {
    if (body_depth_ > 0) {
      --body_depth_;
      after_end_ = true;
    }
  } else if (was_end && (iequals(text, "if") || iequals(text, "loop") || iequals(text, "while") || iequals(text, "repeat"))) {
    ++body_depth_;  // END IF closes an IF, which was not counted
  }
}

/// From inside a quote: behind its end, or the end of the line.
size_t SqlSplitter::quote_end(std::string_view line, size_t at) {
  while (at < line.size()) {
    const char c = line[at];
    if (c == '\\' && has_escapes_) {
      if (engine_ == Engine::kUnknown && at + 1 < line.size() && line[at + 1] == quote_) {
        const char after = at + 2 < line.size() ? line[at + 2] : '\n';
        // 'C:\' ends here; 'it\'s' does not. What can follow a literal decides.
        if (is_blank(after) || after == ',' || after == ')' || after == ';') {
          ++at;
          continue;
        }
      }
      at += 2;
    } else if (c == quote_) {
      if (at + 1 < line.size() && line[at + 1] == quote_) {
        at += 2;
      } else {
        mode_ = Mode::kCode;
        return at + 1;
      }
    } else {
      ++at;
    }
  }
  return line.size();
}

std::optional<SqlSplitter::End> SqlSplitter::scan(std::string_view line, size_t at) {
  began_at_.reset();
  while (at < line.size()) {
    switch (mode_) {
      case Mode::kQuote: at = quote_end(line, at); continue;
      case Mode::kDollar: {
        const size_t end = line.find(dollar_tag_, at);
        if (end == std::string_view::npos) return std::nullopt;
        at = end + dollar_tag_.size();
        mode_ = Mode::kCode;
        continue;
      }
      case Mode::kBlockComment: {
        const size_t mark = line.find_first_of("*/", at);
        if (mark == std::string_view::npos || mark + 1 >= line.size()) return std::nullopt;
        at = mark + 1;
        if (line[mark] == '*' && line[mark + 1] == '/') {
          ++at;
          if (--comment_depth_ <= 0) mode_ = Mode::kCode;
        } else if (line[mark] == '/' && line[mark + 1] == '*' && engine_ == Engine::kPostgres) {
          ++at;
          ++comment_depth_;
        }
        continue;
      }
      case Mode::kCode: break;
    }
    const char c = line[at];
    const char next = at + 1 < line.size() ? line[at + 1] : '\n';
    if (is_blank(c)) {
      ++at;
      continue;
    }
    if (c == delimiter_[0] && line.substr(at).starts_with(delimiter_) && (body_depth_ == 0 || delimiter_ != ";")) {
      return End{at, at + delimiter_.size()};
    }
    if (is_word_start(c)) {
      code_seen(at);
      size_t end = at + 1;
      while (end < line.size() && is_word(line[end])) ++end;
      const std::string_view text = line.substr(at, end - at);
      word(text);
      at = end;
      if (at < line.size() && line[at] == '\'' && iequals(text, "e") && !is_mysql_family(engine_) && engine_ != Engine::kSqlite) {
        mode_ = Mode::kQuote;
        quote_ = '\'';
        has_escapes_ = true;
        ++at;
      }
      continue;
    }
    switch (c) {
      case '-':
        // MySQL wants a blank behind it; `5--1` is arithmetic there, and nobody writes it elsewhere.
        if (next == '-' && (is_blank(at + 2 < line.size() ? line[at + 2] : '\n') || !is_mysql_family(engine_))) return std::nullopt;
        break;
      case '#':
        if (is_mysql_family(engine_)) return std::nullopt;
        // PostgreSQL has operators of it: #>, #-, and a lonely # between two numbers.
        if (engine_ == Engine::kUnknown && (!has_text_ || is_blank(next) || is_word_start(next))) return std::nullopt;
        break;
      case '/':
        if (next == '*') {
          const char third = at + 2 < line.size() ? line[at + 2] : '\n';
          if (third == '!' || (third == 'M' && at + 3 < line.size() && line[at + 3] == '!')) {
            code_seen(at);
          } else if (!has_text_) {
            has_comment_ = true;
            began_at_ = at;
          }
          mode_ = Mode::kBlockComment;
          comment_depth_ = 1;
          at += 2;
          continue;
        }
        break;
      case '\'':
      case '"':
      case '`':
        code_seen(at);
        mode_ = Mode::kQuote;
        quote_ = c;
        has_escapes_ = c != '`' && (is_mysql_family(engine_) || (engine_ == Engine::kUnknown && c == '\''));
        ++at;
        continue;
      case '$': {
        code_seen(at);
        size_t end = at + 1;
        while (end < line.size() && is_word_start(line[end])) ++end;
        while (end < line.size() && is_word(line[end]) && line[end] != '$') ++end;
        const bool is_tag = end < line.size() && line[end] == '$' && (end == at + 1 || is_word_start(line[at + 1]));
        if (is_tag && !is_mysql_family(engine_) && engine_ != Engine::kSqlite) {
          dollar_tag_ = line.substr(at, end + 1 - at);
          mode_ = Mode::kDollar;
          at = end + 1;
          continue;
        }
        has_placeholder_ = has_placeholder_ || is_word(next);
        break;
      }
      case '?': has_placeholder_ = true; break;
      case ':':
        if (next == ':') {
          ++at;
        } else if (is_word_start(next) && (at == 0 || !is_word(line[at - 1]))) {
          has_placeholder_ = true;
        }
        break;
      case '@':
        if (is_word_start(next)) has_placeholder_ = true;
        break;
      case '\\': {
        // psql and mysql send what they have at \g and \G; \gset and \gexec take the rest of the line.
        if (next != 'g' && next != 'G') break;
        const bool is_short = at + 2 >= line.size() || is_blank(line[at + 2]) || line[at + 2] == ';';
        return End{at, is_short ? at + 2 : line.size()};
      }
      default: break;
    }
    code_seen(at);
    ++at;
  }
  return std::nullopt;
}

Engine guess_script_engine(std::string_view head) {
  const std::string lower = to_lower(head.substr(0, 16384));
  const auto has = [&](std::string_view text) { return lower.find(text) != std::string::npos; };
  const bool mysql = has("`") || has(" engine=") || has("/*!") || has("\ndelimiter ") || has("auto_increment");
  const bool postgres = has("\n\\connect") || has(" from stdin") || has("$$") || has("::") || has(" bigserial") || has("nextval(") ||
                        has("language plpgsql") || has("set search_path") || has("set_config(");
  const bool sqlite = has("pragma ") || has("autoincrement") || has("without rowid") || has("begin immediate") || has("sqlite_");
  if (mysql + postgres + sqlite != 1) return Engine::kUnknown;
  return mysql ? Engine::kMySql : postgres ? Engine::kPostgres : Engine::kSqlite;
}

}  // namespace dbaudit
