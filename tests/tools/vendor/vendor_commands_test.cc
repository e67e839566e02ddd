// A vendor makes keys, issues a licence and looks at it, with nothing but the
// command line; what cannot be right is refused before a file is touched. The
// commands run as the program runs them, on real files in a temporary folder.

#include "tools/vendor/vendor_commands.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "nlohmann/json.hpp"
#include "trust/license_verifier.h"

namespace quorate::vendor {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kClusterId[] = "0123456789abcdef0123456789abcdef";

// Takes over a stream while it lives.
class Captured {
 public:
  explicit Captured(std::ostream* stream)
      : stream_(stream), before_(stream->rdbuf(text_.rdbuf())) {}

  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  ~Captured() { stream_->rdbuf(before_); }

  std::string text() const { return text_.str(); }

 private:
  std::ostream* stream_;
  std::ostringstream text_;
  std::streambuf* before_;
};

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

class VendorCommandsTest : public testing::Test {
 protected:
  VendorCommandsTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "vendor-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    keys_ = absl::StrCat(folder_, "/keys");
  }

  ~VendorCommandsTest() override { std::filesystem::remove_all(folder_); }

  // The command line after "quorate vendor".
  static Outcome Run(std::vector<std::string> arguments) {
    CLI::App app;
    Outcome outcome;
    AddVendorCommands(&app, &outcome.exit_code);
    arguments.insert(arguments.begin(), {"quorate", "vendor"});
    std::vector<const char*> line;
    line.reserve(arguments.size());
    for (const std::string& word : arguments)
      line.push_back(word.c_str());
    const Captured out(&std::cout);
    const Captured err(&std::cerr);
    const auto parse = [&app, &line] {
      CLI11_PARSE(app, static_cast<int>(line.size()), line.data());
      return 0;
    };
    if (parse() != 0) outcome.exit_code = 2;  // As `quorate` does.
    outcome.out = out.text();
    outcome.err = err.text();
    return outcome;
  }

  Outcome Keygen() const {
    return Run({"keygen", "--dir", keys_, "--vendor", "Demo Vendor"});
  }

  // `issue` with all that is needed; `more` replaces and adds.
  std::vector<std::string> IssueLine(
      const std::vector<std::string>& more) const {
    std::vector<std::string> line = {
        "issue", "--keys",      keys_,          "--cluster-id", kClusterId,
        "--out", Path("d.lic"), "--license-id", "DEMO-1",       "--serial",
        "3",     "--customer",  "Example GmbH"};
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }

  std::string Path(const std::string& name) const {
    return absl::StrCat(folder_, "/", name);
  }

  std::string folder_;
  std::string keys_;
};

TEST_F(VendorCommandsTest, WhatIsIssuedVerifiesFromTheRootOfTheKeys) {
  const Outcome keygen = Keygen();
  ASSERT_EQ(keygen.exit_code, 0) << keygen.err;
  EXPECT_THAT(keygen.err, HasSubstr("offline"));

  const Outcome issue = Run(IssueLine(
      {"--feature", "cad=20", "--feature", "solver=8", "--end", "2199-12-31"}));
  ASSERT_EQ(issue.exit_code, 0) << issue.err;
  EXPECT_THAT(issue.out, HasSubstr("name=cad  count=20"));
  EXPECT_THAT(issue.out, HasSubstr("2199-12-31T23:59:59.999Z"));

  const auto verifier =
      trust::LicenseVerifier::Create(ReadAll(keys_ + "/root.pem"));
  ASSERT_TRUE(verifier.ok()) << verifier.status();
  const auto verified = (*verifier)->Verify(ReadAll(Path("d.lic")));
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->license.serial(), 3u);
  EXPECT_EQ(verified->license.vendor_id(), "Demo Vendor");
  EXPECT_EQ(verified->license.features_size(), 2);
  EXPECT_EQ(verified->license.binding().cluster_epoch(), 1u);
  EXPECT_EQ(verified->license.not_before_ms() % 86'400'000, 0);
  EXPECT_EQ(verified->root_version, 1u);
}

