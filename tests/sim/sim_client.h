// A client of the simulated cluster: one application that opens sessions,
// takes and returns seats, and repeats a request until it has an answer.

#ifndef QUORATE_TESTS_SIM_SIM_CLIENT_H_
#define QUORATE_TESTS_SIM_SIM_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "quorate/internal/v1/command.pb.h"

#include "base/random.h"
#include "tests/sim/checker.h"
#include "tests/sim/sim_member.h"

namespace quorate::sim {

// Thread-compatible. What Deps points to is not owned.
class SimClient {
 public:
  struct Deps {
    const SimOptions* options = nullptr;
    Scheduler* scheduler = nullptr;
    SimNetwork* network = nullptr;
    Checker* checker = nullptr;
    // All that were ever made.
    const std::vector<std::unique_ptr<SimMember>>* members = nullptr;
  };

  using Answered = std::function<void(const licensing::LedgerAnswer&)>;

  SimClient(const Deps& deps, int number);

  void Start();

  // Asks for nothing new from now on, and lets its session run out.
  void Stop() { stopped_ = true; }

  // Sends one request through `member` alone until it is answered.
  void RequestThrough(SimMember* member, internal::v1::Command command,
                      Answered answered);

  // How many requests were answered with success.
  int successes() const { return successes_; }

  // How many checkouts waited in the queue and were granted then.
  int granted_later() const { return granted_later_; }

  int called_back() const { return called_back_; }

  // A new request id of this client.
  std::string NewRequestId();

  const std::string& principal() const { return principal_; }

 private:
  // A seat that is borrowed, and the calendar time until which it is out; 0:
  // not known.
  struct Away {
    uint64_t seat = 0;
    int64_t end_ms = 0;
  };

  // One request under way.
  struct Request {
    internal::v1::Command command;
    SimMember* only = nullptr;
    Answered answered;
    bool done = false;
  };

  // Shared by its attempts, of which several may still be answered.
  using RequestRef = std::shared_ptr<Request>;

  void Ask(internal::v1::Command command, Answered answered);
  void Attempt(const RequestRef& request);
  void AttemptAt(const RequestRef& request, SimMember* member);
  // What a stream over this member tells with the answer: seats that are called
  // back. They are given up before their time, by a client that is heard of
  // within a TTL, as by one that is not.
  std::set<uint64_t> SeatsGoneAt(const SimMember& member,
                                 const licensing::LedgerAnswer& answer) const;
  void Finish(const RequestRef& request, const SimResult& result,
              const std::set<uint64_t>& gone);

  void Think();
  void Step();
  void OpenSession();
  void Checkout();
  // Asks for the seats, again and again while it is told to wait.
  void AskFor(const internal::v1::Command& command);
  void TakeBack(const internal::v1::Command& checkout);
  void CheckRefusal(const licensing::LedgerAnswer& answer);
  void Checkin();
  void Resize();
  // Its user leaves, and says so: the policy may take its seats.
  void GoAway();
  void SayIdle(int times);
  // As an administrator would do it to another one.
  void Terminate();
  void CloseSession();
  void ChangePolicy();
  // sim_client_holders.cc
  void Borrow();
  void ReturnBorrow();
  void VerifyBorrows(const licensing::Ledger& ledger,
                     const std::map<uint64_t, Away>& borrowed);
  void Book();
  // `kept_ms`: it is there until this cluster time.
  void ConfirmBooking(const internal::v1::Book& booked, uint64_t booking,
                      int64_t kept_ms);
  void CancelBooking(uint64_t booking);
  void VerifySeats();
  void Renew(uint64_t session);
  void ScheduleRenewal();
  void BelieveUntil(SimTime until);
  void DropSession();
  void DropSeat(uint64_t handle);

  SimMember* Anyone();
  const std::string& SomeFeature();

  const Deps deps_;
  const std::string principal_;
  const internal::v1::SessionDescription description_;
  const std::vector<std::string> features_;
  Random random_;
  bool stopped_ = false;
  uint64_t next_request_ = 1;
  int successes_ = 0;
  int granted_later_ = 0;

  uint64_t policy_version_ = 0;  // The last that was acknowledged.
  uint64_t session_ = 0;
  uint64_t opened_ = 0;  // Sessions so far: tells late events of older ones.
  uint64_t terminated_ = 0;  // The one of these that was terminated last.
  SimTime believed_until_ = 0;
  std::map<uint64_t, internal::v1::CheckoutItem> seats_;  // By handle.
  std::set<uint64_t> gone_;                               // By the last answer.
  int called_back_ = 0;
  std::map<uint64_t, Away> borrowed_;  // By the borrow.
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_CLIENT_H_
