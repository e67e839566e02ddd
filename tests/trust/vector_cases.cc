#include "tests/trust/vector_cases.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "quorate/document/v1/document.pb.h"

#include "tests/trust/demo_vendor.h"
#include "trust/armor.h"
#include "trust/bounded_parse.h"
#include "trust/issuer.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;
using document::v1::LicenseFile;
using document::v1::Root;
using enum Refusal;

// Collects cases; `verdict` none means that the file is good.
class Builder {
 public:
  void Add(absl::string_view name, absl::string_view about,
           std::optional<Refusal> verdict, std::string file) {
    cases_.push_back({.name = std::string(name),
                      .about = std::string(about),
                      .root_file = DemoVendor().RootFile(),
                      .file = std::move(file),
                      .padded_to = 0,
                      .verdict = verdict.has_value()
                                     ? std::string(ToString(*verdict))
                                     : "OK"});
  }

  // A document's fields are changed, and it is signed again.
  void Resigned(absl::string_view name, absl::string_view about,
                std::optional<Refusal> verdict,
                const std::function<void(DemoVendor&)>& change) {
    DemoVendor vendor;
    change(vendor);
    Add(name, about, verdict, vendor.LicenseText());
    cases_.back().root_file = vendor.RootFile();
  }

  // The container is changed after everything in it was signed.
  void Altered(absl::string_view name, absl::string_view about,
               std::optional<Refusal> verdict,
               const std::function<void(LicenseFile&)>& change) {
    LicenseFile container = DemoVendor().Container();
    change(container);
    Add(name, about, verdict, ToText(container));
  }

  // The text is changed.
  void Rewritten(absl::string_view name, absl::string_view about,
                 std::optional<Refusal> verdict,
                 const std::function<std::string(std::string)>& change) {
    Add(name, about, verdict, change(DemoVendor().LicenseText()));
  }

  VectorCase& last() { return cases_.back(); }

  std::vector<VectorCase> Take() { return std::move(cases_); }

 private:
  std::vector<VectorCase> cases_;
};

// Field 15, a varint of 0, this many times.
std::string UnknownFieldsOf(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i)
    bytes.append("\x78\x00", 2);
  return bytes;
}

// Groups of field 15, each in the one before.
std::string NestedGroups(size_t depth) {
  return absl::StrCat(std::string(depth, '\x7b'), std::string(depth, '\x7c'));
}

Envelope CertificateSignedBy(const std::vector<uint8_t>& seeds) {
  return SignWithSeeds(PayloadType::kKeyCertificate,
                       DemoVendor().certificate.SerializeAsString(), seeds);
}

Root SecondRoot() {
  return NextRoot(DemoVendor().root, {2, 11, 12});
}

Envelope SignRoot(const Root& root, const std::vector<uint8_t>& seeds) {
  return SignWithSeeds(PayloadType::kRoot, root.SerializeAsString(), seeds);
}

// A file whose key is certified by the root `chain` ends with.
std::string WithChain(const std::vector<Envelope>& chain) {
  LicenseFile container = DemoVendor().Container();
  *container.mutable_key_certificate() = CertificateSignedBy({2, 11});
  for (const Envelope& root : chain)
    *container.add_root_chain() = root;
  return ToText(container);
}

void AddGoodFiles(Builder& builder) {
  builder.Altered("good", "A licence of the pinned vendor.", std::nullopt,
                  [](LicenseFile&) {});
  builder.Rewritten("good_crlf", "The same with CRLF at line ends.",
                    std::nullopt, [](const std::string& text) {
                      return absl::StrReplaceAll(text, {{"\n", "\r\n"}});
                    });
  builder.Rewritten("good_no_last_newline", "The last line has no end.",
                    std::nullopt, [](std::string text) {
                      text.pop_back();
                      return text;
                    });
  builder.Altered("good_more_signatures",
                  "A signature by a key that nobody trusts stands beside the "
                  "right one.",
                  std::nullopt, [](LicenseFile& file) {
                    const PrivateKey other = SeededKey(99);
                    *file.mutable_license()->add_signatures() =
                        MustSign(PayloadType::kLicense,
                                 file.license().payload(), {&other})
                            .signatures(0);
                  });
  builder.Resigned("good_no_end", "A licence without end.", std::nullopt,
                   [](DemoVendor& v) { v.license.clear_not_after_ms(); });
  builder.Resigned("good_any_product", "The key may sign for every product.",
                   std::nullopt, [](DemoVendor& v) {
                     v.certificate.set_product_ids(0, "*");
                     v.license.set_product_id("another");
                   });
  builder.Altered("good_unknown_field",
                  "The payload has a field of a later version, without crit.",
                  std::nullopt, [](LicenseFile& file) {
                    const DemoVendor vendor;
                    *file.mutable_license() = MustSign(
                        PayloadType::kLicense,
                        vendor.license.SerializeAsString() + UnknownFieldsOf(1),
                        {&vendor.product_key});
                  });
  builder.Add("good_next_root",
              "The file brings root 2, signed by two keys of root 1 and two of "
              "its own.",
              std::nullopt, WithChain({SignRoot(SecondRoot(), {1, 2, 11})}));
  builder.Rewritten("good_largest_file", "Exactly 1 MiB.", std::nullopt,
                    [](std::string text) { return text; });
  builder.last().padded_to = kMaxDocumentBytes;
}

