// The inside of the ledger: the commands, which act on its tables.
//
// Each topic has its own file; README.md says which.

#ifndef QUORATE_SERVER_LICENSING_LEDGER_STATE_H_
#define QUORATE_SERVER_LICENSING_LEDGER_STATE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/allotment.h"
#include "server/licensing/ledger.h"
#include "server/licensing/ledger_restore.h"
#include "server/licensing/ledger_tables.h"
#include "server/licensing/recall.h"

namespace quorate::licensing {

// Thread-compatible.
class Ledger::State {
 public:
  using Changes = std::vector<RecordChange>;

  State(absl::string_view cluster_id, uint32_t cluster_epoch,
        const LedgerLimits& limits);

  LedgerAnswer Apply(const internal::v1::Command& command,
                     const EntryTime& time, Changes* changes);
  void ApplyTime(const EntryTime& time, Changes* changes);

  absl::Status RestoreRecord(absl::string_view key, absl::string_view value) {
    return restore_.TakeRecord(key, value);
  }

  absl::Status FinishRestore();
  std::vector<RecordChange> Dump() const;

  std::optional<int64_t> NextDueClusterMs() const;

  EntryTime time() const { return tables_.time(); }

  const Tables& tables() const { return tables_; }

  const std::vector<LedgerEvent>& events() const { return events_; }

  const HistoryEvents& history() const { return history_; }

  // As Allot, for one who comes now: those who wait come before him.
  std::optional<LedgerAnswer> AllotNow(
      const CheckoutItems& items,
      const internal::v1::SessionDescription& description,
      Allotments* allotments) const;
  // Those who wait and were not served yet come before one who comes now.
  std::optional<LedgerAnswer> RefuseUnserved(const CheckoutItems& items) const;

  // Of one that waits.
  QueuePosition PositionOf(const QueuePlace& place) const;

 private:
  // ledger.cc
  void MoveTime(const EntryTime& time, Changes* changes);
  void ForgetOldAnswers(Changes* changes);
  void FinishEntry(Changes* changes);
  LedgerAnswer Execute(const internal::v1::Command& command, Changes* changes);
  LedgerAnswer ExecuteOnce(const internal::v1::Command& command,
                           Changes* changes);
  LedgerAnswer Act(const internal::v1::Command& command, Changes* changes);
  void Remember(const internal::v1::Command& command,
                const CommandDigest& digest, const LedgerAnswer& answer,
                Changes* changes);

  // ledger_sessions.cc
  void EndDueSessions(Changes* changes);
  void EndSession(Session* session, Changes* changes);
  LedgerAnswer OpenSession(const internal::v1::Command& command,
                           Changes* changes);
  LedgerAnswer CloseSession(const internal::v1::Command& command,
                            Changes* changes);
  LedgerAnswer RenewSessions(const internal::v1::RenewSessions& body,
                             Changes* changes);
  // The session where it is alive and the principal's; else null, and why in
  // `refusal`.
  Session* FindOwnSession(uint64_t session_id, absl::string_view principal,
                          LedgerAnswer* refusal);
  // The same, also where it was terminated: what gives back.
  Session* FindOwnSessionToReturn(uint64_t session_id,
                                  absl::string_view principal,
                                  LedgerAnswer* refusal);

  // ledger_idle.cc
  // Takes what a renewal says of its user's activity. Adds to `work`.
  void HeedActivity(const internal::v1::Renewal& renewal, Session* session,
                    size_t* work, Changes* changes);
  void WatchIdleSeat(const Session& session, uint64_t handle, int64_t idle_ms,
                     Changes* changes);

