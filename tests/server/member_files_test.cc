// A member that starts with the wrong files says which and why, before anything
// else begins. Files are written into a folder of the test and exchanged.

#include "server/member_files.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/replication/transport/test_authority.h"
#include "tests/trust/demo_vendor.h"

namespace quorate::server {
namespace {

using testing::HasSubstr;

constexpr char kClusterId[] = "0123456789abcdef0123456789abcdef";

class MemberFilesTest : public testing::Test {
 protected:
  MemberFilesTest()
      : folder_(absl::StrCat(testing::TempDir(), "member_files_", getpid())),
        authority_("ca") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    config_.cluster_id = kClusterId;
    config_.self.id = raft::MemberId(7);
    config_.self.name = "m7";
    config_.client_tls = {
        .ca = Path("ca"), .cert = Path("c"), .key = Path("k")};
    config_.peer_tls = {
        .ca = Path("ca"), .cert = Path("pc"), .key = Path("pk")};
    config_.trust_root = Path("root");
    Write("ca", authority_.ca_pem());
    const auto client = authority_.Issue("DNS:localhost");
    Write("c", client.cert_pem);
    Write("k", client.key_pem);
    const auto peer = authority_.Member(kClusterId, "m7");
    Write("pc", peer.cert_pem);
    Write("pk", peer.key_pem);
    Write("root", trust::DemoVendor().RootFile());
  }

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }

  std::string Fault() const {
    const auto files = ReadMemberFiles(config_);
    if (files.ok()) return "none";
    EXPECT_EQ(files.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(files.status().message());
  }

  const std::string folder_;
  replication::TestAuthority authority_;
  Config config_;
};

TEST_F(MemberFilesTest, ReadsGoodFiles) {
  const auto files = ReadMemberFiles(config_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->client_tls.ca, authority_.ca_pem());
  EXPECT_NE(files->verifier, nullptr);
}

TEST_F(MemberFilesTest, NamesAFileThatIsNotThere) {
  std::filesystem::remove(Path("pk"));
  EXPECT_THAT(Fault(), HasSubstr(Path("pk") + ": cannot be read"));
}

TEST_F(MemberFilesTest, NamesAFileThatIsNoCertificate) {
  Write("c", "nonsense");
  EXPECT_EQ(Fault(), Path("c") + ": holds no certificate in PEM");
  Write("c", "");
  EXPECT_EQ(Fault(), Path("c") + ": must have 1 byte to 1 MiB");
}

TEST_F(MemberFilesTest, NamesAKeyOfAnotherCertificate) {
  Write("k", authority_.Issue("DNS:localhost").key_pem);
  EXPECT_EQ(Fault(), Path("c") + ": and its key do not belong together");
  Write("k", "nonsense");
  EXPECT_THAT(Fault(), HasSubstr("its key file holds no private key"));
}

TEST_F(MemberFilesTest, NamesAnotherMembersCertificate) {
  const auto other = authority_.Member(kClusterId, "m8");
  Write("pc", other.cert_pem);
  Write("pk", other.key_pem);
  EXPECT_THAT(Fault(), HasSubstr(absl::StrCat(
                           "is not this member's: it has no alternative name "
                           "URI:quorate://",
                           kClusterId, "/member/m7")));
}

TEST_F(MemberFilesTest, NamesARootThatDoesNotVerify) {
  Write("root", "nonsense");
  EXPECT_THAT(Fault(), HasSubstr(Path("root") + ": "));
}

TEST_F(MemberFilesTest, APasswordThatOthersMayReadIsNone) {
  config_.mail = MailConfig{.server = "smtps://mail.example:465",
                            .sender = "q@x.example",
                            .user = "q",
                            .password_file = Path("password"),
                            .ca = Path("ca")};
  EXPECT_THAT(Fault(), HasSubstr(Path("password") + ": cannot be read"));
  Write("password", "s3cret\nsecond line\n");
  std::filesystem::permissions(
      Path("password"),
      std::filesystem::perms::owner_read | std::filesystem::perms::group_read);
  EXPECT_THAT(Fault(), HasSubstr("chmod 600"));
  std::filesystem::permissions(
      Path("password"),
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto files = ReadMemberFiles(config_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->mail->password, "s3cret");
  Write("password", "\n");
  EXPECT_THAT(Fault(), HasSubstr("its first line must be the password"));
  config_.mail->password_file.clear();
  config_.mail->ca = Path("root");
  EXPECT_THAT(Fault(), HasSubstr(Path("root") + ": "));
}

}  // namespace
}  // namespace quorate::server
