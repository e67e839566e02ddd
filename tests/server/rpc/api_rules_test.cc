// Rules that hold for every method of the public API: a permission, an id on
// what changes something, a mark on what does not. The descriptors are walked.

#include <string>

#include "gtest/gtest.h"

#include "quorate/options/v1/options.pb.h"

#include "tests/server/rpc/public_api.h"

namespace quorate::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::MethodOptions;

bool IsRead(const MethodDescriptor* method) {
  return method->options().idempotency_level() ==
         MethodOptions::NO_SIDE_EFFECTS;
}

bool HasField(const Descriptor* message, const std::string& name) {
  return message->FindFieldByName(name) != nullptr;
}

TEST(ApiRulesTest, ThereAreMethods) {
  EXPECT_EQ(AllMethods().size(), 66U);
}

TEST(ApiRulesTest, EveryMethodNamesAPermission) {
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_NE(method->options().GetExtension(options::v1::permission),
              options::v1::PERMISSION_UNSPECIFIED)
        << method->full_name();
  }
}

TEST(ApiRulesTest, WhatChangesSomethingHasARequestId) {
  for (const MethodDescriptor* method : AllMethods()) {
    // Renewing twice is as good as once.
    if (method->client_streaming()) continue;
    EXPECT_NE(IsRead(method), HasField(method->input_type(), "request_id"))
        << method->full_name();
  }
}

TEST(ApiRulesTest, ReadsAreNamedAndMarkedAsReads) {
  for (const MethodDescriptor* method : AllMethods()) {
    const std::string& name = method->name();
    bool reads = false;
    for (const char* verb :
         {"Get", "List", "Plan", "Explain", "Export", "Import", "Query",
          "Replay", "Advise", "Search", "Test"}) {
      reads |= name.rfind(verb, 0) == 0;
    }
    EXPECT_EQ(reads, IsRead(method)) << method->full_name();
  }
}

TEST(ApiRulesTest, EveryResponseHasAHeader) {
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_TRUE(HasField(method->output_type(), "header"))
        << method->full_name();
  }
}

TEST(ApiRulesTest, EveryListHasPages) {
  for (const MethodDescriptor* method : AllMethods()) {
    if (method->name().rfind("List", 0) != 0) continue;
    for (const char* field :
         {"page_size", "page_token", "filter", "order_by", "consistency"}) {
      EXPECT_TRUE(HasField(method->input_type(), field))
          << method->full_name() << " " << field;
    }
    EXPECT_TRUE(HasField(method->output_type(), "next_page_token"))
        << method->full_name();
  }
}

}  // namespace
}  // namespace quorate::server
