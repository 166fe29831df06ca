#pragma once
// Names that an application chose and a log repeats: of sessions, routes, source files. They are what finds the place again and are shown, but not a
// mail address, a token or a query string in them: those are values, and values are masked.

#include <cstdint>
#include <string>
#include <string_view>

namespace dbaudit {

/// The session's name where it looks like what names a connection, a process or a thread (`4101`, `9370:140458515756736@lite`, `worker-1`), else `#12`:
/// the session of that number in order of appearance.
[[nodiscard]] std::string masked_session(std::string_view name, uint32_t number);

/// A path or a route: without a query string, and `?` for each segment that holds a mail address or a token.
[[nodiscard]] std::string masked_path(std::string_view path);

}  // namespace dbaudit