TEST_F(VendorCommandsTest, InspectShowsEveryFieldAndTheVerdict) {
  ASSERT_EQ(Keygen().exit_code, 0);
  ASSERT_EQ(Run(IssueLine({"--feature", "cad=20"})).exit_code, 0);
  const Outcome shown = Run(
      {"inspect", Path("d.lic"), "--root", keys_ + "/root.pem", "-o", "json"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  const auto json = nlohmann::json::parse(shown.out);
  EXPECT_EQ(json["kind"], "QUORATE LICENSE");
  EXPECT_EQ(json["verified"], true);
  EXPECT_EQ(json["license"]["licenseId"], "DEMO-1");
  EXPECT_EQ(json["license"]["serial"], "3");
  EXPECT_EQ(json["license"]["customerId"], "Example GmbH");
  EXPECT_EQ(json["license"]["productId"], "default");
  EXPECT_EQ(json["license"]["binding"]["clusterId"], kClusterId);
  EXPECT_TRUE(json["license"]["endTime"].is_null());
  EXPECT_EQ(json["license"]["features"][0]["count"], 20);
  EXPECT_EQ(json["keyCertificate"]["key"]["keyId"],
            json["license"]["signatures"]["keyIds"][0]);

  const Outcome unasked = Run({"inspect", Path("d.lic")});
  EXPECT_EQ(unasked.exit_code, 0);
  EXPECT_THAT(unasked.out, HasSubstr("nothing was verified"));

  for (const char* document : {"/root.pem", "/product.cert.pem"}) {
    const Outcome outcome =
        Run({"inspect", keys_ + document, "--root", keys_ + "/root.pem"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("true"));
  }
}

TEST_F(VendorCommandsTest, ConditionsAreSignedAndShown) {
  ASSERT_EQ(Keygen().exit_code, 0);
  const Outcome issue = Run(IssueLine(
      {"--feature",
       "cad=20,version=2026.1,maintenance=2199-01-31,attribute=site:b,"
       "attribute=region:eu,share=host+user,linger=10m,overdraft=2,"
       "overdraft-end=2198-12-31",
       "--feature", "view=uncounted,host=ws1,host=ws2", "--feature",
       "mesh=5*tok", "--feature", "tok=40", "--feature",
       "run=500,model=credits", "--feature",
       "edit=10,model=named,recycle=2/30,trial=30,casual=600"}));
  ASSERT_EQ(issue.exit_code, 0) << issue.err;
  const auto verifier =
      trust::LicenseVerifier::Create(ReadAll(keys_ + "/root.pem"));
  const auto verified = (*verifier)->Verify(ReadAll(Path("d.lic")));
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->license.crit(0), "feature-conditions");
  EXPECT_EQ(verified->license.features(0).attributes(0).name(), "region");
  EXPECT_EQ(verified->license.features(2).token_cost(), 5u);
  const Outcome shown = Run({"inspect", Path("d.lic"), "-o", "json"});
  const auto features = nlohmann::json::parse(shown.out)["license"]["features"];
  EXPECT_EQ(features[0]["versionMax"], "2026.1");
  EXPECT_EQ(features[0]["maintenanceEndTime"], "2199-01-31T23:59:59.999Z");
  EXPECT_EQ(features[0]["attributes"], "region:eu site:b");
  EXPECT_EQ(features[0]["sharedBy"], "user+host");
  EXPECT_EQ(features[0]["lingerSeconds"], 600);
  EXPECT_EQ(features[0]["overdraft"], 2);
  EXPECT_EQ(features[1]["uncounted"], true);
  EXPECT_EQ(features[1]["hosts"], "ws1 ws2");
  EXPECT_EQ(features[2]["tokens"], "5*tok");
  EXPECT_TRUE(verified->license.features(4).credits());
  EXPECT_EQ(features[4]["model"], "credits");
  EXPECT_TRUE(verified->license.features(5).named_users());
  EXPECT_EQ(features[5]["model"], "named");
  EXPECT_EQ(features[5]["recycle"], "2/30");
  EXPECT_EQ(features[5]["trialDays"], 30);
  EXPECT_EQ(features[5]["casualMinutes"], 600);
}

TEST_F(VendorCommandsTest, PackagesAndSuitesAreTheirFeatures) {
  ASSERT_EQ(Keygen().exit_code, 0);
  const Outcome issue =
      Run(IssueLine({"--feature", "mesh+view=5,version=3.1", "--feature",
                     "office=10,suite=word+sheet"}));
  ASSERT_EQ(issue.exit_code, 0) << issue.err;
  const Outcome shown = Run({"inspect", Path("d.lic"), "-o", "json"});
  const auto features = nlohmann::json::parse(shown.out)["license"]["features"];
  ASSERT_EQ(features.size(), 5u);
  EXPECT_EQ(features[0]["name"], "mesh");
  EXPECT_EQ(features[1]["name"], "view");
  EXPECT_EQ(features[1]["count"], 5);
  EXPECT_EQ(features[1]["versionMax"], "3.1");
  EXPECT_EQ(features[2]["name"], "office");
  EXPECT_EQ(features[2]["sharedBy"], "user+host");
  EXPECT_EQ(features[4]["name"], "sheet");
  EXPECT_EQ(features[4]["tokens"], "1*office");
}

TEST_F(VendorCommandsTest, WhatMayBeBorrowedIsSignedAndShown) {
  ASSERT_EQ(Keygen().exit_code, 0);
  const Outcome issue = Run(
      IssueLine({"--feature", "cad=20,borrow=30d,borrow-count=5,borrow-keep=8",
                 "--feature", "sim=4,borrow=12h"}));
  ASSERT_EQ(issue.exit_code, 0) << issue.err;
  const auto verifier =
      trust::LicenseVerifier::Create(ReadAll(keys_ + "/root.pem"));
  const auto verified = (*verifier)->Verify(ReadAll(Path("d.lic")));
  ASSERT_TRUE(verified.ok()) << verified.status();
  const document::v1::Feature& cad = verified->license.features(0);
  EXPECT_EQ(cad.borrow_max_ms(), int64_t{30} * 24 * 3'600'000);
  EXPECT_EQ(cad.borrow_max_count(), 5U);
  EXPECT_EQ(cad.borrow_low_water(), 8U);
  // A server that does not know them lends nothing.
  EXPECT_TRUE(verified->license.crit().empty());
  const Outcome shown = Run({"inspect", Path("d.lic"), "-o", "json"});
  const auto features = nlohmann::json::parse(shown.out)["license"]["features"];
  EXPECT_EQ(features[0]["borrowHours"], 720);
  EXPECT_EQ(features[0]["borrowCount"], 5);
  EXPECT_EQ(features[0]["borrowKeep"], 8);
  EXPECT_EQ(features[1]["borrowHours"], 12);
}

TEST_F(VendorCommandsTest, InspectSaysWhyAForeignLicenceDoesNotVerify) {
  ASSERT_EQ(Keygen().exit_code, 0);
  ASSERT_EQ(Run(IssueLine({"--feature", "cad=20"})).exit_code, 0);
  ASSERT_EQ(Run({"keygen", "--dir", Path("other"), "--vendor", "Demo Vendor"})
                .exit_code,
            0);
  const Outcome shown = Run({"inspect", Path("d.lic"), "--root",
                             Path("other/root.pem"), "-o", "json"});
  EXPECT_EQ(shown.exit_code, 1);
  EXPECT_THAT(shown.err, HasSubstr("not verified: the key certificate"));
  const auto json = nlohmann::json::parse(shown.out);
  EXPECT_EQ(json["verified"], false);
  EXPECT_EQ(json["refusal"], "SIGNATURE");
  EXPECT_EQ(json["license"]["licenseId"], "DEMO-1");
}

TEST_F(VendorCommandsTest, PrivateKeysAreForTheOwnerAlone) {
  ASSERT_EQ(Keygen().exit_code, 0);
  for (const char* name :
       {"/root-1.key", "/root-2.key", "/root-3.key", "/product.key"}) {
    struct stat state = {};
    ASSERT_EQ(stat((keys_ + name).c_str(), &state), 0) << name;
    EXPECT_EQ(state.st_mode & 0777, 0600u) << name;
  }
  ASSERT_EQ(chmod((keys_ + "/product.key").c_str(), 0644), 0);
  EXPECT_THAT(Run(IssueLine({"--feature", "cad=1"})).err,
              HasSubstr("chmod 600"));
}

TEST_F(VendorCommandsTest, KeysAreNeverOverwritten) {
  ASSERT_EQ(Keygen().exit_code, 0);
  const std::string root = ReadAll(keys_ + "/root.pem");
  const std::string product = ReadAll(keys_ + "/product.key");
  const Outcome again = Keygen();
  EXPECT_EQ(again.exit_code, 7);
  EXPECT_THAT(again.err, HasSubstr("never overwritten; give another --dir"));
  EXPECT_EQ(ReadAll(keys_ + "/root.pem"), root);
  EXPECT_EQ(ReadAll(keys_ + "/product.key"), product);

  // One file of six is enough to refuse, and nothing is left beside it.
  std::filesystem::create_directory(Path("half"));
  std::ofstream(Path("half/product.cert.pem")) << "mine";
  EXPECT_EQ(Run({"keygen", "--dir", Path("half"), "--vendor", "V"}).exit_code,
            7);
  EXPECT_EQ(ReadAll(Path("half/product.cert.pem")), "mine");
  EXPECT_FALSE(std::filesystem::exists(Path("half/root-1.key")));
}

TEST_F(VendorCommandsTest, ALicenceIsReplacedButNothingElseIs) {
  ASSERT_EQ(Keygen().exit_code, 0);
  ASSERT_EQ(Run(IssueLine({"--feature", "cad=1"})).exit_code, 0);
  const std::string first = ReadAll(Path("d.lic"));
  ASSERT_EQ(Run(IssueLine({"--feature", "cad=2"})).exit_code, 0);
  EXPECT_NE(ReadAll(Path("d.lic")), first);

  const std::string root = ReadAll(keys_ + "/root.pem");
  std::vector<std::string> slip = IssueLine({"--feature", "cad=1"});
  slip[6] = keys_ + "/root.pem";
  const Outcome refused = Run(slip);
  EXPECT_EQ(refused.exit_code, 7);
  EXPECT_THAT(refused.err, HasSubstr("is no licence"));
  EXPECT_EQ(ReadAll(keys_ + "/root.pem"), root);
  // Nor does a temporary file stay behind.
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr(".tmp-")));
  }
}

