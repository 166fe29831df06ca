// The keys are those that the formatters in use write by default, or that their manuals show.

#include "analyzers/log/formats/python_json.h"

#include <algorithm>

namespace dbaudit {

PythonJsonRecord read_python_json(const JsonLines& json) {
  PythonJsonRecord out;
  out.message = json.text({"message", "msg", "event", "sql"});
  PythonPrefix& p = out.prefix;
  p.time = json_time(json, {"timestamp", "asctime", "@timestamp", "time", "datetime", "ts", "created", "date"});
  p.level = json.text({"level", "levelname", "severity", "log.level", "levelName"});
  p.logger = json.text({"logger", "name", "logger_name", "loggerName", "log.logger", "log.name", "channel"});
  p.process = json.text({"process", "pid", "process_id", "processId", "process.pid"});
  p.thread = json.text(
      {"thread", "thread_id", "threadId", "threadIdent", "tid", "process.thread.id", "threadName", "thread_name", "process.thread.name"});
  p.request = json.text({"request_id", "requestId", "req_id", "request.id", "correlation_id", "trace_id", "trace.id", "trace"});
  if (p.thread.empty() && p.request.empty()) p.process = {};  // one process may have many threads
  return out;
}

bool is_python_json(std::string_view head, const PythonMessages& messages) {
  size_t objects = 0, bare = 0;
  for (size_t at = 0; at < head.size();) {
    const size_t stop = std::min(head.find('\n', at), head.size());
    const std::string_view line = head.substr(at, stop - at);
    if (line.starts_with('{')) {
      ++objects;
    } else if (messages.find(line, 0) != std::string_view::npos) {
      ++bare;
    }
    at = stop + 1;
  }
  return objects > bare;
}

}  // namespace dbaudit