  // ledger_checkout.cc
  LedgerAnswer Checkout(const internal::v1::Command& command, Changes* changes);
  LedgerAnswer Checkin(const internal::v1::Command& command, Changes* changes);
  // What of the policy and of terminations is in the way.
  std::optional<LedgerAnswer> RefuseClient(const Session& session,
                                           const CheckoutItems& items) const;
  std::optional<LedgerAnswer> RefuseTooMany(const Session& session,
                                            const CheckoutItems& items) const;
  // Why they are refused to one who comes now; else from where they are taken.
  std::optional<LedgerAnswer> RefuseComer(const Session& session,
                                          const CheckoutItems& items,
                                          Allotments* allotments) const;
  // Why the items could not be granted now, to one who waited, without what is
  // kept.
  std::optional<LedgerAnswer> RefuseNow(const Session& session,
                                        const CheckoutItems& items,
                                        IsKept is_kept,
                                        Allotments* allotments) const;
  // Grants what RefuseNow does not refuse, as it says; it waited so long.
  LedgerAnswer Grant(Session* session, const CheckoutItems& items,
                     const Allotments& allotments, int64_t waited_ms,
                     Changes* changes);

  // ledger_linger.cc
  int64_t LingerMs(const Seat& seat, const Session& holder) const;
  // Makes a seat that is given back one that lingers; false where it does not
  // linger.
  bool Linger(uint64_t handle, Changes* changes);
  Takeovers FindTakeovers(const Session& session,
                          const CheckoutItems& items) const;
  // A checkout that takes up some seats that linger.
  LedgerAnswer CheckoutAgain(const internal::v1::Command& command,
                             const Takeovers& takeovers, Session* session,
                             Changes* changes);
  void TakeOver(uint64_t handle, Session* session, Changes* changes);

  // ledger_queue.cc
  LedgerAnswer RefuseOvertaking(const internal::v1::CheckoutItem& item) const;
  // Takes a place where the caller asked for it and waiting may help.
  LedgerAnswer RefuseOrQueue(const internal::v1::Command& command,
                             const Session& session, LedgerAnswer refusal);
  LedgerAnswer CancelCheckout(const internal::v1::Command& command,
                              Changes* changes);
  LedgerAnswer AnswerOf(const QueuePlace& place) const;
  void EndDuePlaces();
  void EndPlace(QueuePlace* place, ErrorReason reason);
  void RememberPlace(QueuePlace* place);
  // Others may be waiting for the units of a seat that goes.
  void OnReturn(const Seat& returned);
  void GiveBack(uint64_t handle, Changes* changes);
  void WriteQueue(Changes* changes);

  // ledger_borrow.cc
  LedgerAnswer RefuseBorrowed(const Session& borrow) const;
  // Why this seat is not that session's to act on.
  LedgerAnswer RefuseSeat(uint64_t session_id, uint64_t handle,
                          absl::string_view principal) const;
  // Why these seats may not be borrowed until then; nothing where they may.
  std::optional<LedgerAnswer> RefuseBorrow(
      const google::protobuf::RepeatedField<uint64_t>& handles,
      int64_t until_ms) const;
  LedgerAnswer Borrow(const internal::v1::Command& command, Changes* changes);
  LedgerAnswer ReturnBorrow(const internal::v1::Command& command,
                            Changes* changes);
  LedgerAnswer WriteOffBorrow(const internal::v1::Command& command,
                              Changes* changes);

  // ledger_queue_serving.cc
  // One that need not wait any longer, and how it ends: with a refusal, or with
  // these allotments. Null where each has to wait.
  struct Settlement {
    QueuePlace* place = nullptr;
    std::optional<LedgerAnswer> refusal;
    Allotments allotments;
  };

  void ServeQueue(Changes* changes);
  // The first of the line; and what is kept for those before it, or for all
  // who wait where there is none.
  Settlement NextToSettle(absl::string_view feature, KeptPools* kept);
  void Settle(Settlement settlement, Changes* changes);
  // The lines of which some may take tokens, or all that are taken as such.
  void MarkTokenLines();

  // ledger_recall.cc
  // Those of the line that call lent units back come first.
  void RankCalling(absl::string_view feature);
  void CallBack(Changes* changes);
  std::set<uint64_t> ReviewCalls(Changes* changes);  // Which are new.
  void SetCalled(uint64_t handle, const Call& call, Changes* changes);
  // What is due, but for those; false where nothing is.
  bool TakeCalled(const std::set<uint64_t>& fresh, Changes* changes);
  // Of each key of this entry; calls change what others have changed.
  void KeepLastChanges(Changes* changes);

