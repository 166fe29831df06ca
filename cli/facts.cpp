// `dbaudit facts`: what the parser understood of each statement. Input is a script, cut at its top-level semicolons, or JSON objects with a key
// `sql`, one a line. One line of output for each statement in order, so that input and output can be laid side by side.

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"
#include "analyzers/log/lines.h"
#include "analyzers/log/source.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/parser.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxScript = size_t{256} << 20;

void print_line(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

/// Finds where a statement of a script ends: at a semicolon outside parentheses (CREATE RULE has some inside) and outside the BEGIN … END of a
/// stored program (triggers, procedures).
class StatementEnd {
 public:
  /// True when `token` ends the statement.
  bool at(const Token& token) {
    ++tokens_;
    if (token.kind == TokenKind::kWord) word(token.text);
    if (token.kind != TokenKind::kPunct) return false;
    if (token.text == "(") ++parentheses_;
    if (token.text == ")" && parentheses_ > 0) --parentheses_;
    if (token.text != ";") return false;
    after_end_ = false;
    return parentheses_ == 0 && blocks_ == 0;
  }
  void reset() { *this = StatementEnd(); }

 private:
  void word(std::string_view word) {
    constexpr int kHead = 8;  // CREATE OR REPLACE DEFINER = a @ b TRIGGER …
    if (tokens_ == 1) create_ = iequals(word, "create");
    if (create_ && tokens_ <= kHead) {
      for (std::string_view kind : {"trigger", "procedure", "function", "event"}) program_ = program_ || iequals(word, kind);
    }
    if (!program_) return;
    // END IF, END LOOP and their like close what no BEGIN or CASE opened; END CASE closes a CASE.
    bool closes_other = after_end_ && (iequals(word, "if") || iequals(word, "loop") || iequals(word, "while") || iequals(word, "repeat"));
    bool closes_case = after_end_ && iequals(word, "case");
    after_end_ = false;
    if (closes_other) {
      ++blocks_;
    } else if (closes_case) {
      return;
    } else if (iequals(word, "begin") || iequals(word, "case")) {
      ++blocks_;
    } else if (iequals(word, "end")) {
      after_end_ = true;
      if (blocks_ > 0) --blocks_;
    }
  }

  int tokens_ = 0, parentheses_ = 0, blocks_ = 0;
  bool create_ = false, program_ = false, after_end_ = false;
};

Result<std::string> read_whole(ByteSource& source, const std::string& path) {
  std::string script;
  char buffer[1 << 16];
  for (;;) {
    Result<size_t> n = source.read(buffer, sizeof buffer);
    if (!n) return tl::unexpected(n.error());
    if (*n == 0) return script;
    if (script.size() + *n > kMaxScript) return fail(fmt::format("{} is longer than {} MiB: split it", path, kMaxScript >> 20));
    script.append(buffer, *n);
  }
}

void facts_of_script(std::string_view script, const Dialect& dialect) {
  Lexer lexer(script, dialect);
  StatementEnd end;
  size_t start = 0;
  bool any = false;  // a token besides the semicolon
  auto statement = [&](size_t stop) {
    std::string_view sql = trim(script.substr(start, stop - start));
    if (any) print_line(facts_to_json(sql, parse_statement(sql, dialect), dialect));
  };
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (end.at(token)) {
      statement(static_cast<size_t>(token.text.data() - script.data()));
      start = lexer.offset();
      any = false;
      end.reset();
    } else {
      any = true;
    }
  }
  statement(script.size());
}

int facts_of_lines(std::unique_ptr<ByteSource> source, const std::string& path, const Dialect& dialect) {
  Lines lines(std::move(source));
  uint64_t objects = 0, others = 0;
  while (std::optional<std::string_view> line = lines.peek()) {
    if (!trim(*line).empty()) {
      nlohmann::json object = nlohmann::json::parse(*line, nullptr, false);
      if (object.is_object() && object.contains("sql") && object["sql"].is_string()) {
        ++objects;
        const auto& sql = object["sql"].get_ref<const std::string&>();
        print_line(facts_to_json(sql, parse_statement(sql, dialect), dialect));
      } else {
        ++others;
        print_line(R"({"kind":"OTHER","quality":"opaque","reason":"the line is no JSON object with a string sql"})");
      }
    }
    lines.take();
  }
  if (lines.error()) return job_failed(lines.error()->message);
  if (objects == 0 && others > 0) return job_failed(fmt::format("{}: no line is a JSON object with a string sql", path));
  return 0;
}

}  // namespace

int run_facts(Engine engine, const std::string& input, const std::string& path) {
  const Dialect& dialect = dialect_of(engine);
  Result<std::unique_ptr<ByteSource>> source = open_source(path);
  if (!source) return job_failed(source.error().message);
  if (input == "jsonl") return facts_of_lines(*std::move(source), path, dialect);
  Result<std::string> script = read_whole(**source, path);
  if (!script) return job_failed(script.error().message);
  facts_of_script(*script, dialect);
  return 0;
}

}  // namespace dbaudit
