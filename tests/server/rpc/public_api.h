// Every method of the public API, by its descriptor.

#ifndef QUORATE_TESTS_SERVER_RPC_PUBLIC_API_H_
#define QUORATE_TESTS_SERVER_RPC_PUBLIC_API_H_

#include <vector>

#include "google/protobuf/descriptor.h"

namespace quorate::server {

std::vector<const google::protobuf::MethodDescriptor*> AllMethods();

}  // namespace quorate::server

#endif  // QUORATE_TESTS_SERVER_RPC_PUBLIC_API_H_
