// quorate vendor keygen: a new vendor's root and first product key.

#ifndef QUORATE_TOOLS_VENDOR_KEYGEN_H_
#define QUORATE_TOOLS_VENDOR_KEYGEN_H_

#include <string>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "tools/vendor/description.h"

namespace quorate::vendor {

struct KeygenOptions {
  std::string folder;
  std::string vendor;
  std::string product;  // A product id, or "*" for every product.
};

// Makes the folder where it is missing, and in it three root keys, the root
// document, the product key and its certificate. ALREADY_EXISTS where one of
// the files is there: a key is never overwritten. After a failure no file of
// this call is left.
absl::StatusOr<Description> Keygen(const KeygenOptions& options,
                                   const Clock& clock);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_KEYGEN_H_
