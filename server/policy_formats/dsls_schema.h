// What a DSLS authorization file looks like, as an XML schema.

#ifndef QUORATE_SERVER_POLICY_FORMATS_DSLS_SCHEMA_H_
#define QUORATE_SERVER_POLICY_FORMATS_DSLS_SCHEMA_H_

namespace quorate::policy {

// The namespace and the elements up to the ranges' groups are those of
// Dassault's own files. How its rules are written is not published: <projects>
// and <rules>, and the attributes in it, are this project's, in the same style.
extern const char kDslsSchema[];

inline constexpr char kDslsNamespace[] = "http://www.3DS.com/DSLS";

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_DSLS_SCHEMA_H_
