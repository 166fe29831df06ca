#pragma once
// What one message of Entity Framework Core's relational loggers says.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/log/record.h"

namespace dbaudit {

struct EfMessage {
  enum class Kind : uint8_t {
    kOther,
    kExecuting,  ///< announces a command that is logged again when it ran
    kExecuted,
    kFailed,
    kBegin,   ///< `text`: the isolation level
    kCommit,  ///< `Committing transaction.` or `Committed transaction.`: one of them, or both
    kRollback,
    kDispose,  ///< rolls back what was not committed
    kSavepoint,
    kRollbackTo,
    kRelease,
  };
  Kind kind = Kind::kOther;
  int64_t duration_us = -1;
  std::string_view parameters;  ///< between `[Parameters=[` and `]`
  std::string_view text;        ///< of a command: the statement; what is behind the header
  bool whole_header = false;    ///< of a command: the header's end was found
  bool loose = false;           ///< … but its parameters do not read as a list: it may be a copy of one inside a value
  bool escaped = false;         ///< `\"` in `text` stands for a quote (Serilog without `:l`)
};

/// Offset in `line` where a message of EF Core's begins, or npos.
[[nodiscard]] size_t find_ef_message(std::string_view line);
/// Reads a message from its first byte. Templates: Microsoft.EntityFrameworkCore.Diagnostics.RelationalResources (RelationalStrings.resx, Log*), 3.0 to 9.0.
[[nodiscard]] EfMessage read_ef_message(std::string_view message);

/// Parameters as DbParameterCollectionExtensions.FormatParameters prints them: `@p0='1' (DbType = Int32), @p1=NULL, @name='O'Brien' (Size = 4000)`.
/// Quotes inside a value are not doubled, so a value ends at the quote that another parameter, an attribute or the end follows.
class EfParameters {
 public:
  /// Appends the values in the order in which `sql` first names them, as the SQL front end counts named parameters. False when all of them are `'?'`
  /// (EnableSensitiveDataLogging is off) or there is nothing to read. Views live as long as `text`.
  bool read(std::string_view text, std::string_view sql, std::vector<BindValue>& out);

 private:
  struct Parameter {
    std::string_view name;
    BindValue value;
    size_t place = 0;
  };
  std::vector<Parameter> parameters_;
};

/// The code in an exception's text: `Npgsql.PostgresException (0x80004005): 23505: …`, `SQLite Error 19: '…'`, `Duplicate entry … for key …` of MySQL's
/// providers, `Error Number:2627,…` of SqlClient. `message` is what the server said. False when it is none of a database.
bool read_ef_exception(std::string_view text, std::string_view& code, std::string_view& message);

}  // namespace dbaudit
