#include "rules/row_state.h"

#include <algorithm>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

// Soft deletes: done twice they do what they do once.
bool means_deleted(std::string_view column) {
  return icontains(column, "delet") || icontains(column, "archiv") || icontains(column, "trash") || icontains(column, "remov");
}

bool is_truth_value(const Value& v) {
  static constexpr std::string_view kWords[] = {"true", "false", "t", "f", "0", "1"};
  return v.known() && !v.is_null() &&
         std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view w) { return iequals(v.text, w); });
}

bool may_be_in_list(const Op& op, const KeyColumn& list, const Value& v) {
  if (op.value(list.slot).known()) return same_value(op.value(list.slot), v);
  if (list.slot < 0 || static_cast<size_t>(list.slot) >= op.values.lists().size()) return true;
  const auto elements = op.values.lists()[static_cast<size_t>(list.slot)];
  return elements.empty() || std::any_of(elements.begin(), elements.end(), [&](const Value& e) { return !e.known() || same_value(e, v); });
}

}  // namespace

bool contradicts(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w) {
  for (const KeyColumn& a : r.equal) {
    for (const KeyColumn& b : w.equal) {
      if (a.column.empty() || a.column != b.column || a.is_list || b.is_list || a.is_null || b.is_null) continue;
      const Value& x = read.value(a.slot);
      const Value& y = write.value(b.slot);
      if (x.known() && y.known() && !same_value(x, y)) return true;
    }
  }
  return false;
}

std::vector<std::string> moved_states(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w) {
  std::vector<std::string> states;
  for (const KeyColumn& k : r.equal) {
    const ColumnWrite* c = k.column.empty() || k.is_for(ColumnUse::kPrimary) ? nullptr : w.find(k);
    if (c == nullptr || c->value->kind == OperandKind::kSelfRelative || means_deleted(k.column)) continue;
    if (c->value->kind == OperandKind::kSlot) {
      const Value& to = write.value(c->value->slot);
      if (!to.known()) continue;
      const bool stays = k.is_null   ? to.is_null()
                         : k.is_list ? may_be_in_list(read, k, to)
                                     : !read.value(k.slot).known() || same_value(read.value(k.slot), to);
      if (stays) continue;
    }
    states.push_back(k.column);
  }
  for (const OtherCondition& o : r.others) {
    const ColumnWrite* c = o.columns.size() == 1 ? w.find(o.columns.front()) : nullptr;
    if (c == nullptr || c->value->kind == OperandKind::kSelfRelative || means_deleted(o.columns.front())) continue;
    const bool range =
        o.op == CompareOp::kLt || o.op == CompareOp::kLe || o.op == CompareOp::kGt || o.op == CompareOp::kGe || o.op == CompareOp::kBetween;
    double number = 0;
    if (c->value->kind == OperandKind::kSlot) {
      const Value& to = write.value(c->value->slot);
      // `stock > 0` and then `stock = 4` is arithmetic (DBA201); `next_run <= now` and then another time is a state.
      if (range && as_number(to, number)) continue;
      // `on_call`, `NOT done`, `x IS TRUE`; what else an expression says of the column is not known.
      if (o.op == CompareOp::kOther && !is_truth_value(to)) continue;
      if (o.op == CompareOp::kNe && (!to.known() || !same_value(to, read.value(o.slot)))) continue;
      if (o.op == CompareOp::kIsNotNull && !to.is_null()) continue;
    }
    if (std::find(states.begin(), states.end(), o.columns.front()) == states.end()) states.push_back(o.columns.front());
  }
  return states;
}

}  // namespace dbaudit
