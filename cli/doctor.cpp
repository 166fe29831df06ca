// dbaudit doctor: can this server's log be audited, and what would have to be set for it. It reads, judges and prints; it never changes anything.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"
#include "analyzers/log/reader.h"
#include "analyzers/schema/connection.h"
#include "cli/command.h"
#include "cli/report/layout.h"
#include "cli/terminal.h"

namespace dbaudit {

namespace {

constexpr int kProseWidth = 100;

/// An application's own log, where no server writes one.
struct ApplicationLog {
  std::string_view format, enable;
};

std::vector<ApplicationLog> application_logs(Engine engine) {
  std::vector<ApplicationLog> logs;
  if (engine != Engine::kSqlite) return logs;
  for (const Format* f : all_formats()) {
    if (!f->orm.empty() || f->engine == Engine::kSqlite || f->name == "jsonl") logs.push_back({f->name, f->enable});
  }
  return logs;
}

std::string heading(Grade grade) {
  switch (grade) {
    case Grade::kMustChange: return "must change";
    case Grade::kCouldBeBetter: return "could be better";
    case Grade::kUnknown: return "cannot be seen";
    case Grade::kGood: return "good as it is";
  }
  return "";
}

class DoctorText {
 public:
  DoctorText(const LogAdvice& advice, const std::string& dsn, const ReportStyle& style)
      : advice_(advice), dsn_(dsn), style_(style), paint_(style.color), width_(std::clamp(style.width, 40, kProseWidth)) {}

  std::string write() {
    head();
    for (size_t i = 0; i < advice_.settings.size(); ++i) {
      const SettingAdvice& s = advice_.settings[i];
      if (i == 0 || advice_.settings[i - 1].grade != s.grade) text_ += "\n" + paint_(ink(s.grade), heading(s.grade)) + "\n";
      setting(s);
    }
    statements();
    applications();
    logs();
    for (const std::string& note : advice_.notes) {
      text_ += "\n";
      prose("note: " + printable(note), 0, 6);
    }
    return std::move(text_);
  }

 private:
  static Ink ink(Grade grade) {
    return grade == Grade::kMustChange      ? Ink::kError
           : grade == Grade::kCouldBeBetter ? Ink::kWarning
           : grade == Grade::kUnknown       ? Ink::kNote
                                            : Ink::kDim;
  }
  [[nodiscard]] std::string shown(std::string_view text) const {
    std::string safe = printable(text);
    return style_.ascii ? to_ascii(safe) : safe;
  }
  void prose(std::string_view text, int indent, int hang = 0) {
    for (const std::string& line : wrap(shown(text), width_ - indent, hang))
      text_ += std::string(static_cast<size_t>(indent), ' ') + line + "\n";
  }

  void head() {
    const size_t must = static_cast<size_t>(std::count_if(advice_.settings.begin(), advice_.settings.end(),
                                                          [](const SettingAdvice& s) { return s.grade == Grade::kMustChange; }));
    text_ += paint_(Ink::kBold, shown(fmt::format("{} {} at {}", engine_title(advice_.engine), advice_.version, dsn_))) + "\n";
    text_ += fmt::format("default isolation: {}\n", isolation_name(advice_.isolation));
    text_ += "\n";
    const std::string verdict = advice_.auditable ? std::string("Its log can be audited.")
                                : must == 0       ? std::string("Whether its log can be audited could not be seen.")
                                            : fmt::format("Its log cannot be audited yet: {} must change.", count_of(must, "setting"));
    text_ += paint_(ink(advice_.auditable ? Grade::kGood : must == 0 ? Grade::kUnknown : Grade::kMustChange), verdict) + "\n";
  }

  void setting(const SettingAdvice& s) {
    const bool has_value = s.grade != Grade::kUnknown || !s.value.empty();
    text_ += "  " + paint_(Ink::kBold, shown(s.name)) + (has_value && s.is_variable ? fmt::format(" = '{}'", shown(s.value)) : "") + "\n";
    prose(s.meaning, 6);
    for (const std::string& c : s.change) text_ += "      change: " + paint_(Ink::kCode, shown(c)) + "\n";
    if (!s.takes_effect.empty()) prose("takes effect " + s.takes_effect, 6, 2);
    if (!s.cost.empty()) prose("cost: " + s.cost, 6, 2);
  }

  void block(std::string_view title, const std::vector<std::string>& lines) {
    text_ += "\n";
    prose(title, 0);
    for (const std::string& l : lines) text_ += "  " + paint_(Ink::kCode, shown(l)) + "\n";
  }