  // ledger_booking.cc
  LedgerAnswer Book(const internal::v1::Command& command, Changes* changes);
  Session* FindOwnBooking(uint64_t session_id, absl::string_view principal,
                          LedgerAnswer* refusal);
  LedgerAnswer ConfirmBooking(const internal::v1::Command& command,
                              Changes* changes);
  LedgerAnswer CancelBooking(const internal::v1::Command& command,
                             Changes* changes);

  // ledger_termination.cc
  LedgerAnswer RefuseTerminated(
      const internal::v1::TerminationRecord& termination) const;
  std::optional<LedgerAnswer> RefuseCoolingDown(
      const Session& session, const CheckoutItems& items) const;
  LedgerAnswer TerminateSession(const internal::v1::Command& command,
                                Changes* changes);
  internal::v1::TerminationRecord TerminationOf(
      const internal::v1::Command& command, const Session& session) const;
  void ForgetTerminations(Changes* changes);
  // Takes a seat away from a session that lives on; its client is told.
  void TakeAway(uint64_t handle, std::string reason, std::string by,
                Changes* changes);
  void WriteTaken(Changes* changes);
  LedgerAnswer ReleaseSeat(const internal::v1::Command& command,
                           Changes* changes);
  LedgerAnswer ResizeSeat(const internal::v1::Command& command,
                          Changes* changes);

  // ledger_models.cc
  // What a seat uses up for good beyond what it had `before`.
  void UseUp(const internal::v1::SeatRecord& before, const Seat& seat);
  // What a seat that goes out begins: trials, a user's casual minutes.
  void BeginUse(const Seat& seat);
  void EndUse(const Seat& returned);
  void EndDueMinutes(Changes* changes);
  LedgerAnswer ReleaseNamedUser(const internal::v1::Command& command);
  void WriteModels(Changes* changes);
  void DumpModels(std::vector<RecordChange>* records) const;

  // ledger_licenses.cc
  LedgerAnswer InstallLicense(const internal::v1::Command& command,
                              Changes* changes);

  // ledger_policy.cc
  // Why the policy does not let the session check this out; nothing where it
  // does.
  std::optional<LedgerAnswer> RefuseByPolicy(const Session& session,
                                             const CheckoutItems& items) const;
  // The same for seats that are out already: no units are asked for.
  std::optional<LedgerAnswer> RefuseDenied(const Session& session,
                                           const CheckoutItems& items) const;
  LedgerAnswer ApplyPolicy(const internal::v1::Command& command,
                           Changes* changes);
  LedgerAnswer RollBackPolicy(const internal::v1::Command& command,
                              Changes* changes);
  // `record` has its policy and what is said of it.
  LedgerAnswer PutInForce(const internal::v1::Command& command,
                          internal::v1::PolicyVersionRecord record,
                          Changes* changes);

  // ledger_epochs.cc
  // Why a restored cluster on hold, or a retired one, does not do this.
  std::optional<LedgerAnswer> RefuseByEpoch(
      const internal::v1::Command& command) const;
  bool IsOfOldEpoch(uint64_t session_id) const;
  LedgerAnswer ReleaseRestored(const internal::v1::Command& command);
  LedgerAnswer RetireCluster(const internal::v1::Command& command);

  // ledger_history.cc
  void NoteUse(const internal::v1::SeatRecord& seat, const Session& session);
  void NoteRefusal(const internal::v1::Command& command,
                   const LedgerAnswer& answer);
  void NoteVainWait(const QueuePlace& place, ErrorReason reason);
  void NoteLoads();

  // ledger_dump.cc
  void WriteCounters(internal::v1::LedgerRecord* record) const;

  const LedgerLimits limits_;
  Tables tables_;
  LedgerRestore restore_;
  std::vector<LedgerEvent> events_;  // Of the last entry.
  HistoryEvents history_;            // The same.
  // Sessions that lost seats in this entry and whose records are to be written.
  std::set<uint64_t> taken_from_;
  Recalls recalls_;
  // What stands in the ledger's own record; nothing: there is none yet.
  std::optional<Counters> written_;
  // Written for every command; kept for their memory only.
  internal::v1::LedgerRecord own_record_;
  internal::v1::AnswerRecord answer_record_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LEDGER_STATE_H_
