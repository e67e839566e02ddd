# quorate_proto_library(NAME PROTOS a.proto ... [GRPC] [DEPS ...] [ROOT dir])
#
# Compiles files below proto/ (or below ROOT) into one library; GRPC adds
# service stubs. The generated headers are included by their path below that
# folder, "quorate/<area>/v1/<file>.pb.h".
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
set(QUORATE_PROTO_OUT "${CMAKE_BINARY_DIR}/proto_gen")
file(MAKE_DIRECTORY "${QUORATE_PROTO_OUT}")

# All generated code and nothing else: what clang-tidy needs before it reads.
add_custom_target(quorate_generated)

function(quorate_proto_library name)
  cmake_parse_arguments(ARG "GRPC" "ROOT" "PROTOS;DEPS" ${ARGN})
  if(NOT ARG_ROOT)
    set(ARG_ROOT "${CMAKE_SOURCE_DIR}/proto")
  endif()
  set(generated)
  foreach(proto ${ARG_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    set(outputs "${QUORATE_PROTO_OUT}/${stem}.pb.cc"
                "${QUORATE_PROTO_OUT}/${stem}.pb.h")
    set(flags --cpp_out=${QUORATE_PROTO_OUT})
    if(ARG_GRPC)
      list(APPEND outputs "${QUORATE_PROTO_OUT}/${stem}.grpc.pb.cc"
                          "${QUORATE_PROTO_OUT}/${stem}.grpc.pb.h")
      list(APPEND flags --grpc_out=${QUORATE_PROTO_OUT}
        --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc -I ${ARG_ROOT} ${flags} ${proto}
      DEPENDS ${ARG_ROOT}/${proto}
      VERBATIM)
    list(APPEND generated ${outputs})
  endforeach()
  add_custom_target(${name}_generated DEPENDS ${generated})
  add_dependencies(quorate_generated ${name}_generated)
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${QUORATE_PROTO_OUT})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  if(ARG_GRPC)
    target_link_libraries(${name} PUBLIC gRPC::grpc++)
  endif()
endfunction()