  void statements() {
    if (!advice_.statements.empty()) {
      block(fmt::format("To {}, {} runs, one statement at a time (nothing has been changed here):",
                        advice_.auditable ? "make it better" : "change it", advice_.who),
            advice_.statements);
    }
    if (!advice_.restore.empty()) block("To put it back afterwards:", advice_.restore);
  }

  void applications() {
    const std::vector<ApplicationLog> list = application_logs(advice_.engine);
    if (list.empty()) return;
    text_ += "\nWhat to turn on in the application:\n";
    for (const ApplicationLog& a : list) {
      text_ += "  " + paint_(Ink::kBold, a.format) + "\n";
      text_ += "      " + paint_(Ink::kCode, shown(a.enable)) + "\n";
    }
  }

  void logs() {
    if (!advice_.logs.empty()) block(fmt::format("The log{}, on the server's machine:", advice_.auditable ? "" : " will be"), advice_.logs);
    text_ += fmt::format("\nThen: {}\n", paint_(Ink::kCode, shown(fmt::format("dbaudit scan --dsn {} {}", dsn_, log_to_scan()))));
  }

  /// The first log when it is a file; of a name that changes with the time (`postgresql-%a.log`) the directory.
  [[nodiscard]] std::string log_to_scan() const {
    if (advice_.logs.empty() || !advice_.logs.front().starts_with('/')) return "LOG";
    const std::string& file = advice_.logs.front();
    return file.find('%') == std::string::npos ? file : file.substr(0, file.rfind('/'));
  }

  const LogAdvice& advice_;
  const std::string& dsn_;
  const ReportStyle& style_;
  Painter paint_;
  int width_;
  std::string text_;
};

nlohmann::ordered_json texts(const std::vector<std::string>& list) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const std::string& s : list) out.push_back(valid_utf8(s));
  return out;
}

std::string doctor_json(const LogAdvice& advice, const std::string& dsn) {
  nlohmann::ordered_json out;
  out["schema_version"] = 1;
  out["target"] = {{"engine", engine_name(advice.engine)},
                   {"version", advice.version},
                   {"dsn", valid_utf8(dsn)},
                   {"isolation", advice.isolation == Isolation::kUnknown ? nlohmann::ordered_json(nullptr)
                                                                         : nlohmann::ordered_json(isolation_name(advice.isolation))}};
  out["auditable"] = advice.auditable;
  nlohmann::ordered_json settings = nlohmann::ordered_json::array();
  for (const SettingAdvice& s : advice.settings) {
    const bool is_unknown = s.grade == Grade::kUnknown && s.value.empty();
    settings.push_back(
        {{"name", valid_utf8(s.name)},
         {"value", is_unknown || !s.is_variable ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(valid_utf8(s.value))},
         {"grade", grade_name(s.grade)},
         {"meaning", valid_utf8(s.meaning)},
         {"cost", s.cost.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(s.cost)},
         {"change", texts(s.change)},
         {"takes_effect", s.takes_effect.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(s.takes_effect)}});
  }
  out["settings"] = std::move(settings);
  out["statements"] = texts(advice.statements);
  out["restore"] = texts(advice.restore);
  out["logs"] = texts(advice.logs);
  nlohmann::ordered_json applications = nlohmann::ordered_json::array();
  for (const ApplicationLog& a : application_logs(advice.engine)) applications.push_back({{"format", a.format}, {"enable", a.enable}});
  out["application_logs"] = std::move(applications);
  out["notes"] = texts(advice.notes);
  return out.dump(2).append("\n");
}

}  // namespace

int run_doctor(const std::string& dsn_text, const std::string& format) {
  const Result<Dsn> dsn = parse_dsn(dsn_text);
  if (!dsn) return job_failed(dsn.error().message);
  const Result<std::unique_ptr<Connection>> connection = connect(*dsn);
  if (!connection) return job_failed(connection.error().message);
  const Result<LogAdvice> advice = (*connection)->examine_log();
  if (!advice) return job_failed(advice.error().message);
  const ReportStyle style = report_style(fileno(stdout), ColorMode::kAuto, false);
  const std::string text = format == "json" ? doctor_json(*advice, dsn->shown) : DoctorText(*advice, dsn->shown, style).write();
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) return job_failed("cannot write to standard output");
  return advice->auditable ? 0 : 1;
}

}  // namespace dbaudit