struct Nonsense {
  const char* name;
  std::vector<std::string> more;
  const char* message;
};

void PrintTo(const Nonsense& nonsense, std::ostream* out) {
  *out << nonsense.name;
}

class VendorNonsenseTest : public VendorCommandsTest,
                           public testing::WithParamInterface<Nonsense> {};

TEST_P(VendorNonsenseTest, IsWrongUseAndWritesNothing) {
  ASSERT_EQ(Keygen().exit_code, 0);
  std::vector<std::string> line = IssueLine(GetParam().more);
  // A later value of the same option would be an error of its own.
  for (const std::string& word : GetParam().more) {
    const auto first = std::find(line.begin(), line.end(), word);
    const auto last = std::find(line.rbegin(), line.rend(), word).base() - 1;
    if (absl::StartsWith(word, "--") && word != "--feature" && first != last) {
      line.erase(first, first + 2);
    }
  }
  const Outcome outcome = Run(line);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr(GetParam().message));
  EXPECT_FALSE(std::filesystem::exists(Path("d.lic")));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, VendorNonsenseTest,
    testing::Values(
        Nonsense{"no_feature", {}, "--feature"},
        Nonsense{"no_count", {"--feature", "cad"}, "NAME=COUNT"},
        Nonsense{"no_number", {"--feature", "cad=x"}, "is no count"},
        Nonsense{"negative", {"--feature", "cad=-1"}, "is no count"},
        Nonsense{"too_many", {"--feature", "cad=4294967296"}, "is no count"},
        Nonsense{"no_token", {"--feature", "cad=5*"}, "is no count"},
        Nonsense{"own_token", {"--feature", "cad=5*cad"}, "another feature"},
        Nonsense{
            "condition", {"--feature", "cad=1,color=red"}, "is not version"},
        Nonsense{"no_value", {"--feature", "cad=1,version"}, "like version"},
        Nonsense{"version", {"--feature", "cad=1,version=a b"}, "the version"},
        Nonsense{
            "day", {"--feature", "cad=1,maintenance=1.2.2027"}, "1.2.2027"},
        Nonsense{"region", {"--feature", "cad=1,attribute=eu"}, "region:eu"},
        Nonsense{"shared", {"--feature", "cad=1,share=user+user"}, "shared by"},
        Nonsense{"share_word", {"--feature", "cad=1,share=cpu"}, "is not user"},
        Nonsense{"uncounted",
                 {"--feature", "cad=uncounted,overdraft=1"},
                 "is not counted"},
        Nonsense{"model", {"--feature", "cad=1,model=gold"}, "is not credits"},
        Nonsense{"recycle", {"--feature", "cad=1,recycle=2/30"}, "be freed"},
        Nonsense{"trial", {"--feature", "cad=1,trial=0"}, "number of days"},
        Nonsense{"long_trial", {"--feature", "cad=1,trial=3661"}, "the trial"},
        Nonsense{"casual", {"--feature", "cad=1,casual=x"}, "of minutes"},
        Nonsense{
            "long_month", {"--feature", "cad=1,casual=44641"}, "casual use"},
        Nonsense{"no_days",
                 {"--feature", "cad=1,model=named,recycle=2"},
                 "is not like 2/30"},
        Nonsense{
            "both", {"--feature", "a+b=1,suite=c+d"}, "a package and a suite"},
        Nonsense{"own_suite", {"--feature", "a=1,suite=a+d"}, "named twice"},
        Nonsense{"no_component", {"--feature", "a=1,suite=d+"}, "feature name"},
        Nonsense{"shared_credits",
                 {"--feature", "cad=9,model=credits,share=user"},
                 "or shared"},
        Nonsense{"linger", {"--feature", "cad=1,linger=long"}, "10m or 2h"},
        Nonsense{
            "linger_long", {"--feature", "cad=1,linger=999h"}, "cannot linger"},
        Nonsense{"borrow", {"--feature", "cad=9,borrow=3w"}, "like 30d"},
        Nonsense{"borrow_long",
                 {"--feature", "cad=9,borrow=367d"},
                 "cannot be borrowed like that"},
        Nonsense{"borrow_none",
                 {"--feature", "cad=9,borrow-count=2"},
                 "cannot be borrowed like that"},
        Nonsense{"zero", {"--feature", "cad=0"}, "between 1 and"},
        Nonsense{"no_name", {"--feature", "=3"}, "feature name"},
        Nonsense{"twice",
                 {"--feature", "cad=1", "--feature", "cad=2"},
                 "named twice"},
        Nonsense{"short_cluster",
                 {"--feature", "cad=1", "--cluster-id", "0123"},
                 "32 lower-case hex digits"},
        Nonsense{"cluster_not_hex",
                 {"--feature", "cad=1", "--cluster-id",
                  "0123456789abcdef0123456789abcdeg"},
                 "32 lower-case hex digits"},
        Nonsense{
            "epoch_0", {"--feature", "cad=1", "--cluster-epoch", "0"}, "epoch"},
        Nonsense{"serial_0",
                 {"--feature", "cad=1", "--serial", "0"},
                 "serials begin with 1"},
        Nonsense{"serial_negative",
                 {"--feature", "cad=1", "--serial", "-1"},
                 "--serial"},
        Nonsense{"bad_id",
                 {"--feature", "cad=1", "--license-id", "a b"},
                 "licence id"},
        Nonsense{"no_customer",
                 {"--feature", "cad=1", "--customer", ""},
                 "customer_id"},
        Nonsense{"other_product",
                 {"--feature", "cad=1", "--product", "other"},
                 "may not sign for product"},
        Nonsense{"no_day",
                 {"--feature", "cad=1", "--end", "2199-02-30"},
                 "YYYY-MM-DD"},
        Nonsense{"other_spelling",
                 {"--feature", "cad=1", "--end", "31.12.2199"},
                 "YYYY-MM-DD"},
        Nonsense{"short_spelling",
                 {"--feature", "cad=1", "--start", "2199-1-5"},
                 "YYYY-MM-DD"},
        Nonsense{"past",
                 {"--feature", "cad=1", "--end", "2020-01-01"},
                 "has passed"},
        Nonsense{"backwards",
                 {"--feature", "cad=1", "--start", "2199-12-31", "--end",
                  "2199-12-30"},
                 "before --start"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(VendorCommandsTest, KeysThatDoNotFitSignNothing) {
  ASSERT_EQ(Keygen().exit_code, 0);
  ASSERT_EQ(Run({"keygen", "--dir", Path("other"), "--vendor", "Demo Vendor"})
                .exit_code,
            0);
  namespace fs = std::filesystem;
  fs::rename(Path("other/product.key"), keys_ + "/product.key");
  Outcome outcome = Run(IssueLine({"--feature", "cad=1"}));
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_THAT(outcome.err, HasSubstr("is not the key that"));

  fs::rename(Path("other/product.cert.pem"), keys_ + "/product.cert.pem");
  outcome = Run(IssueLine({"--feature", "cad=1"}));
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_THAT(outcome.err, HasSubstr("do not hold together"));
  EXPECT_FALSE(fs::exists(Path("d.lic")));

  fs::remove(keys_ + "/product.key");
  EXPECT_EQ(Run(IssueLine({"--feature", "cad=1"})).exit_code, 5);
}

TEST_F(VendorCommandsTest, InspectTellsForeignFilesApart) {
  EXPECT_EQ(Run({"inspect", Path("nothing")}).exit_code, 5);
  std::ofstream(Path("text")) << "hello\n";
  const Outcome text = Run({"inspect", Path("text")});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.err, HasSubstr("no licence, root or key certificate"));
  const Outcome folder = Run({"inspect", folder_});
  EXPECT_NE(folder.exit_code, 0);
  EXPECT_THAT(folder.err, HasSubstr("not a regular file"));
}

TEST_F(VendorCommandsTest, AnEndIsTheLastMomentOfItsDay) {
  ASSERT_EQ(Keygen().exit_code, 0);
  const Outcome issue =
      Run(IssueLine({"--feature", "cad=1", "--start", "2096-02-29", "--end",
                     "2096-02-29", "-o", "json"}));
  ASSERT_EQ(issue.exit_code, 0) << issue.err;
  const auto json = nlohmann::json::parse(issue.out);
  EXPECT_EQ(json["license"]["startTime"], "2096-02-29T00:00:00Z");
  EXPECT_EQ(json["license"]["endTime"], "2096-02-29T23:59:59.999Z");
}

}  // namespace
}  // namespace quorate::vendor
