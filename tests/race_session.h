#pragma once
// One session of a race on a real engine: a statement is started, and is done or waits for a lock of the other session.

#include <memory>
#include <optional>
#include <string>

#include "analyzers/base/engine.h"
#include "rules/verdict.h"

namespace dbaudit {

struct RaceResult {
  std::string error;                 ///< SQLSTATE, errno or SQLite's code; empty: it went well
  std::optional<std::string> value;  ///< first column of the first row
  int64_t rows = 0;                  ///< returned, or changed
};

class RaceSession {
 public:
  virtual ~RaceSession() = default;
  /// Starts a statement. Nothing may be under way.
  virtual void start(const std::string& sql) = 0;
  /// The result, once it is there. Nothing: the statement waits for a lock, as the engine itself says.
  virtual std::optional<RaceResult> wait() = 0;
  /// To its end, and it must go well.
  void run(const std::string& sql);
  /// At once, well or not.
  void attempt(const std::string& sql);
  /// What an application does after an error: the transaction is rolled back, and no lock of the session is left.
  virtual void let_go() = 0;
  /// What every session of this level says first, and what begins a transaction; the latter is empty in autocommit.
  virtual void set_level(Level level) = 0;
  [[nodiscard]] virtual std::string begin(Level level) const = 0;
};

/// A database of its own on one engine, gone with the object.
class RaceDatabase {
 public:
  virtual ~RaceDatabase() = default;
  [[nodiscard]] virtual Engine engine() const = 0;
  virtual std::unique_ptr<RaceSession> connect() = 0;
  /// Nothing: there is no such server.
  static std::unique_ptr<RaceDatabase> open(Engine engine);
};

}  // namespace dbaudit
