#include "cli/interrupt.h"

#include <signal.h>

#include <array>

#include "analyzers/log/stop_reading.h"

namespace dbaudit {

namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
std::array<struct sigaction, kSignals.size()> before;

void stop(int number) { stop_reading = number; }

}  // namespace

InterruptWatch::InterruptWatch() {
  stop_reading = 0;
  struct sigaction noting = {};
  noting.sa_handler = stop;
  noting.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&noting.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &noting, &before[i]);
    if (before[i].sa_handler == SIG_IGN) sigaction(kSignals[i], &before[i], nullptr);
  }
}

InterruptWatch::~InterruptWatch() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before[i], nullptr);
  stop_reading = 0;
}

int InterruptWatch::caught() { return stop_reading; }

}  // namespace dbaudit