void AddSizeAndForm(Builder& builder) {
  builder.Rewritten("one_byte_too_large", "1 MiB and one byte.", kSize,
                    [](std::string text) { return text; });
  builder.last().padded_to = kMaxDocumentBytes + 1;
  builder.Rewritten("empty", "No bytes.", kForm,
                    [](const std::string&) { return std::string(); });
  builder.Add("root_as_licence", "A root file.", kForm,
              DemoVendor().RootFile());
  builder.Rewritten("text_before", "A line before the armour.", kForm,
                    [](const std::string& text) { return "Hello,\n" + text; });
  builder.Rewritten("text_after", "A line after the armour.", kForm,
                    [](const std::string& text) { return text + "Bye\n"; });
  builder.Rewritten(
      "space_in_base64", "A line ends with a space.", kForm,
      [](std::string text) { return text.insert(text.find('\n', 40), " "); });
  builder.Rewritten(
      "lines_joined", "Two lines of base64 are one.", kForm,
      [](std::string text) { return text.erase(text.find('\n', 40), 1); });
  builder.Rewritten(
      "cut_in_half", "The second half is missing.", kForm,
      [](const std::string& text) { return text.substr(0, text.size() / 2); });
  const std::string bytes = DemoVendor().Container().SerializeAsString();
  const auto armored = [](const std::string& container) {
    return Armor(ArmorLabel::kLicense, container);
  };
  builder.Add("container_cut", "The container misses its last byte.", kForm,
              armored(bytes.substr(0, bytes.size() - 1)));
  builder.Add("container_zero_byte", "A zero byte after the container.", kForm,
              armored(bytes + std::string(1, '\0')));
  builder.Add("container_unknown_field", "One unknown field beside the parts.",
              kForm, armored(bytes + UnknownFieldsOf(1)));
  builder.Add("container_10000_unknown_fields",
              "Ten thousand unknown fields beside the parts.", kForm,
              armored(bytes + UnknownFieldsOf(10'000)));
  builder.Add("container_nested_groups_200",
              "Groups nested 200 deep beside the parts.", kForm,
              armored(bytes + NestedGroups(200)));
  builder.Altered(
      "no_signature", "The licence has no signature.", kForm,
      [](LicenseFile& f) { f.mutable_license()->clear_signatures(); });
  builder.Altered("nine_signatures", "The licence has nine signatures.", kForm,
                  [](LicenseFile& f) {
                    const auto signature = f.license().signatures(0);
                    for (int i = 0; i < 8; ++i) {
                      *f.mutable_license()->add_signatures() = signature;
                    }
                  });
  builder.Altered("signature_cut", "The signature has 63 bytes.", kForm,
                  [](LicenseFile& f) {
                    f.mutable_license()
                        ->mutable_signatures(0)
                        ->mutable_signature()
                        ->pop_back();
                  });
  builder.Altered("signature_extended", "The signature has 65 bytes.", kForm,
                  [](LicenseFile& f) {
                    f.mutable_license()
                        ->mutable_signatures(0)
                        ->mutable_signature()
                        ->push_back('\0');
                  });
}

// Signed by the right key, but no payload that may be parsed.
void AddPayloadForm(Builder& builder) {
  const DemoVendor vendor;
  const std::string license = vendor.license.SerializeAsString();
  const auto add = [&builder, &vendor](absl::string_view name,
                                       absl::string_view about,
                                       const std::string& payload) {
    LicenseFile container = vendor.Container();
    *container.mutable_license() =
        MustSign(PayloadType::kLicense, payload, {&vendor.product_key});
    builder.Add(name, about, kForm, ToText(container));
  };
  add("payload_10000_unknown_fields",
      "Ten thousand unknown fields under the signature.",
      license + UnknownFieldsOf(10'000));
  add("payload_nested_groups_200",
      "Groups nested 200 deep under the signature.",
      license + NestedGroups(200));
  add("payload_cut", "The signed payload misses its last byte.",
      license.substr(0, license.size() - 1));
  // Field 4, customer_id, once more.
  add("payload_not_utf8", "A name under the signature is not UTF-8.",
      license + "\x22\x02\xc3\x28");
}

void AddTypes(Builder& builder) {
  builder.Altered("type_other", "The licence is signed as a key certificate.",
                  kType, [](LicenseFile& f) {
                    const DemoVendor vendor;
                    *f.mutable_license() =
                        MustSign(PayloadType::kKeyCertificate,
                                 f.license().payload(), {&vendor.product_key});
                  });
  builder.Altered("type_prefix", "The type has one more letter.", kType,
                  [](LicenseFile& f) {
                    f.mutable_license()->mutable_payload_type()->push_back('x');
                  });
  builder.Altered("type_relabelled",
                  "A licence that the root's keys signed as a key certificate, "
                  "relabelled.",
                  kSignature, [](LicenseFile& f) {
                    const std::string type = f.license().payload_type();
                    f.mutable_license()->CopyFrom(f.key_certificate());
                    f.mutable_license()->set_payload_type(type);
                  });
  builder.Altered("parts_swapped",
                  "Licence and key certificate have changed places.", kType,
                  [](LicenseFile& f) {
                    f.mutable_license()->Swap(f.mutable_key_certificate());
                  });
}

void AddSignatures(Builder& builder) {
  builder.Altered(
      "payload_swapped", "The payload of another licence by the same key.",
      kSignature, [](LicenseFile& f) {
        DemoVendor other;
        other.license.mutable_features(0)->set_count(2000);
        f.mutable_license()->set_payload(other.license.SerializeAsString());
      });
  builder.Altered("payload_bit", "One bit of the payload is flipped.",
                  kSignature, [](LicenseFile& f) {
                    char& byte = f.mutable_license()->mutable_payload()->back();
                    byte = static_cast<char>(byte ^ 1);
                  });
  builder.Altered(
      "foreign_vendor", "Everything is signed by another vendor's keys.",
      kSignature, [](LicenseFile& f) {
        *f.mutable_key_certificate() = CertificateSignedBy({21, 22, 23});
      });
  builder.Altered("one_root_key", "One root key signed where two must.",
                  kSignature, [](LicenseFile& f) {
                    *f.mutable_key_certificate() = CertificateSignedBy({1});
                  });
  builder.Altered("same_signature_twice",
                  "One root key's signature stands there twice.", kSignature,
                  [](LicenseFile& f) {
                    *f.mutable_key_certificate() = CertificateSignedBy({1, 1});
                  });
  builder.Altered(
      "two_key_ids_for_one_key",
      "One root key's signature stands there twice, once with "
      "another root key's id.",
      kSignature, [](LicenseFile& f) {
        *f.mutable_key_certificate() = CertificateSignedBy({1, 1});
        f.mutable_key_certificate()->mutable_signatures(1)->set_key_id(
            SeededKey(2).Public().KeyId());
      });
  builder.Altered("s_not_reduced", "S + L stands in the place of S.",
                  kSignature, [](LicenseFile& f) {
                    auto* s = f.mutable_license()->mutable_signatures(0);
                    s->set_signature(WithUnreducedS(s->signature()));
                  });
  builder.Altered(
      "r_not_reduced", "R is the unreduced form of the identity, S is 0.",
      kSignature, [](LicenseFile& f) {
        f.mutable_license()->mutable_signatures(0)->set_signature(
            absl::HexStringToBytes(absl::StrCat("ee", std::string(60, 'f'),
                                                "7f", std::string(64, '0'))));
      });
}

// Under a key of small order anybody can sign.
void AddBadKeys(Builder& builder) {
  const auto with_key = [](absl::string_view raw_hex) {
    return [raw_hex](DemoVendor& v) {
      v.certificate.mutable_key()->set_spki(absl::HexStringToBytes(
          absl::StrCat("302a300506032b6570032100", raw_hex)));
    };
  };
  builder.Resigned("key_identity", "The product key is the point of order 1.",
                   kMeaning,
                   with_key("0100000000000000000000000000000000000000000000000"
                            "000000000000000"));
  builder.Resigned("key_small_order", "The product key is of order 8.",
                   kMeaning,
                   with_key("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b"
                            "13802886d53fc05"));
  builder.Resigned("key_not_reduced", "The product key is p + 1.", kMeaning,
                   with_key("eefffffffffffffffffffffffffffffffffffffffffffffff"
                            "fffffffffffff7f"));
  builder.Resigned("key_trailing_byte", "A byte follows the key's DER.",
                   kMeaning, [](DemoVendor& v) {
                     v.certificate.mutable_key()->mutable_spki()->push_back(0);
                   });
  builder.Resigned(
      "key_other_scheme", "The key's scheme is another.", kMeaning,
      [](DemoVendor& v) { v.certificate.mutable_key()->set_scheme("p256"); });
  Root root = SecondRoot();
  root.mutable_keys(2)->set_spki(absl::HexStringToBytes(
      absl::StrCat("302a300506032b6570032100", "01", std::string(62, '0'))));
  builder.Add("root_key_small_order",
              "Root 2 has a key of small order among its keys.", kMeaning,
              WithChain({SignRoot(root, {1, 2, 11})}));
}

void AddScopesAndTimes(Builder& builder) {
  builder.Resigned("product_outside_scope",
                   "The key is not for this licence's product.", kScope,
                   [](DemoVendor& v) { v.license.set_product_id("another"); });
  builder.Resigned("type_outside_scope", "The key may not sign licences.",
                   kScope, [](DemoVendor& v) {
                     v.certificate.set_payload_types(
                         0, std::string(ToString(PayloadType::kRoot)));
                   });
  builder.Resigned("licence_of_other_vendor",
                   "The licence names another vendor.", kScope,
                   [](DemoVendor& v) { v.license.set_vendor_id("Other"); });
  builder.Resigned("key_of_other_vendor",
                   "The key certificate names another vendor.", kScope,
                   [](DemoVendor& v) { v.certificate.set_vendor_id("Other"); });
  builder.Resigned("issued_before_key", "Issued before the key's time.",
                   kKeyTime, [](DemoVendor& v) {
                     v.license.set_issued_ms(v.certificate.not_before_ms() - 1);
                   });
  builder.Resigned("issued_after_key", "Issued after the key's time.", kKeyTime,
                   [](DemoVendor& v) {
                     v.license.set_issued_ms(v.certificate.not_after_ms() + 1);
                   });
  builder.Resigned("root_expired_before_licence",
                   "The root ended before the licence was issued.", kKeyTime,
                   [](DemoVendor& v) {
                     v.root.set_not_after_ms(v.license.issued_ms() - 1);
                   });
  builder.Resigned("root_expired_before_key",
                   "The root ended before the key was certified.", kKeyTime,
                   [](DemoVendor& v) {
                     v.root.set_not_after_ms(v.certificate.issued_ms() - 1);
                   });
  builder.Resigned("key_revoked", "The root revokes the key.", kKeyRevoked,
                   [](DemoVendor& v) {
                     v.root.add_revoked_key_ids(v.product_key.Public().KeyId());
                   });
}

void AddRootChains(Builder& builder) {
  const Root second = SecondRoot();
  builder.Add("root_by_old_keys_alone", "Only keys of root 1 sign root 2.",
              kSignature, WithChain({SignRoot(second, {1, 2, 3})}));
  builder.Add("root_by_its_own_keys_alone", "Only keys of root 2 sign root 2.",
              kSignature, WithChain({SignRoot(second, {2, 11, 12})}));
  Root skipping = second;
  skipping.set_version(3);
  builder.Add("root_3_without_2", "Root 3 follows root 1.", kRootOrder,
              WithChain({SignRoot(skipping, {1, 2, 11})}));
  Root repeated = second;
  repeated.set_version(1);
  builder.Add("root_1_again", "Another root 1 follows root 1.", kRootOrder,
              WithChain({SignRoot(repeated, {1, 2, 11})}));
  builder.Add(
      "root_twice", "Root 2 follows root 2.", kRootOrder,
      WithChain({SignRoot(second, {1, 2, 11}), SignRoot(second, {1, 2, 11})}));
  Root foreign = second;
  foreign.set_vendor_id("Other");
  builder.Add("root_of_other_vendor", "Root 2 is another vendor's.", kRootOrder,
              WithChain({SignRoot(foreign, {1, 2, 11})}));
  Root revoking = second;
  revoking.add_revoked_key_ids(DemoVendor().product_key.Public().KeyId());
  builder.Add("key_revoked_by_next_root", "Root 2 revokes the key.",
              kKeyRevoked, WithChain({SignRoot(revoking, {1, 2, 11})}));
  Root forgetting = revoking;
  forgetting.set_version(3);
  forgetting.clear_revoked_key_ids();
  builder.Add("revocation_taken_back",
              "Root 2 revokes the key, root 3 no longer does.", kRootOrder,
              WithChain({SignRoot(revoking, {1, 2, 11}),
                         SignRoot(forgetting, {2, 11})}));
  Root expired = second;
  expired.set_not_after_ms(DemoVendor().license.issued_ms() - 1);
  builder.Add("next_root_expired",
              "Root 2 ended before the licence was issued.", kKeyTime,
              WithChain({SignRoot(expired, {1, 2, 11})}));
}

void AddMeanings(Builder& builder) {
  builder.Resigned("crit_licence", "The licence has a constraint.", kCritical,
                   [](DemoVendor& v) { v.license.add_crit("per_site"); });
  builder.Resigned("crit_key", "The key certificate has a constraint.",
                   kCritical,
                   [](DemoVendor& v) { v.certificate.add_crit("region"); });
  Root critical = SecondRoot();
  critical.add_crit("region");
  builder.Add("crit_root", "Root 2 has a constraint.", kCritical,
              WithChain({SignRoot(critical, {1, 2, 11})}));
  builder.Resigned("serial_0", "Serials begin with 1.", kMeaning,
                   [](DemoVendor& v) { v.license.set_serial(0); });
  builder.Resigned("id_with_slash", "The licence id has a slash.", kMeaning,
                   [](DemoVendor& v) { v.license.set_license_id("../1"); });
  builder.Resigned(
      "customer_with_escape", "The customer's name would drive a terminal.",
      kMeaning, [](DemoVendor& v) { v.license.set_customer_id("a\x1b[2J"); });
  builder.Resigned("ends_before_it_begins", "The dates are swapped.", kMeaning,
                   [](DemoVendor& v) {
                     v.license.set_not_after_ms(v.license.not_before_ms() - 1);
                   });
  builder.Resigned("no_features", "There is no feature.", kMeaning,
                   [](DemoVendor& v) { v.license.clear_features(); });
  builder.Resigned(
      "feature_twice", "A feature is named twice.", kMeaning,
      [](DemoVendor& v) { *v.license.add_features() = v.license.features(0); });
  builder.Resigned(
      "count_0", "A feature has no units.", kMeaning,
      [](DemoVendor& v) { v.license.mutable_features(0)->set_count(0); });
  builder.Resigned(
      "cluster_id_short", "The cluster id has 15 bytes.", kMeaning,
      [](DemoVendor& v) {
        v.license.mutable_binding()->mutable_cluster_id()->pop_back();
      });
  builder.Resigned(
      "epoch_0", "Epochs begin with 1.", kMeaning,
      [](DemoVendor& v) { v.license.mutable_binding()->set_cluster_epoch(0); });
}

}  // namespace

std::vector<VectorCase> BuildVectorCases() {
  Builder builder;
  AddGoodFiles(builder);
  AddSizeAndForm(builder);
  AddPayloadForm(builder);
  AddTypes(builder);
  AddSignatures(builder);
  AddBadKeys(builder);
  AddScopesAndTimes(builder);
  AddRootChains(builder);
  AddMeanings(builder);
  return builder.Take();
}

std::string PaddedFile(const VectorCase& vector) {
  std::string file = vector.file;
  if (vector.padded_to > file.size()) file.resize(vector.padded_to, '\n');
  return file;
}

}  // namespace quorate::trust
