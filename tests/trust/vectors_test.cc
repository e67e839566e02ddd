// Every verifier, in whatever language, says the same of the same files: those
// of testdata/vectors.json. The committed file is read and each of its licence
// files verified; UPDATE_GOLDEN=1 writes it from the cases in vector_cases.cc.

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"

#include "nlohmann/json.hpp"
#include "tests/trust/vector_cases.h"
#include "trust/keys.h"
#include "trust/license_verifier.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using nlohmann::ordered_json;

constexpr char kPath[] = "tests/trust/testdata/vectors.json";

std::string Base64(const std::string& bytes) {
  return absl::Base64Escape(bytes);
}

std::string FromBase64(const std::string& text) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(text, &bytes));
  return bytes;
}

ordered_json ToJson(const std::vector<VectorCase>& cases) {
  ordered_json json = {
      {"about",
       "Licence files and what a verifier that has pinned the root says to "
       "them. root names one of roots. A file with padded_to gets line feeds "
       "at its end up to that many bytes. verdict is OK or the word of "
       "trust/refusal.h for the first check that fails. Written by "
       "tests/trust/vectors_test.cc."},
      {"roots", ordered_json::object()},
      {"vectors", ordered_json::array()}};
  std::map<std::string, std::string> names;
  for (const VectorCase& vector : cases) {
    const auto [root, added] = names.try_emplace(
        vector.root_file, absl::StrCat("root_", names.size() + 1));
    if (added) json["roots"][root->second] = Base64(vector.root_file);
    ordered_json entry = {{"name", vector.name},
                          {"about", vector.about},
                          {"verdict", vector.verdict},
                          {"root", root->second}};
    if (vector.padded_to != 0) entry["padded_to"] = vector.padded_to;
    entry["file"] = Base64(vector.file);
    json["vectors"].push_back(std::move(entry));
  }
  return json;
}

ordered_json Committed() {
  std::ifstream file(kPath);
  return ordered_json::parse(file, nullptr, false);
}

std::string VerdictOf(const std::string& root, const std::string& file) {
  const auto verifier = LicenseVerifier::Create(root);
  if (!verifier.ok()) return verifier.status().ToString();
  const google::protobuf::LogSilencer quiet;  // It reports each bad UTF-8.
  const auto verified = (*verifier)->Verify(file);
  if (verified.ok()) return "OK";
  const std::optional<Refusal> refusal = RefusalOf(verified.status());
  return refusal.has_value() ? std::string(ToString(*refusal))
                             : verified.status().ToString();
}

TEST(VectorsTest, EveryFileGetsItsVerdict) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kPath) << ToJson(BuildVectorCases()).dump(1) << "\n";
  }
  const ordered_json json = Committed();
  ASSERT_TRUE(json.is_object()) << kPath << " is missing or damaged";
  ASSERT_FALSE(json["vectors"].empty());
  for (const auto& vector : json["vectors"]) {
    VectorCase read;
    read.file = FromBase64(vector["file"]);
    read.padded_to = vector.value("padded_to", size_t{0});
    const std::string root = json["roots"][std::string(vector["root"])];
    EXPECT_EQ(VerdictOf(FromBase64(root), PaddedFile(read)), vector["verdict"])
        << vector["name"] << ": " << vector["about"];
  }
}

// The committed file is the one that the cases make.
TEST(VectorsTest, TheCommittedFileIsCurrent) {
  EXPECT_EQ(Committed(), ToJson(BuildVectorCases()))
      << "run with UPDATE_GOLDEN=1 and look at the difference";
}

TEST(VectorsTest, EveryRefusalHasAFile) {
  std::set<std::string> seen;
  std::set<std::string> names;
  for (const VectorCase& vector : BuildVectorCases()) {
    seen.insert(vector.verdict);
    EXPECT_TRUE(names.insert(vector.name).second) << vector.name;
  }
  using enum Refusal;
  for (const Refusal refusal :
       {kSize, kForm, kType, kSignature, kRootOrder, kCritical, kKeyRevoked,
        kKeyTime, kScope, kMeaning}) {
    EXPECT_EQ(seen.count(std::string(ToString(refusal))), 1u)
        << ToString(refusal);
  }
}

}  // namespace
}  // namespace quorate::trust
