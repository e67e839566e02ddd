#include "tools/quorate/signals.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"

namespace quorate::cli {
namespace {

constexpr std::array kEnding = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array kHandedOn = {SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

// So that "forever" fits into poll's milliseconds.
constexpr absl::Duration kLongestPoll = absl::Hours(1);

}  // namespace

Signals::Signals(const Clock* clock) : clock_(clock) {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int number : kEnding) {
    sigaddset(&mask, number);
  }
  for (const int number : kHandedOn) {
    sigaddset(&mask, number);
  }
  sigaddset(&mask, SIGCHLD);
  QUORATE_CHECK(pthread_sigmask(SIG_BLOCK, &mask, &mask_before_) == 0);
  signal_fd_ = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  QUORATE_CHECK(signal_fd_ >= 0 && wake_fd_ >= 0);
}

Signals::~Signals() {
  close(signal_fd_);
  close(wake_fd_);
}

std::optional<Signals::Event> Signals::Wait(absl::Duration timeout) {
  const absl::Duration end = clock_->SinceBoot() + timeout;
  while (true) {
    const absl::Duration left = std::clamp(end - clock_->SinceBoot(),
                                           absl::ZeroDuration(), kLongestPoll);
    std::array<pollfd, 2> fds = {
        {{.fd = signal_fd_, .events = POLLIN, .revents = 0},
         {.fd = wake_fd_, .events = POLLIN, .revents = 0}}};
    const int64_t milliseconds =
        absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)));
    poll(fds.data(), fds.size(), static_cast<int>(milliseconds));
    signalfd_siginfo received{};
    if (read(signal_fd_, &received, sizeof(received)) == sizeof(received)) {
      return Event{.number = static_cast<int>(received.ssi_signo),
                   .from_terminal = received.ssi_code == SI_KERNEL};
    }
    uint64_t count = 0;
    if (read(wake_fd_, &count, sizeof(count)) == sizeof(count)) {
      return Event{};
    }
    if (clock_->SinceBoot() >= end) return std::nullopt;
  }
}

void Signals::Wake() {
  const uint64_t one = 1;
  // Fails only where it would overflow: then it is awake anyway.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

bool Signals::AsksToEnd(int number) {
  return std::find(kEnding.begin(), kEnding.end(), number) != kEnding.end();
}

}  // namespace quorate::cli
