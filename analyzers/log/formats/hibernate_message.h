#pragma once
// What one message of Hibernate's, or of Spring's transaction managers, says.

#include <cstdint>
#include <string_view>

namespace dbaudit {

struct HibernateMessage {
  enum class Kind : uint8_t {
    kOther,
    kSql,          ///< `value`: the statement
    kBind,         ///< `index`, `type`, `value`
    kBegin,        ///< a transaction of Hibernate's begins
    kSpringBegin,  ///< a transaction of Spring's begins; Hibernate announces the same one. `value`: the isolation level, empty for the default
    kSuspend,      ///< Spring suspends the thread's transaction and begins another beside it
    kResume,       ///< the inner transaction is over
    kCommitting,  ///< commit() was called: the flush's statements follow, then the COMMIT
    kCommitted,   ///< the COMMIT was sent
    kAfterEnd,    ///< whatever was to be sent has been
    kRollback,
    kErrorCode,  ///< `value`: SQLSTATE or the server's own code
    kErrorText,  ///< `value`: the server's message
  };
  Kind kind = Kind::kOther;
  uint32_t index = 0;  ///< from 1; 0 when the parameter has a name
  bool open = false;   ///< kBind: no `]` at the end, so the value goes on or was cut
  bool is_null = false;
  std::string_view type, value;
};

/// Reads a message of `logger` (in full or abbreviated: `o.h.SQL`). Sources: org.hibernate.engine.jdbc.spi.SqlStatementLogger, BasicBinder and
/// JdbcBindingLogging, TransactionImpl, AbstractLogicalConnectionImplementor, JdbcResourceLocalTransactionCoordinatorImpl, SqlExceptionHelper (5.x,
/// 6.x) and org.hibernate.orm.jdbc.error (7.x); org.springframework's AbstractPlatformTransactionManager and JpaTransactionManager.
[[nodiscard]] HibernateMessage read_hibernate_message(std::string_view logger, std::string_view message);

}  // namespace dbaudit
