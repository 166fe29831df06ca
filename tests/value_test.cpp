#include "analyzers/sql/value.h"

#include <string>

#include "tests/catch.h"

namespace dbaudit {

TEST_CASE("spellings of one value have one hash") {
  const auto hash = [](std::string_view text, bool quoted) { return make_value(text, quoted).hash(); };
  const uint64_t five = hash("5", false);
  for (const std::string_view s : {"5", "+5", "05", "5.0", "5.", "5.000", "5e0", "0.5e1", "50e-1", "5E+0"}) {
    INFO(s);
    CHECK(hash(s, false) == five);
    CHECK(hash(s, true) == five);
  }
  CHECK(hash("1000", false) == hash("1e3", false));
  CHECK(hash("12.5", false) == hash("125e-1", true));
  CHECK(hash("-0", false) == hash("0.00", true));
  CHECK(hash(".5", false) == hash("0.50", false));
  CHECK(hash("100000000000000000000000000000001", false) == hash("100000000000000000000000000000001.0", true));
  CHECK(hash("abc", false) == hash("abc", true));
  const std::string long_fraction = "1." + std::string(300, '7');
  CHECK(hash(long_fraction, false) == hash(long_fraction + "000", true));
}

TEST_CASE("different values have different hashes") {
  const std::string_view texts[] = {"5",
                                    "-5",
                                    "50",
                                    "0.5",
                                    "0",
                                    "1",
                                    "10000000000000000000001",
                                    "10000000000000000000002",
                                    "",
                                    " 5",
                                    "5 ",
                                    "abc",
                                    "Abc",
                                    "a",
                                    "abc ",
                                    "--5",
                                    "5e",
                                    ".",
                                    "1.2.3",
                                    "0x5",
                                    "1e99999999999",
                                    "t",
                                    "f",
                                    "null",
                                    "true",
                                    "1e+-5",
                                    "125",
                                    "12.5"};
  for (const std::string_view a : texts) {
    for (const std::string_view b : texts) {
      INFO("'" << a << "' and '" << b << "'");
      CHECK((make_value(a, true).hash() == make_value(b, true).hash()) == (a == b));
    }
  }
}

TEST_CASE("kinds are told apart") {
  CHECK(make_value("5", false).kind == ValueKind::kNumber);
  CHECK(make_value("5", true).kind == ValueKind::kString);
  CHECK(make_value("TRUE", false).kind == ValueKind::kBool);
  CHECK(make_value("true", true).kind == ValueKind::kString);
  CHECK(make_value("NULL", false).kind == ValueKind::kNull);
  CHECK(make_value("null", true).kind == ValueKind::kString);
  CHECK(same_value(make_value("True", false), make_value("TRUE", false)));
  CHECK_FALSE(same_value(make_value("true", false), make_value("t", true)));
  CHECK_FALSE(same_value(make_value("true", false), make_value("true", true)));
  CHECK_FALSE(same_value(make_value("true", false), make_value("1", false)));
  CHECK_FALSE(same_value(make_value("false", false), make_value("true", false)));
  CHECK(same_value(null_value(), null_value()));
  CHECK_FALSE(same_value(null_value(), make_value("", true)));
  CHECK_FALSE(same_value(Value{}, Value{}));
  CHECK(Value{}.hash() == 0);
  CHECK_FALSE(Value{}.known());
  CHECK(null_value().known());
}

TEST_CASE("as_number reads what a double holds exactly enough") {
  double out = 0;
  CHECK(as_number(make_value("12.5", false), out));
  CHECK(out == 12.5);
  CHECK(as_number(make_value("+7", true), out));
  CHECK(out == 7);
  CHECK(as_number(make_value("-1e3", true), out));
  CHECK(out == -1000);
  CHECK(as_number(make_value("00100.000", true), out));
  CHECK(out == 100);
  CHECK_FALSE(as_number(make_value("abc", true), out));
  CHECK_FALSE(as_number(make_value("", true), out));
  CHECK_FALSE(as_number(make_value("12345678901234567", false), out));
  CHECK_FALSE(as_number(make_value("1e999", false), out));
  CHECK_FALSE(as_number(null_value(), out));
  CHECK_FALSE(as_number(Value{}, out));
}

}  // namespace dbaudit
