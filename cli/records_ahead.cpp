#include "cli/records_ahead.h"

#include "cli/interrupt.h"

namespace dbaudit {

bool RecordsAhead::read(Item& item) {
  LogRecord record;
  if (InterruptWatch::caught() != 0 || !reader_.next(record)) return false;
  item.statements.clear();
  item.arena.reset();
  item.keep(stream_, record, others_, part_, item.arena);
  item.keep_text(record, item.arena);
  trace_.expect_far(item.session);
  templates_.expect(item.start);
  return true;
}

void RecordsAhead::prepare(Item& item) {
  item.prepare(item.record, templates_, item.arena, 0, [&](const PreparedStatement& s) { item.statements.push_back(s); });
  trace_.expect(item.session, item.record, item.statements);
}

const RecordsAhead::Item* RecordsAhead::next() {
  for (;;) {
    if (!at_end_) {
      if (read(items_[read_ % kSteps])) {
        ++read_;
      } else {
        at_end_ = true;
      }
    }
    if (Item* const item = at(kLookUp)) {
      trace_.expect(item->session);
      item->expect_shape(templates_);
    }
    if (Item* const item = at(kLookUpOn)) item->expect_longer_shape(templates_);
    if (Item* const item = at(kPrepare)) prepare(*item);
    if (const Item* const item = at(kBind)) trace_.expect(item->statements);
    const Item* const fed = at(kFeed);
    ++count_;
    if (fed != nullptr) return fed;
    if (at_end_ && count_ >= read_ + kSteps) return nullptr;
  }
}

}  // namespace dbaudit
