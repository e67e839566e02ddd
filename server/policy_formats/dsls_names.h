// How the kinds of a policy are called in a DSLS authorization file.

#ifndef QUORATE_SERVER_POLICY_FORMATS_DSLS_NAMES_H_
#define QUORATE_SERVER_POLICY_FORMATS_DSLS_NAMES_H_

#include "quorate/internal/v1/policy.pb.h"

namespace quorate::policy {

// Things that have numbers, with their groups, in the order of the file.
struct DslsKind {
  internal::v1::PolicyGroupKind kind;
  const char* list;        // "users"
  const char* item;        // "user"
  const char* group_list;  // "usergroups"
  const char* group;       // "usergroup"
  internal::v1::PolicyField item_field;
  internal::v1::PolicyField group_field;
};

inline constexpr DslsKind kDslsKinds[] = {
    {internal::v1::POLICY_GROUP_KIND_USERS, "users", "user", "usergroups",
     "usergroup", internal::v1::POLICY_FIELD_USER,
     internal::v1::POLICY_FIELD_USER_GROUP},
    {internal::v1::POLICY_GROUP_KIND_HOSTS, "hosts", "host", "hostgroups",
     "hostgroup", internal::v1::POLICY_FIELD_HOST,
     internal::v1::POLICY_FIELD_HOST_GROUP},
    {internal::v1::POLICY_GROUP_KIND_ADDRESSES, "ipranges", "iprange",
     "iprangegroups", "iprangegroup", internal::v1::POLICY_FIELD_ADDRESS,
     internal::v1::POLICY_FIELD_ADDRESS_GROUP},
    {internal::v1::POLICY_GROUP_KIND_PROJECTS, "projects", "project",
     "projectgroups", "projectgroup", internal::v1::POLICY_FIELD_PROJECT,
     internal::v1::POLICY_FIELD_PROJECT_GROUP},
    // Not of DSLS, like the projects. A rule names a group by its number.
    {internal::v1::POLICY_GROUP_KIND_FEATURES, "features", "feature",
     "featuregroups", "featuregroup", internal::v1::POLICY_FIELD_UNSPECIFIED,
     internal::v1::POLICY_FIELD_UNSPECIFIED},
};

inline constexpr char kDslsFeatureGroup[] = "featuregroup";

// Fields whose values stand as text.
struct DslsText {
  const char* element;
  internal::v1::PolicyField field;
};

inline constexpr DslsText kDslsTexts[] = {
    {"application", internal::v1::POLICY_FIELD_APPLICATION},
    {"version", internal::v1::POLICY_FIELD_VERSION},
    {"display", internal::v1::POLICY_FIELD_DISPLAY},
    {"time", internal::v1::POLICY_FIELD_TIME},
};

struct DslsType {
  const char* name;
  internal::v1::PolicyRuleKind kind;
};

inline constexpr DslsType kDslsTypes[] = {
    {"Deny", internal::v1::POLICY_RULE_KIND_DENY},
    {"Reserve", internal::v1::POLICY_RULE_KIND_RESERVE},
    {"Limit", internal::v1::POLICY_RULE_KIND_LIMIT},
    {"Allow", internal::v1::POLICY_RULE_KIND_ALLOW},
    {"Idle", internal::v1::POLICY_RULE_KIND_IDLE},
    {"Linger", internal::v1::POLICY_RULE_KIND_LINGER},
    {"Borrow", internal::v1::POLICY_RULE_KIND_BORROW},
    {"NoBorrow", internal::v1::POLICY_RULE_KIND_NO_BORROW},
    {"Priority", internal::v1::POLICY_RULE_KIND_PRIORITY},
};

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_DSLS_NAMES_H_
