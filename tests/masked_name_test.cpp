#include "rules/masked_name.h"

#include "tests/catch.h"

namespace dbaudit {

TEST_CASE("Session names that name a connection are shown, anything else is a number", "[report]") {
  for (const char* name : {"4101", "9370:140458515756736@lite", "worker-1", "http-nio-8080-exec-1", "65f0a1b2.1f", "[conn 7]",
                           "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "0123456789abcdef0123456789abcdef", "db #12 (main)"}) {
    CHECK(masked_session(name, 4) == name);
  }
  for (const std::string name : {"victim@example.com", "x victim@example.com", "password=hunter2", "<script>", "\x1b[2J", "caf\xc3\xa9",
                                 "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "a\nb"}) {
    CAPTURE(name);
    CHECK(masked_session(name, 4) == "#5");
  }
  CHECK(masked_session(std::string(65, 'a'), 0) == "#1");
}

TEST_CASE("Paths and routes lose addresses, tokens and query strings", "[report]") {
  const std::pair<const char*, const char*> cases[] = {
      {"shop/views.py", "shop/views.py"},
      {"/app/node_modules/@prisma/client/index.js", "/app/node_modules/@prisma/client/index.js"},
      {"node_modules/.pnpm/pg@8.11.3/lib/client.js", "node_modules/.pnpm/pg@8.11.3/lib/client.js"},
      {"polls/(?P<pk>[0-9]+)/vote", "polls/(?P<pk>[0-9]+)/vote"},
      {"/orders/:id", "/orders/:id"},
      {"/users/<int:pk>/edit", "/users/<int:pk>/edit"},
      {"/users/victim@example.com/edit", "/users/?/edit"},
      {"/reset/sk_live_4eC39HqLyjWDarjtT1zdp7dc", "/reset/?"},
      {"/reset?token=abc&mail=victim@example.com", "/reset"},
      {"", ""},
      {"/", "/"},
  };
  for (const auto& [path, masked] : cases) {
    CAPTURE(path);
    CHECK(masked_path(path) == masked);
  }
}

}  // namespace dbaudit
