// A licence counts only after it was verified, and every refusal says why and
// changes nothing. Files are signed by a vendor of the test and changed.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

namespace admin = ::quorate::admin::v1;

class LicenseServiceTest : public testing::Test {
 protected:
  LicenseServiceTest()
      : stub_(admin::LicenseService::NewStub(
            world_.Connect(ClientNames("admin")))) {}

  grpc::Status Install(const std::string& file) {
    admin::InstallLicenseRequest request;
    request.set_request_id(absl::StrCat("r", ++requests_));
    request.set_license_file(file);
    installed_.Clear();
    return stub_->InstallLicense(NewCall().get(), request, &installed_);
  }

  int CountLicenses() {
    admin::ListLicensesResponse response;
    EXPECT_TRUE(stub_
                    ->ListLicenses(NewCall().get(),
                                   admin::ListLicensesRequest(), &response)
                    .ok());
    return response.licenses_size();
  }

  ServiceWorld world_;
  std::unique_ptr<admin::LicenseService::Stub> stub_;
  admin::InstallLicenseResponse installed_;
  int requests_ = 0;
};

TEST_F(LicenseServiceTest, InstallsAndShowsALicence) {
  const std::string file = world_.LicenseFile("ACME-1", 3, "cad", 20);
  const grpc::Status status = Install(file);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const admin::License& license = installed_.license();
  EXPECT_EQ(license.name(), "licenses/ACME-1");
  EXPECT_EQ(license.serial(), 3U);
  EXPECT_EQ(license.vendor_id(), world_.vendor().license.vendor_id());
  EXPECT_EQ(license.customer_id(), world_.vendor().license.customer_id());
  EXPECT_EQ(license.state(), admin::LICENSE_STATE_ACTIVE);
  EXPECT_EQ(license.installed_by(), ClientNames("admin").substr(4));
  EXPECT_EQ(license.install_time().seconds(), 1'767'225'600);
  ASSERT_EQ(license.features_size(), 1);
  EXPECT_EQ(license.features(0).name(), "cad");
  EXPECT_EQ(license.features(0).count(), 20U);

  admin::GetLicenseRequest request;
  request.set_name("licenses/ACME-1");
  admin::GetLicenseResponse response;
  ASSERT_TRUE(stub_->GetLicense(NewCall().get(), request, &response).ok());
  EXPECT_EQ(response.license_file(), file);
  EXPECT_EQ(response.license().serial(), 3U);
  // The same document again is no error.
  EXPECT_TRUE(Install(file).ok());
  EXPECT_EQ(CountLicenses(), 1);
}

TEST_F(LicenseServiceTest, RefusesAFileThatWasChanged) {
  const std::string file = world_.LicenseFile("ACME-1", 3, "cad", 20);
  // One letter in the middle of the armour.
  std::string changed = file;
  const size_t middle = changed.size() / 2;
  changed[middle] = changed[middle] == 'A' ? 'B' : 'A';
  for (const std::string& bad :
       {changed, std::string("nonsense"), file.substr(0, file.size() / 2)}) {
    const grpc::Status status = Install(bad);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ReasonOf(status), "LICENSE_INVALID");
    EXPECT_THAT(status.error_message(), HasSubstr("cannot be trusted: "));
    EXPECT_EQ(
        DetailOf<google::rpc::ErrorInfo>(status).metadata().count("check"), 1U);
  }
  EXPECT_EQ(CountLicenses(), 0);
  EXPECT_TRUE(world_.node().commands().empty());
}

TEST_F(LicenseServiceTest, RefusesWhatTheLedgerRefuses) {
  ASSERT_TRUE(Install(world_.LicenseFile("L1", 3, "cad", 20)).ok());
  const grpc::Status rollback = Install(world_.LicenseFile("L1", 2, "cad", 99));
  EXPECT_EQ(rollback.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(rollback), "SERIAL_ROLLBACK");
  EXPECT_EQ(ReasonOf(Install(world_.LicenseFile("L1", 3, "cad", 99))),
            "SERIAL_FORK");
  // For another cluster.
  world_.LicenseFile("L2", 1, "cad", 5);
  world_.vendor().license.mutable_binding()->set_cluster_id(
      std::string(16, '\xff'));
  const grpc::Status foreign = Install(world_.vendor().LicenseText());
  EXPECT_EQ(ReasonOf(foreign), "LICENSE_FOREIGN");
  EXPECT_THAT(foreign.error_message(), HasSubstr(kWorldClusterId));
  // Ended before it came.
  world_.LicenseFile("L3", 1, "cad", 5);
  world_.vendor().license.set_not_before_ms(trust::kDemoNowMs - 20'000);
  world_.vendor().license.set_not_after_ms(trust::kDemoNowMs - 10'000);
  EXPECT_EQ(ReasonOf(Install(world_.vendor().LicenseText())),
            "LICENSE_EXPIRED");
  EXPECT_EQ(CountLicenses(), 1);
}

TEST_F(LicenseServiceTest, ShowsLicencesInPages) {
  for (const char* id : {"C", "A", "B"}) {
    ASSERT_TRUE(Install(world_.LicenseFile(id, 1, "cad", 1)).ok());
  }
  admin::ListLicensesRequest request;
  request.set_page_size(2);
  admin::ListLicensesResponse response;
  ASSERT_TRUE(stub_->ListLicenses(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.licenses_size(), 2);
  EXPECT_EQ(response.licenses(0).name(), "licenses/A");
  EXPECT_EQ(response.licenses(1).name(), "licenses/B");
  request.set_page_token(response.next_page_token());
  response.Clear();
  ASSERT_TRUE(stub_->ListLicenses(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.licenses_size(), 1);
  EXPECT_EQ(response.licenses(0).name(), "licenses/C");
  EXPECT_TRUE(response.next_page_token().empty());
  request.Clear();
  request.set_filter(R"(name="licenses/B")");
  response.Clear();
  ASSERT_TRUE(stub_->ListLicenses(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.licenses_size(), 1);
  EXPECT_EQ(response.licenses(0).name(), "licenses/B");
}

TEST_F(LicenseServiceTest, NamesWhatIsWrong) {
  admin::GetLicenseRequest request;
  admin::GetLicenseResponse response;
  request.set_name("licenses/none");
  const grpc::Status none =
      stub_->GetLicense(NewCall().get(), request, &response);
  EXPECT_EQ(none.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(none), "LICENSE_NOT_FOUND");
  EXPECT_EQ(none.error_message(), "licenses/none is not installed");
  request.set_name("none");
  EXPECT_EQ(ReasonOf(stub_->GetLicense(NewCall().get(), request, &response)),
            "BAD_REQUEST");
  EXPECT_EQ(ReasonOf(Install("")), "BAD_REQUEST");
  EXPECT_EQ(ReasonOf(Install(std::string((1 << 20) + 1, 'x'))), "BAD_REQUEST");
}

}  // namespace
}  // namespace quorate::server
