// What Java logging frameworks print before a message.

#include "analyzers/log/formats/java_log_header.h"
#include "tests/catch.h"

namespace dbaudit {

TEST_CASE("java header: the patterns applications use") {
  struct Case {
    const char* line;
    const char *level, *thread, *logger, *pid, *message;
  };
  const Case cases[] = {
      {"2026-11-21T08:09:13.770Z  INFO 12715 --- [shop] [           main] o.h.SQL : select 1", "INFO", "main", "o.h.SQL", "12715",
       "select 1"},
      {"2026-11-21 08:08:38.632 TRACE 12362 --- [pool-1-thread-2] o.h.type.descriptor.sql.BasicBinder      : binding", "TRACE",
       "pool-1-thread-2", "o.h.type.descriptor.sql.BasicBinder", "12362", "binding"},
      {"2026-11-21T08:09:13.770Z DEBUG 7 --- [io-8080-exec-10] [0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331] org.hibernate.SQL : x",
       "DEBUG", "io-8080-exec-10", "org.hibernate.SQL", "7", "x"},
      {"08:11:37.021 [main] DEBUG org.hibernate.SQL - insert into a", "DEBUG", "main", "org.hibernate.SQL", "", "insert into a"},
      {"2026-11-20 14:37:19,123 DEBUG [org.hibernate.SQL] (default task-1) select 1", "DEBUG", "default task-1", "org.hibernate.SQL", "",
       "select 1"},
      {"[main] DEBUG org.hibernate.SQL - select 1", "DEBUG", "main", "org.hibernate.SQL", "", "select 1"},
      {"14:37:19,123 DEBUG SQL:92 - select 1", "DEBUG", "", "SQL", "", "select 1"},
      {"2026-11-20 14:37:19.123 [Timer 1] DEBUG org.hibernate.SQL - ", "DEBUG", "Timer 1", "org.hibernate.SQL", "", ""},
      {"2026-11-21T08:09:13.770Z DEBUG 7 --- [           main] org.hibernate.SQL                        : ", "DEBUG", "main",
       "org.hibernate.SQL", "7", ""},
      {"[2026-11-20 14:37:19.123] [main] [DEBUG] org.hibernate.SQL: select 1", "DEBUG", "main", "org.hibernate.SQL", "", "select 1"},
  };
  for (const Case& c : cases) {
    INFO(c.line);
    JavaHeader header;
    REQUIRE(parse_java_header(c.line, header));
    CHECK(header.level == c.level);
    CHECK(header.thread == c.thread);
    CHECK(header.logger == c.logger);
    CHECK(header.pid == c.pid);
    CHECK(std::string_view(c.line).substr(header.message) == c.message);
  }
}

TEST_CASE("java header: other lines are none") {
  JavaHeader header;
  for (const char* line :
       {"", "    select", "DEBUG", "2026-11-20 14:37:19", "insert into INFO values (1)", "\tat org.hibernate.SQL.run(SQL.java:1)",
        "Hibernate: select 1", "[", "(((((((", "2026-11-20 14:37:19.123 UTC [10] LOG:  statement: SELECT 1"}) {
    INFO(line);
    CHECK_FALSE(parse_java_header(line, header));
  }
}

}  // namespace dbaudit
