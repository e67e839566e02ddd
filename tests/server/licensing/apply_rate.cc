// How many commands one core applies in a second: checkouts and check-ins in
// turn, of random sessions, while many sessions are alive and the memory of
// requests is full. Counts processor time, as the machine may be shared. Prints
// one line for each number of sessions; no test.
//
//   licensing_apply_rate [commands]

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "base/check.h"
#include "base/random.h"
#include "server/licensing/ledger.h"
#include "tests/server/licensing/commands.h"

namespace quorate::licensing {
namespace {

// Ten commands a millisecond of cluster time: 1.5 million remembered answers.
constexpr uint64_t kCommandsOfMillisecond = 10;
constexpr uint64_t kFeatures = 50;

absl::Duration ProcessorTime() {
  return absl::Seconds(static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
}

class Load {
 public:
  explicit Load(uint64_t sessions) : sessions_(sessions) {
    std::vector<std::pair<std::string, uint32_t>> features;
    for (uint64_t i = 0; i < kFeatures; ++i) {
      features.emplace_back(absl::StrCat("feature_", i), 1'000'000);
    }
    Apply(InstallCommand("L", 1, features));
    for (uint64_t i = 0; i < sessions; ++i)
      Apply(OpenCommand(kMaxTtlMs));
  }

  // Applies this many commands and returns the time that took. The commands
  // are made before, as a member would receive them.
  absl::Duration Run(uint64_t commands);

 private:
  LedgerAnswer Apply(internal::v1::Command command) {
    Prepare(&command);
    changes_.clear();
    LedgerAnswer answer = ledger_.Apply(command, time_, &changes_);
    QUORATE_CHECK(answer.ok());
    return answer;
  }

  void Prepare(internal::v1::Command* command) {
    command->set_request_id(
        absl::StrCat("0b0c5bd2-6f0b-4b0a-9c52-", ++requests_));
    command->set_principal(kAlice);
    command->set_not_after_cluster_ms(time_.cluster_ms + kAttemptMs);
    time_.cluster_ms = static_cast<int64_t>(requests_ / kCommandsOfMillisecond);
  }

  const uint64_t sessions_;
  Ledger ledger_{kClusterId, 1};
  EntryTime time_;
  Random random_{1};
  uint64_t requests_ = 0;
  std::vector<RecordChange> changes_;
};

absl::Duration Load::Run(uint64_t commands) {
  absl::Duration spent;
  constexpr size_t kBatch = 256;

  struct Held {
    uint64_t session;
    uint64_t handle;
  };

  for (uint64_t done = 0; done < commands; done += 2 * kBatch) {
    std::vector<internal::v1::Command> batch(kBatch);
    std::vector<Held> held(kBatch);
    for (size_t i = 0; i < kBatch; ++i) {
      held[i].session = random_.Between(1, sessions_);
      batch[i] = CheckoutCommand(
          held[i].session,
          {{absl::StrCat("feature_", random_.Below(kFeatures)), 1}});
      Prepare(&batch[i]);
    }
    const absl::Duration began = ProcessorTime();
    changes_.clear();
    for (size_t i = 0; i < kBatch; ++i) {
      held[i].handle =
          ledger_.Apply(batch[i], time_, &changes_).seat_handles.at(0);
    }
    spent += ProcessorTime() - began;
    for (size_t i = 0; i < kBatch; ++i) {
      batch[i] = CheckinCommand(held[i].session, {held[i].handle});
      Prepare(&batch[i]);
    }
    const absl::Duration began_checkin = ProcessorTime();
    changes_.clear();
    for (size_t i = 0; i < kBatch; ++i) {
      QUORATE_CHECK(ledger_.Apply(batch[i], time_, &changes_).ok());
    }
    spent += ProcessorTime() - began_checkin;
  }
  return spent;
}

}  // namespace
}  // namespace quorate::licensing

int main(int argc, char** argv) {
  const uint64_t commands =
      argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000'000;
  for (const uint64_t sessions : {1'000, 100'000, 500'000}) {
    quorate::licensing::Load load(sessions);
    load.Run(commands / 2);  // Until the memory of requests is full.
    const absl::Duration spent = load.Run(commands);
    std::cout << "sessions=" << sessions << " commands=" << commands
              << " seconds=" << absl::ToDoubleSeconds(spent)
              << " applies_per_second="
              << static_cast<uint64_t>(static_cast<double>(commands) /
                                       absl::ToDoubleSeconds(spent))
              << "\n";
  }
  return 0;
}
