#include "tests/client/fake_cluster.h"

#include "absl/strings/str_cat.h"

#include "tests/client/fake_member.h"

namespace quorate {

FakeCluster::FakeCluster(const TestCertificates* certificates, size_t members)
    : certificates_(certificates), conduct_(members, Conduct::kServe) {
  for (size_t i = 0; i < members; ++i) {
    members_.push_back(std::make_unique<FakeMember>(this, i));
    addresses_.push_back(members_.back()->Start(*certificates));
    admin::v1::Member member;
    member.set_name(absl::StrCat("m", i + 1));
    member.set_member_id(absl::StrCat(i + 101));
    member.set_part(admin::v1::MEMBER_PART_VOTER);
    member.set_client_endpoint(addresses_.back());
    member.set_reachable(true);
    membership_.Add(member);
  }
}

FakeCluster::~FakeCluster() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  for (auto& member : members_) {
    member->Stop();
  }
}

ClientOptions FakeCluster::Options() const {
  ClientOptions options;
  options.endpoints = addresses_;
  options.endpoint_order = EndpointOrder::kGiven;
  options.ca_pem = certificates_->Read("ca.pem");
  options.cert_pem = certificates_->Read("client.pem");
  options.key_pem = certificates_->Read("client.key");
  return options;
}

void FakeCluster::SetConduct(size_t member, Conduct conduct) {
  MutexLock lock(&mu_);
  conduct_[member] = conduct;
}

void FakeCluster::SetPool(const std::string& feature, uint32_t total) {
  MutexLock lock(&mu_);
  pools_[feature] = total;
}

void FakeCluster::SetLicense(const std::string& name, const std::string& vendor,
                             const std::map<std::string, uint32_t>& features) {
  MutexLock lock(&mu_);
  admin::v1::License* license = licenses_.add_licenses();
  license->set_name(absl::StrCat("licenses/", name));
  license->set_vendor_id(vendor);
  for (const auto& [feature, count] : features) {
    license->add_features()->set_name(feature);
    license->mutable_features()->rbegin()->set_count(count);
  }
}

void FakeCluster::SetTtl(absl::Duration ttl) {
  MutexLock lock(&mu_);
  ttl_ = ttl;
}

void FakeCluster::EndSession(const std::string& name) {
  MutexLock lock(&mu_);
  sessions_.erase(name);
}

void FakeCluster::EndSeat(uint64_t handle) {
  MutexLock lock(&mu_);
  const auto seat = seats_.find(handle);
  if (seat == seats_.end()) return;
  ++taken_[seat->second.session];
  seats_.erase(seat);
}

void FakeCluster::Kill(size_t member) {
  members_[member]->Stop();
}

std::vector<Arrival> FakeCluster::Arrivals(const std::string& method) const {
  std::vector<Arrival> result;
  MutexLock lock(&mu_);
  for (const Arrival& arrival : arrivals_) {
    if (arrival.method == method) result.push_back(arrival);
  }
  return result;
}

void FakeCluster::SetNews(const checkout::v1::SessionEvent& news) {
  MutexLock lock(&mu_);
  news_ = news;
}

std::vector<int64_t> FakeCluster::IdleSeconds() const {
  MutexLock lock(&mu_);
  return idle_seconds_;
}

std::vector<checkout::v1::CheckoutItem> FakeCluster::LastItems() const {
  MutexLock lock(&mu_);
  return last_items_;
}

size_t FakeCluster::SeatsOut(const std::string& feature) const {
  size_t out = 0;
  MutexLock lock(&mu_);
  for (const auto& [handle, held] : seats_) {
    if (held.feature == feature) out += held.count;
  }
  return out;
}

size_t FakeCluster::SessionsOpen() const {
  MutexLock lock(&mu_);
  return sessions_.size();
}

bool FakeCluster::Await(const std::function<bool()>& condition) {
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(20);
  while (!condition()) {
    if (SystemClock().SinceBoot() > end) return false;
    MutexLock lock(&mu_);
    changed_.WaitFor(&mu_, absl::Milliseconds(10));
  }
  return true;
}

Conduct FakeCluster::Arrive(size_t member, const std::string& method,
                            const std::string& request_id) {
  MutexLock lock(&mu_);
  arrivals_.push_back({member, method, request_id});
  changed_.NotifyAll();
  return conduct_[member];
}

void FakeCluster::WaitForEnd(grpc::ServerContext* context) {
  MutexLock lock(&mu_);
  while (!stopping_ && !context->IsCancelled()) {
    changed_.WaitFor(&mu_, absl::Milliseconds(10));
  }
}

}  // namespace quorate
