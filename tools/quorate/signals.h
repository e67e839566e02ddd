// Signals as events that one thread waits for.

#ifndef QUORATE_TOOLS_QUORATE_SIGNALS_H_
#define QUORATE_TOOLS_QUORATE_SIGNALS_H_

#include <csignal>
#include <optional>

#include "absl/time/time.h"

#include "base/clock.h"

namespace quorate::cli {

// Blocks the signals that end a program, those that are handed on to a
// command, and SIGCHLD, in this thread and all that it begins later; so it has
// to be made before any other thread. Wake is thread-safe, the rest is for one
// thread.
class Signals {
 public:
  struct Event {
    int number = 0;  // 0: woken.
    // Sent by the kernel (Ctrl-C on the terminal): then the whole foreground
    // group has got it, a command of ours too.
    bool from_terminal = false;
  };

  explicit Signals(const Clock* clock);  // Not owned.
  ~Signals();

  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next signal; nothing where `timeout` passed.
  std::optional<Event> Wait(absl::Duration timeout);

  // Ends a Wait with an Event of number 0, this one or the next. Thread-safe.
  void Wake();

  // What was in force before, for a command to begin with.
  const sigset_t& mask_before() const { return mask_before_; }

  // True for those by which a user asks a program to end.
  static bool AsksToEnd(int number);

 private:
  const Clock* const clock_;
  sigset_t mask_before_;
  int signal_fd_ = -1;
  int wake_fd_ = -1;
};

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_SIGNALS_H_
