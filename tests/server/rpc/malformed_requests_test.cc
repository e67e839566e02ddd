// A field that holds what it must not is refused by its name, and nothing
// changes. Each field of each request of the public API is tried with control
// characters, lengths, counts, dates and enums that no client may send.

#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"

#include "tests/server/rpc/public_api.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;

// No request nests deeper; policies do not recurse.
constexpr int kMaxDepth = 6;

// One bad value in one field.
struct Fault {
  std::vector<const FieldDescriptor*> path;
  std::string value;  // For people.
  std::function<void(Message* holder, const FieldDescriptor* field)> put;
};

// "items[0].feature", as violations name it: a map as a whole.
std::string PathOf(const Fault& fault) {
  std::string path;
  for (const FieldDescriptor* field : fault.path) {
    absl::StrAppend(&path, path.empty() ? "" : ".", field->name());
    if (field->is_map()) break;
    if (field->is_repeated()) absl::StrAppend(&path, "[0]");
  }
  return path;
}

void PutText(const std::string& text, Message* holder,
             const FieldDescriptor* field) {
  const Reflection* reflection = holder->GetReflection();
  if (field->is_repeated()) {
    reflection->AddString(holder, field, text);
  } else {
    reflection->SetString(holder, field, text);
  }
}

Message* Child(Message* holder, const FieldDescriptor* field) {
  const Reflection* reflection = holder->GetReflection();
  return field->is_repeated() ? reflection->AddMessage(holder, field)
                              : reflection->MutableMessage(holder, field);
}

// What a value means depends on the enums beside it: each says something.
void PutEnums(Message* holder) {
  const Descriptor* message = holder->GetDescriptor();
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
        !field->is_repeated()) {
      holder->GetReflection()->SetEnumValue(holder, field, 1);
    }
  }
}

template <typename Time>
void PutTime(int64_t seconds, int32_t nanos, Message* holder,
             const FieldDescriptor* field) {
  Time time;
  time.set_seconds(seconds);
  time.set_nanos(nanos);
  Child(holder, field)->CopyFrom(time);
}

