// MonitoringService: what is away, and what was written off.

#include <cstdint>

#include "server/rpc/borrow_view.h"
#include "server/rpc/list_call.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/queue_place.h"

namespace quorate::server {
namespace {

using internal::v1::SeatRecord;
using internal::v1::SessionRecord;
using internal::v1::WriteOffRecord;
using licensing::Ledger;

constexpr absl::string_view kFields[] = {"user", "host"};

constexpr ListShape kBorrows = {
    .name = "borrows", .order = "name", .fields = kFields, .numbered = true};
constexpr ListShape kWriteOffs = {
    .name = "write_offs", .order = "name", .fields = kFields, .numbered = true};

bool Passes(const SessionRecord& borrow, const ListFilter& filter) {
  if (filter.field == "user") {
    return borrow.description().user() == filter.value;
  }
  return filter.field.empty() || borrow.description().host() == filter.value;
}

void WriteBorrows(const Ledger& ledger, const ListPage& page,
                  const monitoring::v1::ListBorrowsRequest& request,
                  monitoring::v1::ListBorrowsResponse* response) {
  int visits = 0;
  uint64_t last = 0;
  bool more = false;
  ledger.VisitBorrows(page.after_number, [&](const SessionRecord& record) {
    more = response->borrows_size() >= page.size || visits >= kMaxVisitsOfPage;
    if (more) return false;
    ++visits;
    last = record.session_id();
    if (!Passes(record, page.filter)) return true;
    monitoring::v1::BorrowedSeats* borrow = response->add_borrows();
    DescribeBorrow(record, borrow);
    ledger.VisitSeatsOfSession(
        record.session_id(), 0, [&](const SeatRecord& seat) {
          DescribeSeat(seat, borrow->mutable_borrow()->add_seats());
          ++visits;
          return true;
        });
    return true;
  });
  if (more) {
    response->set_next_page_token(TokenAfter(kBorrows, request.filter(), last));
  }
}

void WriteWriteOffs(const Ledger& ledger, const ListPage& page,
                    const monitoring::v1::ListWriteOffsRequest& request,
                    monitoring::v1::ListWriteOffsResponse* response) {
  uint64_t last = 0;
  bool more = false;
  ledger.VisitWriteOffs(page.after_number, [&](const WriteOffRecord& record) {
    more = response->write_offs_size() >= page.size;
    if (more) return false;
    last = record.borrow().session_id();
    if (!Passes(record.borrow(), page.filter)) return true;
    monitoring::v1::WriteOff* write_off = response->add_write_offs();
    DescribeBorrow(record.borrow(), write_off->mutable_borrow());
    for (const SeatRecord& seat : record.seats()) {
      DescribeSeat(seat,
                   write_off->mutable_borrow()->mutable_borrow()->add_seats());
    }
    write_off->set_reason(record.reason());
    write_off->set_written_off_by(record.written_off_by());
    SetTimestamp(record.written_off_calendar_ms(),
                 write_off->mutable_write_off_time());
    return true;
  });
  if (more) {
    response->set_next_page_token(
        TokenAfter(kWriteOffs, request.filter(), last));
  }
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::ListBorrows(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListBorrowsRequest* request,
    monitoring::v1::ListBorrowsResponse* response) {
  return AnswerList(calls_, kBorrows, context, request, response, WriteBorrows);
}

grpc::ServerUnaryReactor* MonitoringService::ListWriteOffs(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListWriteOffsRequest* request,
    monitoring::v1::ListWriteOffsResponse* response) {
  return AnswerList(calls_, kWriteOffs, context, request, response,
                    WriteWriteOffs);
}

}  // namespace quorate::server
