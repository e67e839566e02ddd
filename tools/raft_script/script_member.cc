#include "tools/raft_script/script_member.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::raft_script {

using raft::Entry;
using raft::Index;
using raft::SnapshotPosition;

ScriptMember::ScriptMember(const MemberOptions& options, SnapshotPosition start)
    : options_(options), log_(std::make_unique<ScriptLog>(std::move(start))) {
  published_.applied = log_->before().index;
  Restart();
  published_ = Live();
}

void ScriptMember::Restart() {
  QUORATE_CHECK(append_work_.empty() && apply_work_.empty());
  core_ = std::make_unique<raft::Raft>(options_.core, log_.get(),
                                       log_->Restore(published_.applied));
}

PublishedState ScriptMember::Live() const {
  const raft::RaftStatus status = core_->Status();
  return {.role = status.role,
          .leader = status.leader,
          .term = status.term,
          .vote = status.vote,
          .commit = status.commit,
          .applied = published_.applied};
}

bool ScriptMember::HasReady() const {
  return core_->HasReady() || Live() != published_;
}

void ScriptMember::ProcessReady(ScriptNetwork& network) {
  const PublishedState before = published_;
  published_ = Live();
  said_.stages.push_back(published_);
  // The scripts' core writes a new commit index as well, so there is a piece of
  // work for the append thread.
  const bool record = before.term != published_.term ||
                      before.vote != published_.vote ||
                      before.commit != published_.commit;
  TakeReadyParts(network, record);
  if (options_.async_writes) return;
  // Entries that arrived with their commit index are handed out in one Ready by
  // the scripts' core and in two by ours, which waits for the disk.
  if (published_.applied == before.applied &&
      published_.applied < published_.commit) {
    ProcessRest(network);
  }
}

void ScriptMember::ProcessRest(ScriptNetwork& network) {
  TakeReadyParts(network, /*record=*/false);
}

void ScriptMember::TakeReadyParts(ScriptNetwork& network, bool record) {
  raft::Ready ready;
  if (core_->HasReady()) ready = core_->TakeReady();
  for (raft::Message& message : ready.messages) {
    const raft::MemberId to = message.to;
    network.Add({.to = to, .content = std::move(message)});
  }
  for (const raft::SnapshotOrder& order : ready.snapshots) {
    network.Add(
        {.to = order.to, .content = MakeSnapshot(order.to, order.term)});
  }
  NoteAppended(ready.append);
  if (!ready.committed.empty()) {
    published_.applied = ready.committed.back().index;
    for (std::vector<Entry>* list : {&applied_, &said_.applied}) {
      list->insert(list->end(), ready.committed.begin(), ready.committed.end());
    }
    apply_work_.push_back(std::move(ready.committed));
  }
  if (!ready.append.empty() || record) {
    append_work_.push_back(std::move(ready.append));
  }
  if (!options_.async_writes) FinishWork(network);
}

void ScriptMember::FinishWork(ScriptNetwork& network) {
  ScriptNetwork done;
  while (HasAppendWork())
    ProcessAppend(done);
  while (HasApplyWork())
    ProcessApply(done);
  for (const InFlight& item : done.TakeAll()) {
    if (IsLocal(item)) {
      Receive(item);
    } else {
      network.Add(item);
    }
  }
}

const raft::Membership& ScriptMember::applied_membership() const {
  const auto last =
      std::find_if(applied_.rbegin(), applied_.rend(), [](const Entry& entry) {
        return entry.type == raft::EntryType::kConfiguration;
      });
  return last == applied_.rend() ? log_->before().configuration->membership
                                 : last->configuration->membership;
}

bool ScriptMember::ChangeUnderWay() const {
  return std::any_of(appended_.begin(), appended_.end(),
                     [this](const Entry& entry) {
                       return entry.type == raft::EntryType::kConfiguration &&
                              entry.index > core_->commit();
                     });
}

void ScriptMember::NoteAppended(const raft::AppendWork& work) {
  if (work.install.has_value()) {
    appended_.clear();
    published_.applied = work.install->index;
  }
  if (work.entries.empty()) return;
  const auto replaced = std::find_if(
      appended_.begin(), appended_.end(), [&work](const Entry& entry) {
        return entry.index >= work.entries.front().index;
      });
  appended_.erase(replaced, appended_.end());
  for (std::vector<Entry>* list : {&appended_, &said_.appended})
    list->insert(list->end(), work.entries.begin(), work.entries.end());
}

void ScriptMember::ProcessAppend(ScriptNetwork& network) {
  if (append_work_.empty()) return;
  const raft::AppendWork work = std::move(append_work_.front());
  append_work_.pop_front();
  log_->Write(work);
  if (work.install.has_value()) Install(*work.install);
  for (const raft::Message& message : work.messages)
    network.Add({.to = message.to, .content = message});
  if (!work.empty()) network.Add({.to = id(), .content = work.receipt});
  if (work.install.has_value()) {
    network.Add({.to = id(), .content = ApplyReceipt{work.install->index}});
  }
}

void ScriptMember::ProcessApply(ScriptNetwork& network) {
  if (apply_work_.empty()) return;
  const Index last = apply_work_.front().back().index;
  apply_work_.pop_front();
  network.Add({.to = id(), .content = ApplyReceipt{last}});
}

void ScriptMember::Install(const SnapshotPosition& position) {
  applied_.clear();
  for (const Entry& entry : received_) {
    if (entry.index <= position.index) applied_.push_back(entry);
  }
}

void ScriptMember::Receive(const InFlight& item) {
  if (const auto* message = std::get_if<raft::Message>(&item.content)) {
    core_->Step(*message);
  } else if (const auto* transfer =
                 std::get_if<SnapshotTransfer>(&item.content)) {
    // What is applied is the same everywhere, so the longer one has it all.
    if (transfer->applied.size() > received_.size()) {
      received_ = transfer->applied;
    }
    core_->Step(transfer->message);
  } else if (const auto* receipt =
                 std::get_if<raft::AppendReceipt>(&item.content)) {
    core_->OnAppended(*receipt);
  } else {
    core_->OnApplied(std::get<ApplyReceipt>(item.content).index);
  }
}

SnapshotPosition ScriptMember::PositionAt(Index index) const {
  if (index <= log_->before().index) return log_->before();
  SnapshotPosition position = log_->before();
  for (const Entry& entry : log_->entries()) {
    if (entry.index > index) break;
    position.index = entry.index;
    position.term = entry.term;
    position.stamp = entry.stamp;
    if (entry.type != raft::EntryType::kConfiguration) continue;
    position.configuration = entry.configuration;
    position.configuration_index = entry.index;
  }
  return position;
}

void ScriptMember::Compact(Index index) {
  core_->Compact(PositionAt(index));
}

SnapshotTransfer ScriptMember::MakeSnapshot(raft::MemberId to,
                                            raft::Term term) const {
  SnapshotTransfer transfer;
  const SnapshotPosition position = PositionAt(core_->Status().applied);
  for (const Entry& entry : applied_) {
    if (entry.index <= position.index) transfer.applied.push_back(entry);
  }
  transfer.message = {id(), to, term, raft::InstallSnapshot{position}};
  return transfer;
}

}  // namespace quorate::raft_script