// Calls `add` for each bad value of a field that is no message of ours.
void AddBadValues(const FieldDescriptor* field,
                  const std::function<void(Fault)>& add) {
  const auto text = [&add](const std::string& name, const std::string& value) {
    add({.path = {}, .value = name, .put = [value](auto* holder, auto* of) {
           PutText(value, holder, of);
         }});
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field->type() == FieldDescriptor::TYPE_BYTES) return;
      text("a control character", "a\x01z");
      text("an escape", "a\x1b[2J");
      text("70,000 characters", std::string(70'000, 'x'));
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      add({.path = {}, .value = "-1", .put = [](auto* holder, auto* of) {
             holder->GetReflection()->SetInt32(holder, of, -1);
           }});
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (field->is_repeated()) return;
      add({.path = {}, .value = "99", .put = [](auto* holder, auto* of) {
             holder->GetReflection()->SetEnumValue(holder, of, 99);
           }});
      return;
    default:
      return;
  }
}

bool AddBadTimes(const FieldDescriptor* field,
                 const std::function<void(Fault)>& add) {
  using google::protobuf::Duration;
  using google::protobuf::Timestamp;
  const auto time = [&add](const std::string& name, auto put) {
    add({.path = {}, .value = name, .put = put});
  };
  if (field->message_type() == Timestamp::descriptor()) {
    time("before 1970",
         [](auto* holder, auto* of) { PutTime<Timestamp>(-1, 0, holder, of); });
    time("the year 33658", [](auto* holder, auto* of) {
      PutTime<Timestamp>(1'000'000'000'000, 0, holder, of);
    });
    time("negative nanos", [](auto* holder, auto* of) {
      PutTime<Timestamp>(1'700'000'000, -1, holder, of);
    });
    return true;
  }
  if (field->message_type() == Duration::descriptor()) {
    time("below 0",
         [](auto* holder, auto* of) { PutTime<Duration>(-5, 0, holder, of); });
    time("10,000 years", [](auto* holder, auto* of) {
      PutTime<Duration>(315'576'000'000, 0, holder, of);
    });
    time("mixed signs",
         [](auto* holder, auto* of) { PutTime<Duration>(5, -1, holder, of); });
    return true;
  }
  return false;
}

void AddFaults(const Descriptor* message,
               std::vector<const FieldDescriptor*>* path,
               std::vector<Fault>* faults) {
  if (path->size() >= kMaxDepth) return;
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    path->push_back(field);
    const auto add = [&](Fault fault) {
      fault.path = *path;
      faults->push_back(std::move(fault));
    };
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      AddBadValues(field, add);
    } else if (!AddBadTimes(field, add)) {
      AddFaults(field->message_type(), path, faults);
    }
    path->pop_back();
  }
}

class MalformedRequestsTest : public testing::Test {
 protected:
  MalformedRequestsTest()
      : channel_(world_.Connect(ClientNames("admin"))), stub_(channel_) {}

  grpc::Status Call(const MethodDescriptor* method, const Message& request) {
    grpc::CompletionQueue queue;
    const auto context = NewCall();
    grpc::Slice slice(request.SerializeAsString());
    const grpc::ByteBuffer sent(&slice, 1);
    auto call = stub_.PrepareUnaryCall(
        context.get(),
        absl::StrCat("/", method->service()->full_name(), "/", method->name()),
        sent, &queue);
    call->StartCall();
    grpc::ByteBuffer received;
    grpc::Status status;
    call->Finish(&received, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return status;
  }

  // Fills what each request of its kind needs.
  std::unique_ptr<Message> Request(const MethodDescriptor* method) {
    std::unique_ptr<Message> request(MessageFactory::generated_factory()
                                         ->GetPrototype(method->input_type())
                                         ->New());
    if (const auto* id = method->input_type()->FindFieldByName("request_id")) {
      PutText(absl::StrCat("request-", ++requests_), request.get(), id);
    }
    return request;
  }

  // Empty where the fault is refused by its name; else what was said.
  std::string Complaint(const MethodDescriptor* method, const Fault& fault) {
    const auto request = Request(method);
    Message* holder = request.get();
    for (size_t i = 0; i + 1 < fault.path.size(); ++i) {
      PutEnums(holder);
      holder = Child(holder, fault.path[i]);
    }
    PutEnums(holder);
    fault.put(holder, fault.path.back());
    const grpc::Status status = Call(method, *request);
    const auto violations =
        DetailOf<google::rpc::BadRequest>(status).field_violations();
    std::string said = absl::StrCat(status.error_code(), " ",
                                    status.error_message().substr(0, 200));
    for (const auto& violation : violations) {
      absl::StrAppend(&said, "; ", violation.field());
      if (violation.field() == PathOf(fault) &&
          !violation.description().empty()) {
        return "";
      }
    }
    return said;
  }

  ServiceWorld world_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  int requests_ = 0;
};

TEST_F(MalformedRequestsTest, AreRefusedByTheFieldAndChangeNothing) {
  const auto before = world_.replica().ledger().Dump();
  int tried = 0;
  for (const MethodDescriptor* method : AllMethods()) {
    if (method->client_streaming() || method->server_streaming()) continue;
    std::vector<Fault> faults;
    std::vector<const FieldDescriptor*> path;
    AddFaults(method->input_type(), &path, &faults);
    for (const Fault& fault : faults) {
      ++tried;
      const std::string complaint = Complaint(method, fault);
      EXPECT_EQ(complaint, "")
          << method->name() << " " << PathOf(fault) << ": " << fault.value;
    }
  }
  EXPECT_EQ(world_.replica().ledger().Dump(), before);
  std::cout << tried << " malformed requests\n";
  EXPECT_GE(tried, 300);
}

}  // namespace
}  // namespace quorate::server
