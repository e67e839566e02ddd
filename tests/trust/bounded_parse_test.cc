// A stranger's bytes cost no more than our own largest document. Messages are
// made just within each limit and just beyond it.

#include "trust/bounded_parse.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"

#include "quorate/document/v1/document.pb.h"

#include "tests/trust/demo_vendor.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::License;

std::optional<Refusal> RefusalOfLicense(absl::string_view bytes,
                                        UnknownFields unknown) {
  License license;
  const absl::Status status = ParseBounded(bytes, unknown, &license);
  return status.ok() ? std::nullopt : RefusalOf(status);
}

// Groups of the unknown field 15, each in the one before.
std::string NestedGroups(size_t depth) {
  return absl::StrCat(std::string(depth, '\x7b'), std::string(depth, '\x7c'));
}

std::string UnknownVarints(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i)
    bytes.append("\xf8\x7f\x00", 3);  // Field 2047.
  return bytes;
}

TEST(BoundedParseTest, NestsAsDeepAsOurDeepestAndNoDeeper) {
  for (size_t depth = 1; depth <= 4; ++depth) {
    EXPECT_EQ(RefusalOfLicense(NestedGroups(depth), UnknownFields::kFew),
              std::nullopt)
        << depth;
  }
  for (const size_t depth : {size_t{5}, size_t{99}, size_t{100'000}}) {
    EXPECT_EQ(RefusalOfLicense(NestedGroups(depth), UnknownFields::kFew),
              Refusal::kForm)
        << depth;
  }
  // License.binding.members.grant_key is our deepest.
  DemoVendor vendor;
  vendor.license.mutable_binding()
      ->add_members()
      ->mutable_grant_key()
      ->set_scheme("ed25519");
  EXPECT_EQ(RefusalOfLicense(vendor.license.SerializeAsString(),
                             UnknownFields::kNone),
            std::nullopt);
}

TEST(BoundedParseTest, CountsUnknownFieldsWhereverTheyStand) {
  EXPECT_EQ(RefusalOfLicense(UnknownVarints(1), UnknownFields::kNone),
            Refusal::kForm);
  EXPECT_EQ(RefusalOfLicense(UnknownVarints(2000), UnknownFields::kFew),
            std::nullopt);
  EXPECT_EQ(RefusalOfLicense(UnknownVarints(2001), UnknownFields::kFew),
            Refusal::kForm);
  // In a submessage: field 8, binding. In one of a list: field 9, features.
  for (const char* tag : {"\x42", "\x4a"}) {
    EXPECT_EQ(RefusalOfLicense(absl::StrCat(tag, "\x03", UnknownVarints(1)),
                               UnknownFields::kNone),
              Refusal::kForm);
  }
  // Inside an unknown group: the group, and what is in it.
  const std::string group = absl::StrCat("\x7b", UnknownVarints(2000), "\x7c");
  EXPECT_EQ(RefusalOfLicense(group, UnknownFields::kFew), Refusal::kForm);
}

TEST(BoundedParseTest, ASizeIsTheFirstThingSeen) {
  EXPECT_EQ(RefusalOfLicense(std::string(kMaxDocumentBytes + 1, '\xff'),
                             UnknownFields::kFew),
            Refusal::kSize);
  EXPECT_EQ(RefusalOfLicense(std::string(kMaxDocumentBytes, '\xff'),
                             UnknownFields::kFew),
            Refusal::kForm);
}

TEST(BoundedParseTest, LeavesNothingOfTheMessageBefore) {
  License license = DemoVendor().license;
  ASSERT_TRUE(ParseBounded("", UnknownFields::kNone, &license).ok());
  EXPECT_EQ(license.ByteSizeLong(), 0u);
}

TEST(BoundedParseTest, RefusesTextThatIsNotUtf8) {
  const google::protobuf::LogSilencer quiet;  // It reports each bad UTF-8.
  EXPECT_EQ(RefusalOfLicense("\x0a\x01\xff", UnknownFields::kFew),
            Refusal::kForm);
}

}  // namespace
}  // namespace quorate::trust
