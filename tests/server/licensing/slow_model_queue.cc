// Of the slow model: checkouts, those that wait, and what ends them.

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "tests/server/licensing/slow_model.h"

namespace quorate::licensing {

using internal::v1::Command;

namespace {

uint64_t Units(const internal::v1::Checkout& body, const std::string& feature) {
  uint64_t units = 0;
  for (const auto& item : body.items())
    units += item.feature() == feature ? item.count() : 0;
  return units;
}

bool WaitingHelps(ErrorReason why) {
  return why == type::v1::ERROR_REASON_POOL_EXHAUSTED ||
         why == type::v1::ERROR_REASON_SEATS_RESERVED;
}

}  // namespace

LedgerAnswer SlowModel::CheckOut(const Command& command) {
  const internal::v1::Checkout& body = command.checkout();
  ErrorReason why = WhyNotNow(body).first;
  for (const auto& item : body.items()) {
    const auto line = lines_.find(item.feature());
    if (why != 0 || line == lines_.end()) continue;
    if (!line->second.held && !line->second.unserved) continue;
    why = type::v1::ERROR_REASON_POOL_EXHAUSTED;
  }
  if (why == 0) return HandOut(body);
  if (!WaitingHelps(why) || body.wait_ms() == 0) return No(why);
  size_t own = 0;
  for (const auto& [number, place] : places_)
    own += place.checkout.session_id() == body.session_id();
  if (places_.size() == limits_.queue_places ||
      own == limits_.queue_places_of_session) {
    return No(type::v1::ERROR_REASON_LIMIT_REACHED);
  }
  LedgerAnswer answer;
  answer.queue_place = next_place_++;
  const int64_t due_ms = now_.cluster_ms + body.wait_ms();
  places_[answer.queue_place] = {command.principal(),
                                 command.request_id(),
                                 BodyOf(command),
                                 body,
                                 due_ms,
                                 true,
                                 LedgerAnswer()};
  MarkLines(places_[answer.queue_place]);
  return answer;
}

ErrorReason SlowModel::WhyNotAllowed(const internal::v1::Checkout& body) const {
  std::map<std::string, uint64_t> asked;
  for (const auto& item : body.items())
    asked[item.feature()] += item.count();
  const ErrorReason not_by_policy = WhyNotByPolicy(body.session_id(), asked);
  if (not_by_policy != 0) return not_by_policy;
  for (const auto& [id, end] : terminated_) {
    const Session& session = sessions_.at(body.session_id());
    if (end.principal != session.principal ||
        end.who.user != session.who.user || end.who.host != session.who.host ||
        end.who.application != session.who.application) {
      continue;
    }
    if (end.cool_down_end_ms <= now_.cluster_ms) continue;
    for (const auto& item : body.items()) {
      if (end.features.count(item.feature()) > 0) {
        return type::v1::ERROR_REASON_COOLING_DOWN;
      }
    }
  }
  return {};
}

std::pair<ErrorReason, std::string> SlowModel::WhyNotNow(
    const internal::v1::Checkout& body) {
  const ErrorReason not_allowed = WhyNotAllowed(body);
  if (not_allowed != 0) return {not_allowed, ""};
  const auto seats = seats_;
  const uint64_t next_seat = next_seat_;
  std::string lacking;
  const bool placed = PlaceSeats(body, &lacking);
  const bool too_many = SeatsOf(body.session_id()) > limits_.seats_of_session;
  seats_.clear();
  std::string ignored;
  const bool possible = placed || PlaceSeats(body, &ignored);
  seats_ = seats;
  next_seat_ = next_seat;
  for (const auto& item : body.items()) {
    if (placed) break;
    const ErrorReason why = WhyNever(item, sessions_[body.session_id()]);
    if (why != 0) return {why, ""};
  }
  if (!possible) return {type::v1::ERROR_REASON_COUNT_OVER_TOTAL, ""};
  if (!placed) return {type::v1::ERROR_REASON_POOL_EXHAUSTED, lacking};
  return {too_many ? type::v1::ERROR_REASON_LIMIT_REACHED : ErrorReason(), ""};
}

LedgerAnswer SlowModel::HandOut(const internal::v1::Checkout& body) {
  LedgerAnswer answer;
  answer.granted_calendar_ms = now_.calendar_ms;
  std::string ignored;
  const uint64_t first = next_seat_;
  PlaceSeats(body, &ignored);
  for (uint64_t handle = first; handle < next_seat_; ++handle)
    answer.seat_handles.push_back(handle);
  return answer;
}

LedgerAnswer SlowModel::Resize(const internal::v1::ResizeSeat& body) {
  const auto found = seats_.find(body.seat_handle());
  if (found == seats_.end() || found->second.session != body.session_id()) {
    return No(type::v1::ERROR_REASON_SEAT_NOT_FOUND);
  }
  const Seat before = found->second;
  Seat after = before;
  after.count = body.count();
  after.tokens = before.tokens / before.count * body.count();
  if (after.count < before.count) MarkReturn(before);
  const std::string feature(FeatureOfPool(before.pool));
  ErrorReason why = {};
  if (after.count > before.count) {
    internal::v1::Checkout grown;
    grown.set_session_id(body.session_id());
    grown.add_items()->set_feature(feature);
    grown.mutable_items(0)->set_count(body.count());
    seats_.erase(body.seat_handle());
    why = WhyNotAllowed(grown);
    for (const auto& [pool, count] :
         {std::pair(before.pool, after.count),
          std::pair(before.token_pool, after.tokens)}) {
      if (count == 0 || why != 0) continue;
      why = WhyNotInForce(std::string(FeatureOfPool(pool)));
      if (why == 0 && count > Ceiling(pool)) {
        why = type::v1::ERROR_REASON_COUNT_OVER_TOTAL;
      }
      const uint64_t out = Out(pool);
      seats_[body.seat_handle()] = after;
      if (why == 0 && Out(pool) > out && Out(pool) > Ceiling(pool)) {
        why = type::v1::ERROR_REASON_POOL_EXHAUSTED;
      }
      seats_.erase(body.seat_handle());
    }
    const auto line = lines_.find(feature);
    if (why == 0 && line != lines_.end() &&
        (line->second.held || line->second.unserved)) {
      why = type::v1::ERROR_REASON_POOL_EXHAUSTED;
    }
  }
  seats_[body.seat_handle()] = why == 0 ? after : before;
  return No(why);
}

LedgerAnswer SlowModel::Terminate(const internal::v1::TerminateSession& body) {
  const uint64_t id = body.session_id();
  if (body.cool_down_ms() < 0) return Bad();
  const bool again = terminated_.count(id) > 0;
  if (again && (!Alive(id) || !body.at_once())) {
    return No(type::v1::ERROR_REASON_SESSION_TERMINATED);
  }
  if (!Alive(id)) return No(type::v1::ERROR_REASON_SESSION_NOT_FOUND);
  if (!again) {
    if (terminated_.size() == limits_.terminations) {
      return No(type::v1::ERROR_REASON_LIMIT_REACHED);
    }
    Termination& end = terminated_[id];
    end.principal = sessions_[id].principal;
    end.who = sessions_[id].who;
    for (const auto& [handle, seat] : seats_) {
      if (seat.session != id) continue;
      end.features.insert(std::string(FeatureOfPool(seat.pool)));
    }
    end.cool_down_end_ms = now_.cluster_ms + body.cool_down_ms();
    end.forget_ms =
        now_.cluster_ms + std::max({kAnswerMemoryMs, body.cool_down_ms(),
                                    sessions_[id].ttl_ms * 5 / 4});
    ErasePlacesOf(id);
  }
  if (body.at_once()) EndSession(id);
  return {};
}

LedgerAnswer SlowModel::Cancel(const Command& command) {
  const internal::v1::CancelCheckout& body = command.cancel_checkout();
  for (const auto& [number, place] : places_) {
    if (place.request_id != body.checkout_request_id()) continue;
    if (place.checkout.session_id() != body.session_id()) continue;
    if (!place.answer.ok()) return {};
    for (const uint64_t handle : place.answer.seat_handles) {
      if (seats_.count(handle) > 0) GiveBack(handle);
    }
    EndWait(number, No(type::v1::ERROR_REASON_WAIT_CANCELLED));
    return {};
  }
  return No(type::v1::ERROR_REASON_QUEUE_PLACE_NOT_FOUND);
}

std::vector<uint64_t> SlowModel::LineOf(const std::string& feature) const {
  std::map<std::string, uint64_t> out;
  for (const auto& [handle, seat] : seats_) {
    if (FeatureOfPool(seat.pool) != feature) continue;
    out[sessions_.at(seat.session).who.project] += seat.count;
  }
  std::map<std::pair<uint32_t, std::string>, uint64_t> oldest;
  std::vector<std::tuple<uint32_t, uint64_t, uint64_t, uint64_t>> order;
  for (const auto& [number, place] : places_) {
    if (!place.waits || Units(place.checkout, feature) == 0) continue;
    const uint32_t rank = 9 - place.checkout.priority();
    const auto& project = sessions_.at(place.checkout.session_id()).who.project;
    const auto first = oldest.emplace(std::pair(rank, project), number).first;
    order.emplace_back(rank, out[project], first->second, number);
  }
  std::sort(order.begin(), order.end());
  std::vector<uint64_t> numbers;
  for (const auto& place : order)
    numbers.push_back(std::get<3>(place));
  return numbers;
}

void SlowModel::MarkLines(const Place& place) {
  for (const auto& item : place.checkout.items())
    lines_[item.feature()].unserved = true;
  std::erase_if(
      lines_, [this](const auto& line) { return LineOf(line.first).empty(); });
}

void SlowModel::EndWait(uint64_t number, const LedgerAnswer& answer) {
  Place& place = places_[number];
  const int64_t ttl_ms = sessions_[place.checkout.session_id()].ttl_ms;
  place.due_ms = now_.cluster_ms + std::max(kAnswerMemoryMs, ttl_ms * 5 / 4);
  place.answer = answer;
  place.answer.queue_place = number;
  if (std::exchange(place.waits, false)) MarkLines(place);
}

void SlowModel::Serve() {
  for (size_t settled = 0; !heir_.has_value();) {
    const auto line =
        std::find_if(lines_.begin(), lines_.end(),
                     [](const auto& each) { return each.second.unserved; });
    if (line == lines_.end()) return;
    uint64_t next = 0;
    LedgerAnswer end;
    int passed = 0;
    bool held = false;
    for (const uint64_t number : LineOf(line->first)) {
      const Place& place = places_[number];
      const auto [why, what] = WhyNotNow(place.checkout);
      end = No(why);
      if (place.due_ms <= now_.cluster_ms) {
        end = No(type::v1::ERROR_REASON_WAIT_TIMED_OUT);
      }
      if (!Alive(place.checkout.session_id())) {
        end = No(type::v1::ERROR_REASON_SESSION_NOT_FOUND);
      }
      if (!WaitingHelps(end.reason)) next = number;
      held = next == 0 && what == line->first;
      if (next > 0 || held || ++passed == 256) break;
    }
    if (next == 0) {
      line->second = {.held = held, .unserved = false};
      continue;
    }
    if (settled++ == limits_.settlements_per_entry) return;
    EndWait(next, end.ok() ? HandOut(places_[next].checkout) : end);
  }
}

LedgerAnswer SlowModel::AnswerOf(uint64_t number) const {
  const Place& place = places_.at(number);
  LedgerAnswer answer = place.answer;
  answer.queue_place = number;
  if (place.waits && place.due_ms <= now_.cluster_ms) {
    answer.reason = type::v1::ERROR_REASON_WAIT_TIMED_OUT;
  }
  for (const auto& item : place.checkout.items()) {
    if (!place.waits || !answer.ok()) break;
    const std::vector<uint64_t> line = LineOf(item.feature());
    const auto at = std::find(line.begin(), line.end(), number);
    answer.queue_position.number =
        std::max(answer.queue_position.number,
                 static_cast<uint64_t>(at - line.begin()) + 1);
  }
  return answer;
}

}  // namespace quorate::licensing
