#include "tests/server/fake_node.h"

#include <memory>
#include <utility>

namespace quorate::server {

using replication::ProposeDone;
using replication::ProposeOutcome;
using replication::ProposeResult;
using replication::ReadDone;
using replication::ReadOutcome;

namespace {

constexpr raft::Term kTerm(7);

}  // namespace

FakeNode::FakeNode(replication::StateMachine* state_machine)
    : state_machine_(state_machine), thread_([this] { Run(); }) {}

FakeNode::~FakeNode() {
  Stop();
}

void FakeNode::Propose(std::string command, absl::Duration timeout,
                       ProposeDone done) {
  // As the leader does, when it takes the command.
  const raft::Stamp stamp = {.cluster_ms = cluster_ms_.load(),
                             .calendar_ms = calendar_ms_.load()};
  std::optional<ProposeOutcome> outcome;
  {
    MutexLock lock(&mu_);
    commands_.push_back(command);
    timeouts_.push_back(timeout);
    ++calls_;
    outcome = propose_outcome_;
    if (stopping_) outcome = ProposeOutcome::kStopping;
    if (!outcome.has_value()) {
      work_.push_back(
          [this, command = std::move(command), stamp, done](bool stopping) {
            if (stopping) {
              done(ProposeResult{.outcome = ProposeOutcome::kStopping});
            } else {
              ApplyNext(command, stamp, done);
            }
          });
    }
  }
  changed_.NotifyAll();
  if (outcome.has_value()) done(ProposeResult{.outcome = *outcome});
}

void FakeNode::Read(replication::ReadConsistency consistency,
                    absl::Duration timeout, ReadDone done) {
  std::optional<ReadOutcome> outcome;
  {
    MutexLock lock(&mu_);
    reads_.push_back(consistency);
    timeouts_.push_back(timeout);
    ++calls_;
    outcome = read_outcome_;
    if (stopping_) outcome = ReadOutcome::kStopping;
    if (!outcome.has_value()) {
      work_.push_back([done](bool stopping) {
        done(stopping ? ReadOutcome::kStopping : ReadOutcome::kOk);
      });
    }
  }
  changed_.NotifyAll();
  if (outcome.has_value()) done(*outcome);
}

void FakeNode::ChangeMembers(raft::ConfigurationChange change,
                             absl::Duration timeout,
                             replication::ChangeDone done) {
  {
    MutexLock lock(&mu_);
    changes_.push_back(std::move(change));
    timeouts_.push_back(timeout);
  }
  EndChange(std::move(done));
}

void FakeNode::TransferLeadership(raft::MemberId to, absl::Duration timeout,
                                  replication::ChangeDone done) {
  {
    MutexLock lock(&mu_);
    transfers_.push_back(to);
    timeouts_.push_back(timeout);
  }
  EndChange(std::move(done));
}

void FakeNode::AcceptCalendar(int64_t up_to_ms, absl::Duration timeout,
                              replication::ChangeDone done) {
  {
    MutexLock lock(&mu_);
    accepted_leaps_.push_back(up_to_ms);
    timeouts_.push_back(timeout);
  }
  EndChange(std::move(done));
}

void FakeNode::EndChange(replication::ChangeDone done) {
  {
    MutexLock lock(&mu_);
    ++calls_;
    work_.push_back(
        [end = change_end_, act = change_act_, done](bool stopping) {
          if (!stopping && end.ok() && act) act();
          done(stopping ? absl::CancelledError("stopping") : end);
        });
  }
  changed_.NotifyAll();
}

void FakeNode::TakeSnapshot(absl::Duration /*timeout*/,
                            replication::SnapshotDone done) {
  done(open_snapshot_ ? open_snapshot_()
                      : absl::UnavailableError("no snapshots here"));
}

void FakeNode::ApplyNext(const std::string& command, const raft::Stamp& stamp,
                         const ProposeDone& done) {
  raft::Entry entry;
  entry.index = state_machine_->AppliedIndex().Next();
  entry.term = kTerm;
  entry.type = raft::EntryType::kCommand;
  entry.stamp = stamp;
  entry.payload = std::make_shared<const std::string>(command);
  auto answers = state_machine_->Apply({&entry, 1});
  done(ProposeResult{.outcome = ProposeOutcome::kApplied,
                     .index = entry.index,
                     .term = entry.term,
                     .answer = std::move(answers.front())});
}

void FakeNode::Run() {
  while (true) {
    std::function<void(bool)> work;
    bool stopping = false;
    {
      MutexLock lock(&mu_);
      while ((work_.empty() || held_) && !stopping_)
        changed_.Wait(&mu_);
      if (work_.empty()) return;
      stopping = stopping_;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work(stopping);
  }
}

replication::NodeStatus FakeNode::Status() const {
  MutexLock lock(&mu_);
  return status_;
}

void FakeNode::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void FakeNode::FailProposals(std::optional<ProposeOutcome> outcome) {
  MutexLock lock(&mu_);
  propose_outcome_ = outcome;
}

void FakeNode::FailReads(std::optional<ReadOutcome> outcome) {
  MutexLock lock(&mu_);
  read_outcome_ = outcome;
}

void FakeNode::SetChangeEnd(absl::Status end, std::function<void()> act) {
  MutexLock lock(&mu_);
  change_end_ = std::move(end);
  change_act_ = std::move(act);
}

void FakeNode::Hold(bool held) {
  {
    MutexLock lock(&mu_);
    held_ = held;
  }
  changed_.NotifyAll();
}

void FakeNode::SetTime(int64_t cluster_ms, int64_t calendar_ms) {
  cluster_ms_ = cluster_ms;
  calendar_ms_ = calendar_ms;
}

void FakeNode::SetStatus(const replication::NodeStatus& status) {
  MutexLock lock(&mu_);
  status_ = status;
}

std::vector<std::string> FakeNode::commands() const {
  MutexLock lock(&mu_);
  return commands_;
}

std::vector<absl::Duration> FakeNode::timeouts() const {
  MutexLock lock(&mu_);
  return timeouts_;
}

std::vector<replication::ReadConsistency> FakeNode::reads() const {
  MutexLock lock(&mu_);
  return reads_;
}

std::vector<raft::ConfigurationChange> FakeNode::changes() const {
  MutexLock lock(&mu_);
  return changes_;
}

std::vector<raft::MemberId> FakeNode::transfers() const {
  MutexLock lock(&mu_);
  return transfers_;
}

std::vector<int64_t> FakeNode::accepted_leaps() const {
  MutexLock lock(&mu_);
  return accepted_leaps_;
}

bool FakeNode::WaitForCalls(size_t count) {
  MutexLock lock(&mu_);
  // Long enough for the slowest machine; a test that gets there fails anyway.
  for (int waits = 0; calls_ < count && waits < 300; ++waits) {
    changed_.WaitFor(&mu_, absl::Milliseconds(100));
  }
  return calls_ >= count;
}

}  // namespace quorate::server
