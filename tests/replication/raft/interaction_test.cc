// Property: what several cores say to one another, word for word. Method:
// golden scripts in testdata/, run with every step in the script's hand;
// UPDATE_GOLDEN=1 writes what they print now.
//
// Commands (members are numbers; without any, all are meant):
//   members 3 [message_bytes=N] [inflight=N] [inflight_bytes=N]
//   log 2 terms=(1,1,4) [term=7]   a prepared disk; before anything else
//   tick 1 [n=5]      campaign 1      propose 1 a b      read 1 nonce=7
//   unreachable 1 2   crash 3           lost 2 1 (its connection from 1)
//   join 4            a member with an empty disk, told of the founders
//   change 1 voter=4 learner=(5,6) remove=2 [joint=1] [leave=0]
//   transfer 1 [to=2] compact 1 to=5
//   snapshot 1 3 [failed=1]             what 1 was told to send to 3 arrives
//   ready 1           takes one Ready: messages leave, the rest is queued
//   write 1           the oldest queued write becomes durable
//   apply 1           what is queued for the state machine is applied
//   deliver 2 [from=1] [n=3]  drop 2 [from=1] [n=3]  messages that wait
//   cut 1 2           isolate 1       heal
//   stabilize         everybody does everything until all is quiet
//   quiet ...         any command, without its output
//   status 1          log 1           waiting

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/replication/raft/describe.h"
#include "tests/replication/raft/test_member.h"
#include "tests/support/datadriven.h"

namespace quorate::raft {
namespace {

constexpr absl::string_view kFolder = "tests/replication/raft/testdata";

class Script {
 public:
  std::string Run(const Directive& directive) {
    text_.clear();
    Directive inner = directive;
    const bool quiet = directive.command == "quiet";
    if (quiet) {
      inner.command = directive.arguments.front().key;
      inner.arguments.erase(inner.arguments.begin());
    }
    const auto known = commands_.find(inner.command);
    if (known == commands_.end()) return "unknown command";
    known->second(inner);
    if (quiet) return "ok";
    return text_.empty() ? "ok" : text_;
  }

 private:
  using Command = std::function<void(const Directive&)>;

  void Members(const Directive& d) {
    const uint64_t count = d.Positional().at(0);
    RaftOptions options;
    options.max_message_bytes =
        d.Number("message_bytes", options.max_message_bytes);
    options.max_inflight_messages =
        d.Number("inflight", options.max_inflight_messages);
    options.max_inflight_bytes =
        d.Number("inflight_bytes", options.max_inflight_bytes);
    for (uint64_t id = 1; id <= count; ++id)
      voters_.push_back(id);
    for (const uint64_t id : voters_) {
      options.id = MemberId(id);
      options.random_seed = id;
      options_[id] = options;
      members_[id] = std::make_unique<TestMember>(options, voters_);
    }
  }

  void Join(const Directive& d) {
    const auto told = TestConfiguration(voters_);
    for (const uint64_t id : d.Positional()) {
      RaftOptions options = options_.begin()->second;
      options.id = MemberId(id);
      options.random_seed = id;
      options_[id] = options;
      members_[id] =
          std::make_unique<TestMember>(options, MemoryLog::Joiner(told));
      voters_.push_back(id);
    }
  }

  void Change(const Directive& d) {
    ConfigurationChange change{.auto_leave = d.Number("leave", 1) != 0,
                               .force_joint = d.Number("joint", 0) != 0};
    const auto add = [&](absl::string_view key, MemberChange::Kind kind) {
      if (d.Find(key) == nullptr) return;
      for (const uint64_t id : d.Numbers(key)) {
        change.changes.push_back({kind, MemberId(id)});
        if (kind == MemberChange::Kind::kRemove) continue;
        change.addresses.push_back(
            {.id = MemberId(id), .name = absl::StrCat("n", id)});
      }
    };
    add("voter", MemberChange::Kind::kAddVoter);
    add("learner", MemberChange::Kind::kAddLearner);
    add("remove", MemberChange::Kind::kRemove);
    const auto index = members_.at(d.Positional().at(0))->Change(change);
    absl::StrAppend(&text_, index.ok() ? absl::StrCat("at ", index->value())
                                       : index.status().ToString());
  }

  void Transfer(const Directive& d) {
    const absl::Status status = members_.at(d.Positional().at(0))
                                    ->Transfer(MemberId(d.Number("to", 0)));
    if (!status.ok()) text_ = status.ToString();
  }

