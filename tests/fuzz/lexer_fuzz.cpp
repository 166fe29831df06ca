// libFuzzer target: any bytes through the lexer, the slot pass, binding and the comment reader, in every dialect, with what must hold of each.
//
//   clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -I. tests/fuzz/lexer_fuzz.cpp analyzers/sql/*.cpp analyzers/sql/dialects/*.cpp
//           analyzers/base/*.cpp -lxxhash -lfmt -o lexer_fuzz
//   ./lexer_fuzz -max_total_time=1800 -dict=tests/fuzz/sql.dict corpus tests/fuzz/lexer
//
// The first byte chooses the dialect, the rest is the statement.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/tokens.h"

namespace {

using namespace dbaudit;

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

Dialect choose(unsigned char byte) {
  constexpr Engine kEngines[] = {Engine::kPostgres, Engine::kMySql, Engine::kMariaDb, Engine::kSqlite, Engine::kUnknown};
  Dialect d = dialect_of(kEngines[byte % 5]);
  if ((byte & 0x40) != 0) d.backslash_escapes = !d.backslash_escapes;
  if ((byte & 0x80) != 0) d.double_quotes_are_strings = !d.double_quotes_are_strings;
  return d;
}

void check_lexer(std::string_view sql, const Dialect& dialect) {
  Lexer all(sql, dialect, true);
  Lexer plain(sql, dialect, false);
  const char* at = sql.data();
  std::string content;
  for (;;) {
    const Token t = all.next();
    check(t.text.data() >= at, "tokens ascend");
    for (const char* gap = at; gap < t.text.data(); ++gap) {
      const auto c = static_cast<unsigned char>(*gap);
      const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
      const bool marker =
          dialect.executable_comments && (c == '/' || c == '*' || c == '!' || c == 'M' || c == 'm' || (c >= '0' && c <= '9'));
      check(blank || marker, "only blanks and marks of executable comments lie between tokens");
    }
    at = t.text.data() + t.text.size();
    check(at <= sql.data() + sql.size(), "tokens lie in the statement");
    if (t.kind != TokenKind::kComment || t.unterminated) {
      const Token p = plain.next();
      check(p.kind == t.kind && p.text.data() == t.text.data() && p.text.size() == t.text.size(),
            "comments do not change the other tokens");
    }
    if (t.kind == TokenKind::kEnd) break;
    check(!t.text.empty(), "every token has bytes");
    unquote(t, dialect, content);
  }
  check(at == sql.data() + sql.size(), "every byte is read");
}

void check_slots(std::string_view sql, const Dialect& dialect) {
  Fingerprinter fingerprinter(dialect);
  const Normalised n = fingerprinter.normalise(sql);
  const std::vector<SlotToken> tokens = tokenise(sql, dialect);
  int next = 0;
  const char* at = sql.data();
  check(!tokens.empty() && tokens.back().token.kind == TokenKind::kEnd, "the token stream ends with kEnd");
  for (const SlotToken& t : tokens) {
    check(t.token.text.data() >= at, "slot tokens ascend");
    at = t.token.text.data() + t.token.text.size();
    if (t.slot < 0) continue;
    check(!t.folded, "a folded token has no slot");
    check(t.slot == next, "slots are numbered from left to right");
    ++next;
  }
  check(static_cast<uint32_t>(next) == n.slots, "both readers count the same slots");
  check(n.row_slots == 0 || n.first_row_slot + n.row_slots <= n.slots, "the first row's slots exist");

  Arena arena;
  const BindValue params[] = {{.text = "1", .is_number = true}, {.text = "it's"}, {.text = {}, .is_null = true}};
  const BoundValues bound = fingerprinter.bind(params, true, arena);
  check(bound.slots.size() == n.slots && (bound.lists().empty() || bound.lists().size() == n.slots), "one value a slot");
  check(bound.more_rows().size() == (n.rows > 1 ? size_t{n.row_slots} * (n.rows - 1) : 0), "rows are whole");
  check(fingerprinter.normalise(sql).fingerprint == n.fingerprint, "normalising is repeatable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Dialect dialect = choose(data[0]);
  // A copy without slack, so that one byte read too far is seen.
  const std::vector<char> bytes(data + 1, data + size);
  const std::string_view sql(bytes.data(), bytes.size());
  check_lexer(sql, dialect);
  check_slots(sql, dialect);
  static_cast<void>(comment_tags(sql, dialect));
  return 0;
}
