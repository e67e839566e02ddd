#include "server/licensing/queue.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "server/licensing/limits.h"

namespace quorate::licensing {
namespace {

// How much a seat that comes back counts in the mean: one part in so many.
constexpr int64_t kMeanParts = 8;

// Neither has a control character (field_rules.h).
std::string RequestKey(absl::string_view principal,
                       absl::string_view request_id) {
  return absl::StrCat(principal, "\n", request_id);
}

using Features = absl::InlinedVector<absl::string_view, 4>;

// Each feature of the place once, in the order in which they are first named.
Features FeaturesOf(const QueuePlace& place) {
  Features features;
  for (const internal::v1::CheckoutItem& item : place.record.items()) {
    if (std::find(features.begin(), features.end(), item.feature()) ==
        features.end()) {
      features.push_back(item.feature());
    }
  }
  return features;
}

}  // namespace

uint32_t RankOf(const internal::v1::QueuePlaceRecord& place) {
  return place.priority() + (place.calls_back() ? kMaxPriority + 1 : 0);
}

QueueLine::QueueLine(absl::string_view feature) {
  record_.set_feature(std::string(feature));
}

void QueueLine::Visit(absl::FunctionRef<bool(const QueuePlace&)> visit) const {
  for (const auto& [priority, level] : levels_) {
    for (const auto& [out, first, group] : level.order) {
      for (const auto& [number, place] : group->places) {
        if (!visit(*place)) return;
      }
    }
  }
}

void QueueLine::Add(const QueuePlace& place, uint64_t out) {
  const uint64_t number = place.record.number();
  Level& level = levels_[RankOf(place.record)];
  Group& group = level.groups[place.project];
  if (!group.places.empty()) {
    level.order.erase({group.out, group.places.begin()->first, &group});
  }
  group.out = out;
  QUORATE_CHECK(group.places.emplace(number, &place).second);
  level.order.insert({group.out, group.places.begin()->first, &group});
  ++size_;
  if (place.record.calls_back()) claimed_ += place.record.items(0).count();
}

void QueueLine::Remove(const QueuePlace& place) {
  const auto level = levels_.find(RankOf(place.record));
  QUORATE_CHECK(level != levels_.end());
  const auto found = level->second.groups.find(place.project);
  QUORATE_CHECK(found != level->second.groups.end());
  Group& group = found->second;
  level->second.order.erase({group.out, group.places.begin()->first, &group});
  QUORATE_CHECK(group.places.erase(place.record.number()) == 1);
  --size_;
  if (place.record.calls_back()) claimed_ -= place.record.items(0).count();
  if (!group.places.empty()) {
    level->second.order.insert(
        {group.out, group.places.begin()->first, &group});
    return;
  }
  level->second.groups.erase(found);
  if (level->second.groups.empty()) levels_.erase(level);
}

void QueueLine::SetOut(absl::string_view project, uint64_t out) {
  for (auto& [priority, level] : levels_) {
    const auto found = level.groups.find(project);
    if (found == level.groups.end()) continue;
    Group& group = found->second;
    const uint64_t first = group.places.begin()->first;
    level.order.erase({group.out, first, &group});
    group.out = out;
    level.order.insert({group.out, first, &group});
  }
}

uint64_t Queue::UnitsOf(absl::string_view feature,
                        absl::string_view project) const {
  const auto shares = units_.find(feature);
  if (shares == units_.end()) return 0;
  const auto units = shares->second.find(project);
  return units == shares->second.end() ? 0 : units->second;
}

void Queue::AddUnits(absl::string_view feature, absl::string_view project,
                     uint64_t count) {
  Shares& shares = units_[feature];
  SetUnits(feature, project, &shares, shares[project] + count);
}

void Queue::TakeUnits(absl::string_view feature, absl::string_view project,
                      uint64_t count) {
  const auto shares = units_.find(feature);
  QUORATE_CHECK(shares != units_.end());
  const auto units = shares->second.find(project);
  QUORATE_CHECK(units != shares->second.end() && units->second >= count);
  SetUnits(feature, project, &shares->second, units->second - count);
  if (shares->second.empty()) units_.erase(shares);
}

void Queue::SetUnits(absl::string_view feature, absl::string_view project,
                     Shares* shares, uint64_t units) {
  if (units == 0) {
    shares->erase(project);
  } else {
    (*shares)[project] = units;
  }
  if (lines_.empty()) return;
  const auto line = lines_.find(feature);
  if (line != lines_.end()) line->second.SetOut(project, units);
}

QueuePlace* Queue::Add(internal::v1::QueuePlaceRecord record,
                       absl::string_view principal, absl::string_view project) {
  const uint64_t number = record.number();
  auto place = std::make_unique<QueuePlace>();
  place->record = std::move(record);
  place->principal = std::string(principal);
  place->project = std::string(project);
  QueuePlace* const added = place.get();
  const std::string request = RequestKey(principal, added->record.request_id());
  if (by_number_.contains(number) || by_request_.contains(request)) {
    return nullptr;
  }
  by_number_.emplace(number, std::move(place));
  by_request_.emplace(request, added);
  by_session_.insert({added->record.session_id(), number});
  by_due_.insert({added->record.due_cluster_ms(), number});
  if (added->waiting()) JoinLines(*added);
  changed_places_.insert(number);
  return added;
}

QueuePlace* Queue::Find(uint64_t number) {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second.get();
}

const QueuePlace* Queue::Find(uint64_t number) const {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second.get();
}

QueuePlace* Queue::FindByRequest(absl::string_view principal,
                                 absl::string_view request_id) {
  if (by_request_.empty()) return nullptr;
  const auto found = by_request_.find(RequestKey(principal, request_id));
  return found == by_request_.end() ? nullptr : found->second;
}

const QueueLine* Queue::FindLine(absl::string_view feature) const {
  const auto found = lines_.find(feature);
  return found == lines_.end() ? nullptr : &found->second;
}

void Queue::JoinLines(const QueuePlace& place) {
  for (const absl::string_view feature : FeaturesOf(place)) {
    auto line = lines_.find(feature);
    if (line == lines_.end()) {
      line = lines_.emplace(feature, QueueLine(feature)).first;
    }
    line->second.Add(place, UnitsOf(feature, place.project));
    MarkUnserved(feature);
  }
}

void Queue::LeaveLines(const QueuePlace& place) {
  for (const absl::string_view feature : FeaturesOf(place)) {
    const auto line = lines_.find(feature);
    QUORATE_CHECK(line != lines_.end());
    line->second.Remove(place);
    if (line->second.size() > 0) {
      MarkUnserved(feature);
      continue;
    }
    const auto unserved = unserved_.find(feature);
    if (unserved != unserved_.end()) unserved_.erase(unserved);
    changed_lines_.insert(line->first);
    SetKept(&line->second, {});
    lines_.erase(line);
  }
}

void Queue::Leave(QueuePlace* place, internal::v1::QueuePlaceState state) {
  LeaveLines(*place);
  place->record.clear_calls_back();
  place->record.set_state(state);
  changed_places_.insert(place->record.number());
}

void Queue::SetCallsBack(QueuePlace* place, bool calls_back) {
  const std::string& feature = place->record.items(0).feature();
  QueueLine& line = lines_.find(feature)->second;
  line.Remove(*place);
  place->record.set_calls_back(calls_back);
  line.Add(*place, UnitsOf(feature, place->project));
  changed_places_.insert(place->record.number());
}

void Queue::SetDue(QueuePlace* place, int64_t due_cluster_ms) {
  const uint64_t number = place->record.number();
  by_due_.erase({place->record.due_cluster_ms(), number});
  place->record.set_due_cluster_ms(due_cluster_ms);
  by_due_.insert({due_cluster_ms, number});
  changed_places_.insert(number);
}

void Queue::Erase(QueuePlace* place) {
  if (place->waiting()) LeaveLines(*place);
  const internal::v1::QueuePlaceRecord& record = place->record;
  const uint64_t number = record.number();
  by_request_.erase(RequestKey(place->principal, record.request_id()));
  by_session_.erase({record.session_id(), number});
  by_due_.erase({record.due_cluster_ms(), number});
  changed_places_.insert(number);
  by_number_.erase(number);
}

void Queue::EraseAllOf(uint64_t session_id) {
  while (true) {
    const auto first = by_session_.lower_bound({session_id, 0});
    if (first == by_session_.end() || first->first != session_id) return;
    Erase(Find(first->second));
  }
}

size_t Queue::CountOf(uint64_t session_id) const {
  size_t count = 0;
  for (auto place = by_session_.lower_bound({session_id, 0});
       place != by_session_.end() && place->first == session_id; ++place) {
    ++count;
  }
  return count;
}

QueuePlace* Queue::FirstDue() {
  return by_due_.empty() ? nullptr : Find(by_due_.begin()->second);
}

std::optional<int64_t> Queue::FirstDueMs() const {
  if (by_due_.empty()) return std::nullopt;
  return by_due_.begin()->first;
}

void Queue::MarkUnserved(absl::string_view feature) {
  if (lines_.empty()) return;
  const auto line = lines_.find(feature);
  if (line == lines_.end() || line->second.record_.unserved()) return;
  line->second.record_.set_unserved(true);
  unserved_.insert(line->first);
  changed_lines_.insert(line->first);
}

void Queue::MarkAllUnserved() {
  for (const auto& [feature, line] : lines_)
    MarkUnserved(feature);
}

const QueueLine* Queue::FirstUnserved() const {
  return unserved_.empty() ? nullptr : FindLine(*unserved_.begin());
}

void Queue::SetServed(absl::string_view feature, KeptPools kept) {
  const auto line = lines_.find(feature);
  QUORATE_CHECK(line != lines_.end());
  line->second.record_.set_unserved(false);
  unserved_.erase(line->first);
  changed_lines_.insert(line->first);
  SetKept(&line->second, std::move(kept));
}

void Queue::SetKept(QueueLine* line, KeptPools kept) {
  const KeptPools& before = line->record_.kept();
  if (std::equal(before.begin(), before.end(), kept.begin(), kept.end(),
                 [](const internal::v1::KeptPool& left,
                    const internal::v1::KeptPool& right) {
                   return left.pool() == right.pool() &&
                          left.place() == right.place();
                 })) {
    return;
  }
  kept_changed_ = true;
  for (const internal::v1::KeptPool& each : line->record_.kept()) {
    const auto keepers = keepers_.find(each.pool());
    QUORATE_CHECK(keepers != keepers_.end());
    std::erase(keepers->second,
               std::pair<const QueueLine*, uint64_t>(line, each.place()));
    if (keepers->second.empty()) keepers_.erase(keepers);
  }
  *line->record_.mutable_kept() = std::move(kept);
  for (const internal::v1::KeptPool& each : line->record_.kept()) {
    keepers_[each.pool()].emplace_back(line, each.place());
  }
}

bool Queue::IsKept(absl::string_view pool) const {
  return !keepers_.empty() && keepers_.contains(pool);
}

bool Queue::IsKeptFrom(const QueuePlace& place, absl::string_view feature,
                       absl::string_view pool) const {
  if (keepers_.empty()) return false;
  const auto keepers = keepers_.find(pool);
  if (keepers == keepers_.end()) return false;
  return std::any_of(
      keepers->second.begin(), keepers->second.end(), [&](const auto& each) {
        const auto& [line, number] = each;
        const QueuePlace* const keeper = Find(number);
        // One that is gone: its line is to be served.
        if (line->record().feature() == feature || keeper == nullptr ||
            !keeper->waiting()) {
          return false;
        }
        const uint32_t first = RankOf(keeper->record);
        const uint32_t own = RankOf(place.record);
        return first > own || (first == own && number < place.record.number());
      });
}

void Queue::LearnHeldTime(absl::string_view feature, int64_t held_ms) {
  if (lines_.empty()) return;
  const auto line = lines_.find(feature);
  if (line == lines_.end()) return;
  internal::v1::QueueLineRecord& record = line->second.record_;
  const int64_t mean_ms = record.mean_held_ms();
  // At least 1: 0 is that nothing is known.
  record.set_mean_held_ms(std::max<int64_t>(
      1, mean_ms == 0 ? held_ms : mean_ms + (held_ms - mean_ms) / kMeanParts));
  changed_lines_.insert(line->first);
}

bool Queue::SetLine(const internal::v1::QueueLineRecord& record) {
  const auto line = lines_.find(record.feature());
  if (line == lines_.end()) return false;
  SetKept(&line->second, record.kept());
  line->second.record_ = record;
  saved_lines_.insert(line->first);
  if (record.unserved()) {
    unserved_.insert(line->first);
  } else {
    unserved_.erase(line->first);
  }
  return true;
}

Queue::Changes Queue::TakeChanges() {
  Changes changes;
  if (changed_places_.empty() && changed_lines_.empty()) return changes;
  changes.places.assign(changed_places_.begin(), changed_places_.end());
  for (const std::string& feature : changed_lines_) {
    const bool is_there = lines_.find(feature) != lines_.end();
    const bool was_there = is_there ? !saved_lines_.insert(feature).second
                                    : saved_lines_.erase(feature) == 1;
    if (is_there || was_there) changes.lines.push_back(feature);
  }
  changed_places_.clear();
  changed_lines_.clear();
  return changes;
}

}  // namespace quorate::licensing