  void Snapshot(const Directive& d) {
    const std::vector<uint64_t> ends = d.Positional();
    TestMember& from = *members_.at(ends.at(0));
    const bool failed = d.Number("failed", 0) != 0;
    if (!failed) {
      members_.at(ends.at(1))
          ->Receive(from.id(), from.raft().term(), from.state());
    }
    from.SnapshotEnded(MemberId(ends.at(1)), !failed);
  }

  void Log(const Directive& d) {
    for (const uint64_t id : Subjects(d)) {
      if (d.Find("terms") == nullptr) {
        for (const Entry& entry : members_.at(id)->disk().entries()) {
          absl::StrAppend(&text_, Describe(entry), "\n");
        }
        continue;
      }
      MemoryLog disk(TestConfiguration(voters_));
      disk.AppendTerms(d.Numbers("terms"));
      const Term term(d.Number("term", 0));
      disk.SetHardState({.term = std::max(term, disk.hard_state().term)});
      members_[id] =
          std::make_unique<TestMember>(options_.at(id), std::move(disk));
    }
  }

  void Propose(const Directive& d) {
    std::vector<std::string> payloads;
    for (size_t i = 1; i < d.arguments.size(); ++i) {
      payloads.push_back(d.arguments[i].key);
    }
    const auto index = members_.at(d.Positional().at(0))->Propose(payloads);
    absl::StrAppend(&text_, index.ok() ? absl::StrCat("from ", index->value())
                                       : index.status().ToString());
  }

  void Read(const Directive& d) {
    const absl::Status status =
        members_.at(d.Positional().at(0))->Read(d.Number("nonce", 1));
    if (!status.ok()) text_ = status.ToString();
  }

  void TakeReady(const Directive& d) {
    for (const uint64_t id : Subjects(d)) {
      if (!ReadyOf(id)) absl::StrAppend(&text_, id, " has none\n");
    }
  }

  void Write(const Directive& d) {
    for (const uint64_t id : Subjects(d)) {
      if (!members_.at(id)->WriteOne()) {
        absl::StrAppend(&text_, id, " has none\n");
      }
      Collect(id);
    }
  }

  void Deliver(const Directive& d, bool arrive) {
    for (const uint64_t to : Subjects(d)) {
      DeliverTo(to, d.Number("from", 0), d.Number("n", UINT64_MAX), arrive);
    }
  }

  void Cut(const Directive& d) {
    const std::vector<uint64_t> ends = d.Positional();
    cut_.insert({ends.at(0), ends.at(1)});
    cut_.insert({ends.at(1), ends.at(0)});
  }

  void Isolate(const Directive& d) {
    for (const uint64_t other : voters_) {
      cut_.insert({d.Positional().at(0), other});
      cut_.insert({other, d.Positional().at(0)});
    }
  }

  void Crash(const Directive& d) {
    for (const uint64_t id : Subjects(d)) {
      members_.at(id)->Crash();
      absl::StrAppend(&text_, Describe(members_.at(id)->raft().Status()));
    }
  }

  void Status(const Directive& d) {
    for (const uint64_t id : Subjects(d)) {
      absl::StrAppend(&text_, Describe(members_.at(id)->raft().Status()));
    }
  }

  void Waiting() {
    for (const Message& message : network_) {
      absl::StrAppend(&text_, Describe(message), "\n");
    }
  }

  void Stabilize() {
    bool busy = true;
    while (busy) {
      busy = false;
      for (const uint64_t id : voters_) {
        while (ReadyOf(id))
          busy = true;
        while (members_.at(id)->WriteOne())
          busy = true;
        Collect(id);
        busy |= members_.at(id)->ApplyAll();
      }
      for (const uint64_t id : voters_) {
        busy |= DeliverTo(id, 0, UINT64_MAX, true);
      }
    }
  }

  // The members that a command is about.
  std::vector<uint64_t> Subjects(const Directive& d) const {
    const std::vector<uint64_t> named = d.Positional();
    return named.empty() ? voters_ : named;
  }

  void ForEach(const Directive& d,
               const std::function<void(TestMember&)>& action) {
    for (const uint64_t id : Subjects(d))
      action(*members_.at(id));
  }

  bool ReadyOf(uint64_t id) {
    TestMember& member = *members_.at(id);
    if (!member.TakeReady()) return false;
    absl::StrAppend(&text_, id, " ", RoleName(member.raft().role()), "\n",
                    Describe(member.last_ready()));
    Collect(id);
    return true;
  }

