// Accounts: which roles each principal has.

#ifndef QUORATE_SERVER_LICENSING_ACCOUNTS_H_
#define QUORATE_SERVER_LICENSING_ACCOUNTS_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

bool IsAdministrator(const internal::v1::AccountRecord& account);

// The accounts by their principals. Whoever is not among them has what
// everybody has; what a role may do is not known here. Thread-compatible.
class AccountBook {
 public:
  using ByName =
      std::map<std::string, internal::v1::AccountRecord, std::less<>>;

  // Null where there is none.
  const internal::v1::AccountRecord* Find(absl::string_view name) const;

  // Adds it, or puts it in the place of the one that there is.
  void Set(internal::v1::AccountRecord account);

  // There must be one.
  void Erase(absl::string_view name);

  const ByName& by_name() const { return by_name_; }

  // How many have that role.
  size_t administrators() const { return administrators_; }

 private:
  ByName by_name_;
  size_t administrators_ = 0;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_ACCOUNTS_H_
