// Nodes → facts: what a WHERE demands, what a SET writes, what a select list returns. A conjunct says only what the condition says: what
// cannot be put as column, operator, right side becomes kOther with the columns it reads, and the predicate is no longer exact.

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {
namespace {

CompareOp mirrored(CompareOp op) {
  switch (op) {
    case CompareOp::kLt: return CompareOp::kGt;
    case CompareOp::kLe: return CompareOp::kGe;
    case CompareOp::kGt: return CompareOp::kLt;
    case CompareOp::kGe: return CompareOp::kLe;
    default: return op;
  }
}

// NOT (a < b) is a >= b, in three-valued logic too. kOther when there is no such operator.
CompareOp negation(CompareOp op) {
  switch (op) {
    case CompareOp::kEq: return CompareOp::kNe;
    case CompareOp::kNe: return CompareOp::kEq;
    case CompareOp::kLt: return CompareOp::kGe;
    case CompareOp::kLe: return CompareOp::kGt;
    case CompareOp::kGt: return CompareOp::kLe;
    case CompareOp::kGe: return CompareOp::kLt;
    default: return CompareOp::kOther;
  }
}

bool is_null_default(std::string_view name) {
  return iequals(name, "coalesce") || iequals(name, "ifnull") || iequals(name, "nvl") || iequals(name, "isnull");
}

Aggregate aggregate_named(std::string_view name) {
  if (iequals(name, "count")) return Aggregate::kCount;
  if (iequals(name, "sum") || iequals(name, "total")) return Aggregate::kSum;
  if (iequals(name, "max")) return Aggregate::kMax;
  if (iequals(name, "min")) return Aggregate::kMin;
  if (iequals(name, "avg")) return Aggregate::kAvg;
  return Aggregate::kOther;
}

}  // namespace

int Parser::strip(int n) const {
  while (n >= 0 && node(n).kind == NodeKind::kCast) n = node(n).left;
  return n;
}

bool Parser::is_constant(int n) const {
  // Iterative enough: values are leaves, and what is built of values alone is a comparison, a test or a short chain of them.
  if (n < 0) return true;
  const Node& it = node(strip(n));
  switch (it.kind) {
    case NodeKind::kValue: return true;
    case NodeKind::kCompare: return node(strip(it.left)).kind == NodeKind::kValue && node(strip(it.right)).kind == NodeKind::kValue;
    case NodeKind::kIsNull: return node(strip(it.left)).kind == NodeKind::kValue;
    case NodeKind::kNot: {
      const Node& inner = node(strip(it.left));
      return inner.kind == NodeKind::kValue;
    }
    default: return false;
  }
}

std::vector<ColumnRef> Parser::columns_of(const Node& n) const {
  std::vector<ColumnRef> out;
  if (n.columns_end > n.columns_begin) out.reserve(static_cast<size_t>(n.columns_end - n.columns_begin));
  for (int c = n.columns_begin; c < n.columns_end; ++c) {
    ColumnRef ref = column_ref(c);
    // A column repeated next to itself says nothing new; a full search would be quadratic in a hostile statement.
    if (out.empty() || !(out.back() == ref)) out.push_back(std::move(ref));
  }
  return out;
}

// The first subquery inside an expression, for those who must know that it reads a table.
int Parser::block_inside(const Node& n) const {
  if (n.block >= 0) return n.block;
  int found = -1;
  auto look = [&](int child) {
    if (child < 0 || found >= 0) return;
    const Node& c = node(strip(child));
    if (c.block >= 0) found = c.block;
    for (int k = c.kids_begin; k < c.kids_end && found < 0; ++k) {
      const Node& kid = node(strip(kids_[static_cast<size_t>(k)]));
      if (kid.block >= 0) found = kid.block;
    }
  };
  look(n.left);
  look(n.right);
  look(n.third);
  for (int k = n.kids_begin; k < n.kids_end && found < 0; ++k) look(kids_[static_cast<size_t>(k)]);
  return found;
}

Operand Parser::operand_of(int raw) const {
  Operand o;
  if (raw < 0) return o;
  const Node& whole = node(raw);
  const Node& n = node(strip(raw));
  switch (n.kind) {
    case NodeKind::kValue:
      o.kind = OperandKind::kSlot;
      o.slot = n.slot;
      return o;
    case NodeKind::kColumn:
      o.kind = whole.kind == NodeKind::kCast ? OperandKind::kExpression : OperandKind::kColumn;
      o.column = column_ref(n.column);
      o.columns.push_back(o.column);
      if (whole.kind == NodeKind::kCast) {
        o.column = Rare<ColumnRef>();
        o.text = text_of(whole.begin, whole.end);
      }
      return o;
    case NodeKind::kSubquery:
      o.kind = OperandKind::kSubquery;
      o.block = n.block;
      o.columns = columns_of(n);
      return o;
    case NodeKind::kNow: o.kind = OperandKind::kNow; return o;
    case NodeKind::kDefault: o.kind = OperandKind::kDefault; return o;
    case NodeKind::kValuesOf:
      o.kind = OperandKind::kExcluded;
      o.column = column_ref(n.column);
      o.columns.push_back(o.column);
      return o;
    default: break;
  }
  o.block = block_inside(n);
  if (n.reads_now && n.columns_begin == n.columns_end && o.block < 0) {
    o.kind = OperandKind::kNow;
    return o;
  }
  o.kind = OperandKind::kExpression;
  o.columns = columns_of(whole);
  o.text = text_of(whole.begin, whole.end);
  // lower(?): the value still tells which row is meant.
  if (n.kind == NodeKind::kCall && n.kids_end - n.kids_begin == 1) {
    const Node& only = node(strip(kids_[static_cast<size_t>(n.kids_begin)]));
    if (only.kind == NodeKind::kValue) o.slot = only.slot;
  }
  return o;
}

void Parser::set_left(int raw, Conjunct& c) {
  const Node& n = node(raw);
  if (n.kind == NodeKind::kColumn) {
    c.column = column_ref(n.column);
    return;
  }
  c.columns = columns_of(n);
  c.expression = text_of(n.begin, n.end);
}

bool Parser::add_comparison(int left, CompareOp op, int right, Conjunct& out) {
  const Node& l = node(left);
  const Node& r = node(right);
  const bool left_reads = l.columns_end > l.columns_begin;
  const bool right_reads = r.columns_end > r.columns_begin;
  const bool turn = (!left_reads && right_reads) || (l.kind != NodeKind::kColumn && r.kind == NodeKind::kColumn);
  if (turn && r.kind != NodeKind::kSubquery) {
    std::swap(left, right);
    op = mirrored(op);
  }
  out.op = op;
  set_left(left, out);
  out.right = operand_of(right);
  return true;
}

void Parser::add_conjunct(int raw, std::vector<Conjunct>& out, bool& exact, bool from_join, bool negated, int whole) {
  const Node& n = node(raw);
  Conjunct c;
  c.from_join = from_join;
  auto other = [&] {
    c = Conjunct{};
    c.from_join = from_join;
    c.columns = columns_of(n);
    c.expression = text_of(node(whole).begin, node(whole).end);
    c.right.block = block_inside(n);
    if (n.kind == NodeKind::kColumn && !negated) {
      c.column = std::move(c.columns.front());
      c.columns.clear();
    }
    exact = false;
    out.push_back(std::move(c));
  };
  switch (n.kind) {
    case NodeKind::kCompare: {
      const Node& l = node(n.left);
      const Node& r = node(n.right);
      if (l.kind == NodeKind::kRow && r.kind == NodeKind::kRow && n.op == CompareOp::kEq && !negated &&
          l.kids_end - l.kids_begin == r.kids_end - r.kids_begin && l.kids_end > l.kids_begin) {
        for (int k = 0; k < l.kids_end - l.kids_begin; ++k) {  // (a, b) = (?, ?)
          Conjunct part;
          part.from_join = from_join;
          add_comparison(kids_[static_cast<size_t>(l.kids_begin + k)], n.op, kids_[static_cast<size_t>(r.kids_begin + k)], part);
          out.push_back(std::move(part));
        }
        return;
      }
      const CompareOp op = negated ? negation(n.op) : n.op;
      if (op == CompareOp::kOther) return other();
      add_comparison(n.left, op, n.right, c);
      break;
    }
    case NodeKind::kIn: {
      const Node& r = node(n.right);
      if (n.left < 0 || (r.kind == NodeKind::kRow && r.kids_begin == r.kids_end)) return other();
      set_left(n.left, c);
      c.op = n.negated != negated ? CompareOp::kNotIn : CompareOp::kIn;
      c.right = operand_of(n.right);
      break;
    }
    case NodeKind::kAny: {
      const bool in = n.op == CompareOp::kEq && !n.negated && !negated;
      const bool not_in = (n.op == CompareOp::kNe && n.negated && !negated) || (n.op == CompareOp::kEq && !n.negated && negated);
      const Node& l = node(n.left);
      const Node& r = node(strip(n.right));
      if ((!in && !not_in) || l.columns_begin == l.columns_end || (r.kind != NodeKind::kValue && r.kind != NodeKind::kSubquery))
        return other();
      set_left(n.left, c);
      c.op = in ? CompareOp::kIn : CompareOp::kNotIn;
      c.right = operand_of(n.right);
      break;
    }
    case NodeKind::kBetween: {
      const Node& l = node(n.left);
      const Node& low = node(strip(n.right));
      const Node& high = node(strip(n.third));
      if (n.negated || negated) return other();
      if (l.kind == NodeKind::kValue && low.kind != NodeKind::kValue && high.kind != NodeKind::kValue) {
        Conjunct second;  // ? BETWEEN a AND b
        second.from_join = from_join;
        add_comparison(n.right, CompareOp::kLe, n.left, c);
        add_comparison(n.third, CompareOp::kGe, n.left, second);
        out.push_back(std::move(c));
        out.push_back(std::move(second));
        return;
      }
      set_left(n.left, c);
      c.op = CompareOp::kBetween;
      if (low.kind == NodeKind::kValue && high.kind == NodeKind::kValue) {
        c.right.kind = OperandKind::kSlot;
        c.right.slot = low.slot;
        c.right.slot2 = high.slot;
      } else {
        c.right.kind = OperandKind::kExpression;
        c.right.text = text_of(node(n.right).begin, node(n.third).end);
        Node both = node(n.right);
        both.columns_end = node(n.third).columns_end;
        c.right.columns = columns_of(both);
      }
      break;
    }
    case NodeKind::kIsNull:
      set_left(n.left, c);
      c.op = n.negated != negated ? CompareOp::kIsNotNull : CompareOp::kIsNull;
      break;
    case NodeKind::kLike:
      if (n.negated || negated) return other();
      set_left(n.left, c);
      c.op = CompareOp::kLike;
      c.right = operand_of(n.right);
      break;
    case NodeKind::kExists:
      c.exists = !negated;
      c.negated_exists = negated;
      c.columns = columns_of(n);
      c.right.kind = OperandKind::kSubquery;
      c.right.block = n.block;
      break;
    default: return other();
  }
  if (c.column.name.empty() && c.columns.empty() && !c.exists && !c.negated_exists && c.right.block < 0) {
    // No column at all (random() < ?): nothing that a rule could use, but it decides.
    exact = false;
  }
  out.push_back(std::move(c));
}

void Parser::add_conjuncts(int root, std::vector<Conjunct>& out, bool& exact, bool from_join) {
  const Node& n = node(root);
  if (n.kind == NodeKind::kAnd) {
    for (int k = n.kids_begin; k < n.kids_end; ++k) add_conjuncts(kids_[static_cast<size_t>(k)], out, exact, from_join);
    return;
  }
  if (is_constant(root)) return;
  bool negated = false;
  int inner = root;
  while (node(inner).kind == NodeKind::kNot) {
    negated = !negated;
    inner = node(inner).left;
  }
  if (!negated && node(inner).kind == NodeKind::kAnd) return add_conjuncts(inner, out, exact, from_join);
  add_conjunct(inner, out, exact, from_join, negated, root);
}

SelectItem Parser::item_of(int raw) const {
  SelectItem item;
  const Node& n = node(raw);
  switch (n.kind) {
    case NodeKind::kColumn: item.column = column_ref(n.column); return item;
    case NodeKind::kStar:
      item.column.name = "*";
      if (n.column >= 0) item.column.qualifier = column_ref(n.column).qualifier;
      return item;
    default: break;
  }
  ComputedItem& computed = item.computed.edit();
  computed.text = text_of(n.begin, n.end);
  if (n.kind == NodeKind::kExists) {
    computed.exists = true;
    computed.block = n.block;
    return item;
  }
  computed.constant = n.kind == NodeKind::kValue;
  computed.block = block_inside(n);
  if (n.kind == NodeKind::kCast && node(strip(raw)).kind == NodeKind::kExists) computed.exists = true;
  if (!n.aggregate) return item;
  // Down to the aggregate: COALESCE(MAX(c), ?) + ?, COUNT(*) > ?, MAX(c)::int.
  int at = raw;
  while (at >= 0) {
    const Node& it = node(at);
    if (it.kind == NodeKind::kCall) {
      const Aggregate a = aggregate_named(tokens_[static_cast<size_t>(it.name)].text);
      const bool own = [&] {
        for (int k = it.kids_begin; k < it.kids_end; ++k) {
          if (node(kids_[static_cast<size_t>(k)]).aggregate) return false;
        }
        return true;
      }();
      if (own) {
        computed.aggregate = a;
        if (it.kids_end > it.kids_begin) {
          const Node& argument = node(strip(kids_[static_cast<size_t>(it.kids_begin)]));
          if (argument.kind == NodeKind::kColumn) {
            computed.aggregate_of = column_ref(argument.column);
          } else if (argument.kind == NodeKind::kStar || (argument.kind == NodeKind::kValue && a == Aggregate::kCount)) {
            computed.aggregate_of.name = "*";
          } else if (argument.columns_end - argument.columns_begin == 1) {
            computed.aggregate_of = column_ref(argument.columns_begin);
          }
        }
        return item;
      }
      int next = -1;
      for (int k = it.kids_begin; k < it.kids_end && next < 0; ++k) {
        if (node(kids_[static_cast<size_t>(k)]).aggregate) next = kids_[static_cast<size_t>(k)];
      }
      at = next;
      continue;
    }
    if (it.kind == NodeKind::kSum && computed.plus_slot < 0 && !it.negated) {
      const Node& l = node(strip(it.left));
      const Node& r = node(strip(it.right));
      if (r.kind == NodeKind::kValue) computed.plus_slot = r.slot;
      if (l.kind == NodeKind::kValue) computed.plus_slot = l.slot;
    }
    int next = -1;
    for (int child : {it.left, it.right, it.third}) {
      if (next < 0 && child >= 0 && node(child).aggregate) next = child;
    }
    at = next;
  }
  computed.aggregate = Aggregate::kOther;  // inside a CASE
  return item;
}

bool Parser::is_excluded(const ColumnRef& c) const {
  if (iequals(c.qualifier, "excluded")) return true;
  if (!row_alias_.empty() && same_name(c.qualifier, row_alias_)) return true;
  if (c.qualifier.empty()) {
    for (const std::string& alias : row_alias_columns_) {
      if (same_name(alias, c.name)) return true;
    }
  }
  return false;
}

bool Parser::is_self(const ColumnRef& c, const ColumnRef& target, const Write& w, bool upsert) const {
  if (!same_name(c.name, target.name)) return false;
  if (upsert && is_excluded(c)) return false;
  if (c.qualifier.empty()) return true;
  if (!target.qualifier.empty()) return same_name(c.qualifier, target.qualifier);
  if (w.targets.size() != 1) return false;
  return same_name(c.qualifier, w.target_alias.empty() ? w.targets.front().name : w.target_alias);
}

Operand Parser::assigned(int raw, const ColumnRef& target, const Write& w, bool upsert) const {
  const int at = strip(raw);
  const Node& n = node(at);
  auto reads_self = [&](const Node& part) {
    for (int c = part.columns_begin; c < part.columns_end; ++c) {
      if (is_self(column_ref(c), target, w, upsert)) return true;
    }
    return false;
  };
  if (n.kind == NodeKind::kColumn) {
    const ColumnRef c = column_ref(n.column);
    Operand o;
    o.column = c;
    o.columns.push_back(c);
    o.kind = upsert && is_excluded(c) ? OperandKind::kExcluded : is_self(c, target, w, upsert) ? OperandKind::kSelf : OperandKind::kColumn;
    return o;
  }
  if (n.kind == NodeKind::kSubquery || n.kind == NodeKind::kValuesOf || !reads_self(n)) return operand_of(raw);

  Operand o;
  o.kind = OperandKind::kSelfExpression;
  o.columns = columns_of(n);
  o.text = text_of(n.begin, n.end);
  o.block = block_inside(n);
  if (n.kind != NodeKind::kSum) return o;

  // c + ?, ? + c, COALESCE(c, 0) - ?, c + a - b: the column itself once, added; whatever else does not read it.
  auto is_own_term = [&](int term) {
    const Node* it = &node(strip(term));
    if (it->kind == NodeKind::kCall && it->kids_end > it->kids_begin && is_null_default(tokens_[static_cast<size_t>(it->name)].text)) {
      for (int k = it->kids_begin + 1; k < it->kids_end; ++k) {
        if (node(strip(kids_[static_cast<size_t>(k)])).kind != NodeKind::kValue) return false;
      }
      it = &node(strip(kids_[static_cast<size_t>(it->kids_begin)]));
    }
    return it->kind == NodeKind::kColumn && is_self(column_ref(it->column), target, w, upsert);
  };
  int own_terms = 0, other_terms = 0, other = -1;
  int8_t sign = 0;
  int sum = at;
  for (bool leftmost = false; !leftmost;) {
    leftmost = node(sum).kind != NodeKind::kSum;
    const int term = leftmost ? sum : node(sum).right;
    const bool minus = !leftmost && node(sum).negated;
    if (is_own_term(term)) {
      if (minus) return o;
      ++own_terms;
    } else {
      if (reads_self(node(term))) return o;
      ++other_terms;
      other = term;  // in the end the leftmost one
      sign = minus ? -1 : 1;
    }
    if (!leftmost) sum = strip(node(sum).left);
  }
  if (own_terms != 1 || other_terms == 0) return o;
  const Operand by = operand_of(other);
  o.kind = OperandKind::kSelfRelative;
  o.sign = sign;
  if (other_terms == 1) {
    o.slot = by.kind == OperandKind::kSlot ? by.slot : -1;
    if (by.kind == OperandKind::kColumn || by.kind == OperandKind::kExcluded) o.column = by.column;
    if (by.block >= 0) o.block = by.block;
  }
  return o;
}

}  // namespace dbaudit::sql_parser