  // Takes what a member has sent into the network.
  void Collect(uint64_t id) {
    for (Message& message : members_.at(id)->TakeOutbox()) {
      network_.push_back(std::move(message));
    }
  }

  bool DeliverTo(uint64_t to, uint64_t from, uint64_t count, bool arrive) {
    bool any = false;
    const std::vector<Message> waiting = std::exchange(network_, {});
    for (const Message& message : waiting) {
      const bool meant = message.to == MemberId(to) &&
                         (from == 0 || message.from == MemberId(from)) &&
                         count > 0;
      if (!meant) {
        network_.push_back(message);
        continue;
      }
      any = true;
      --count;
      const bool lost =
          !arrive || cut_.count({message.from.value(), message.to.value()}) > 0;
      if (lost) absl::StrAppend(&text_, "lost ", Describe(message), "\n");
      if (!lost) members_.at(to)->Step(message);
    }
    return any;
  }

  std::vector<uint64_t> voters_;
  std::map<uint64_t, RaftOptions> options_;
  std::map<uint64_t, std::unique_ptr<TestMember>> members_;
  std::vector<Message> network_;
  std::set<std::pair<uint64_t, uint64_t>> cut_;
  std::string text_;

  const std::map<std::string, Command> commands_ = {
      {"members", [this](const Directive& d) { Members(d); }},
      {"log", [this](const Directive& d) { Log(d); }},
      {"tick",
       [this](const Directive& d) {
         ForEach(d, [&d](TestMember& member) {
           member.Tick(static_cast<int>(d.Number("n", 1)));
         });
       }},
      {"campaign",
       [this](const Directive& d) {
         ForEach(d, [](TestMember& member) { member.Campaign(); });
       }},
      {"propose", [this](const Directive& d) { Propose(d); }},
      {"read", [this](const Directive& d) { Read(d); }},
      {"unreachable",
       [this](const Directive& d) {
         const std::vector<uint64_t> pair = d.Positional();
         members_.at(pair.at(0))->Unreachable(MemberId(pair.at(1)));
       }},
      {"lost",
       [this](const Directive& d) {
         const std::vector<uint64_t> pair = d.Positional();
         members_.at(pair.at(0))->PeerLost(MemberId(pair.at(1)));
       }},
      {"join", [this](const Directive& d) { Join(d); }},
      {"change", [this](const Directive& d) { Change(d); }},
      {"transfer", [this](const Directive& d) { Transfer(d); }},
      {"compact",
       [this](const Directive& d) {
         members_.at(d.Positional().at(0))->Compact(Index(d.Number("to", 0)));
       }},
      {"snapshot", [this](const Directive& d) { Snapshot(d); }},
      {"crash", [this](const Directive& d) { Crash(d); }},
      {"ready", [this](const Directive& d) { TakeReady(d); }},
      {"write", [this](const Directive& d) { Write(d); }},
      {"apply",
       [this](const Directive& d) {
         ForEach(d, [](TestMember& member) { member.ApplyAll(); });
       }},
      {"deliver", [this](const Directive& d) { Deliver(d, true); }},
      {"drop", [this](const Directive& d) { Deliver(d, false); }},
      {"cut", [this](const Directive& d) { Cut(d); }},
      {"isolate", [this](const Directive& d) { Isolate(d); }},
      {"heal", [this](const Directive&) { cut_.clear(); }},
      {"stabilize", [this](const Directive&) { Stabilize(); }},
      {"status", [this](const Directive& d) { Status(d); }},
      {"waiting", [this](const Directive&) { Waiting(); }},
  };
};

class InteractionTest : public testing::TestWithParam<std::string> {};

TEST_P(InteractionTest, SaysWhatTheScriptSays) {
  Script script;
  RunDataDriven(absl::StrCat(kFolder, "/", GetParam(), ".txt"),
                [&script](const Directive& d) { return script.Run(d); });
}

INSTANTIATE_TEST_SUITE_P(Scripts, InteractionTest,
                         testing::Values("campaign", "commit_at_once", "crash",
                                         "failover", "figure7", "figure8",
                                         "learner", "joint", "lost_append",
                                         "partition", "pipelining", "prevote",
                                         "read_index", "removed_leader",
                                         "slow_disk", "slow_follower",
                                         "snapshot", "transfer"),
                         [](const auto& info) { return info.param; });

// A script that is not listed above would never run.
TEST(InteractionTest, EveryScriptIsListed) {
  EXPECT_EQ(DataDrivenFiles(std::string(kFolder)).size(), 18u);
}

}  // namespace
}  // namespace quorate::raft
