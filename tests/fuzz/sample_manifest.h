// A good manifest, for fuzzers that edit it.

#ifndef QUORATE_TESTS_FUZZ_SAMPLE_MANIFEST_H_
#define QUORATE_TESTS_FUZZ_SAMPLE_MANIFEST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/random.h"
#include "replication/snapshot/manifest.h"
#include "tests/replication/wire/sample_messages.h"

namespace quorate::replication {

// Of two files of 100 bytes together. The same for the same seed. Thread-safe.
inline SnapshotManifest SampleManifest(uint64_t seed) {
  Random random(seed);
  SnapshotManifest manifest;
  manifest.cluster_id = std::string(32, 'a');
  manifest.position.index = raft::Index(random.Between(10, 1000));
  manifest.position.term = raft::Term(random.Between(1, 9));
  manifest.position.configuration_index = raft::Index(1);
  manifest.position.configuration =
      std::make_shared<const raft::Configuration>(SampleConfiguration(&random));
  manifest.files = {{"CURRENT", 16, std::string(kSnapshotChecksumBytes, 'c')},
                    {"x.sst", 84, std::string(kSnapshotChecksumBytes, 'd')}};
  return manifest;
}

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_FUZZ_SAMPLE_MANIFEST_H_
