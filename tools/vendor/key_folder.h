// The names of the files in a vendor's key folder.

#ifndef QUORATE_TOOLS_VENDOR_KEY_FOLDER_H_
#define QUORATE_TOOLS_VENDOR_KEY_FOLDER_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace quorate::vendor {

// Two of three root keys sign, so that one may be lost and one stolen.
inline constexpr int kRootKeys = 3;
inline constexpr int kRootThreshold = 2;

// `number` is 1 to kRootKeys.
inline std::string RootKeyPath(absl::string_view folder, int number) {
  return absl::StrCat(folder, "/root-", number, ".key");
}

inline std::string RootPath(absl::string_view folder) {
  return absl::StrCat(folder, "/root.pem");
}

inline std::string ProductKeyPath(absl::string_view folder) {
  return absl::StrCat(folder, "/product.key");
}

inline std::string ProductCertificatePath(absl::string_view folder) {
  return absl::StrCat(folder, "/product.cert.pem");
}

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_KEY_FOLDER_H_
