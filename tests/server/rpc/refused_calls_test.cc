// Refused calls are logged at once, then once a minute with their number, and
// none of many callers is lost. Under a clock that stands until it is moved.

#include "server/rpc/refused_calls.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/log.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StandingClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override { return now; }

  absl::Time Calendar() const override { return absl::UnixEpoch() + now; }

  absl::Duration now = absl::Hours(3);
};

class RefusedCallsTest : public testing::Test, public LogKeeper {
 protected:
  RefusedCallsTest() { SetLogKeeper(this); }

  ~RefusedCallsTest() override { SetLogKeeper(nullptr); }

  void Keep(LogLevel /*level*/, absl::string_view area, absl::string_view event,
            const LogFields& fields) override {
    std::string line = absl::StrCat(area, " ", event);
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", field.key, "=", field.value);
      uint64_t times = 0;
      if (field.key == "times" && absl::SimpleAtoi(field.value, &times)) {
        told_ += times;
      }
    }
    lines_.push_back(line);
  }

  void Flush(absl::Duration /*limit*/) override {}

  std::vector<std::string> Take() { return std::exchange(lines_, {}); }

  void Refuse(const std::string& by, const std::string& call = "SetAccount") {
    refused_.NoteMissing(by, call, "ACCOUNT_MANAGE", "FULL");
  }

  StandingClock clock_;
  RefusedCalls refused_{&clock_};
  std::vector<std::string> lines_;
  uint64_t told_ = 0;
};

TEST_F(RefusedCallsTest, TheFirstIsToldAtOnceAndOthersOnceAMinute) {
  Refuse("ann");
  EXPECT_THAT(Take(), ElementsAre("access refused by=ann call=SetAccount "
                                  "permission=ACCOUNT_MANAGE mode=FULL "
                                  "times=1"));
  for (int i = 0; i < 1'000; ++i)
    Refuse("ann");
  clock_.now += RefusedCalls::kSilence - absl::Milliseconds(1);
  Refuse("ann");
  EXPECT_THAT(Take(), IsEmpty());
  Refuse("ann", "DeleteAccount");
  Refuse("bob");
  EXPECT_EQ(Take().size(), 2U);
  clock_.now += absl::Milliseconds(1);
  Refuse("ann");
  EXPECT_THAT(Take(), ElementsAre("access refused by=ann call=SetAccount "
                                  "permission=ACCOUNT_MANAGE mode=FULL "
                                  "times=1002"));
}

TEST_F(RefusedCallsTest, StrangersAreToldTogether) {
  refused_.NoteStranger("ipv4:10.0.0.9:1", "no such URI");
  refused_.NoteStranger("ipv4:10.0.0.9:2", "no such URI");
  EXPECT_THAT(Take(), ElementsAre("access unauthenticated "
                                  "peer=ipv4:10.0.0.9:1 error=no such URI "
                                  "times=1"));
  clock_.now += RefusedCalls::kSilence;
  refused_.NoteStranger("ipv4:10.0.0.7:3", "no such URI");
  EXPECT_THAT(Take(), ElementsAre("access unauthenticated "
                                  "peer=ipv4:10.0.0.7:3 error=no such URI "
                                  "times=2"));
}

TEST_F(RefusedCallsTest, ManyCallersFillNoLog) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10'000; ++i)
      Refuse(absl::StrCat("n", i));
  }
  // The others' line stands for all that have none.
  EXPECT_EQ(Take().size(), RefusedCalls::kMaxKinds + 1);
  clock_.now += RefusedCalls::kSilence;
  Refuse("late");
  EXPECT_EQ(Take().size(), 1U);
  // What was not said of those who made room is said of the others.
  for (size_t i = 1; i < RefusedCalls::kMaxKinds; ++i)
    Refuse(absl::StrCat("m", i));
  EXPECT_EQ(told_, 20'000 + 1 + RefusedCalls::kMaxKinds - 1);
}

}  // namespace
}  // namespace quorate::server
