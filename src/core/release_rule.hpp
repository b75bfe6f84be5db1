// The release rule: k-anonymity closed under arithmetic. Which cells a counted batch publishes.
// Source, theorem and proof: docs/privacy.md.
#pragma once

#include "core/witness.hpp"

namespace roughly {

struct Policy {
  std::uint32_t k = 10;         // every number concerns at least k people
  std::uint32_t max_rank = 512; // cells accepted in one release: bounds the work
  // Dominance: nobody of a batch weighs more than max_coordinate / (k - 1) times the others together. 0: no bound.
  std::uint32_t max_coordinate = k - 1;
};

// What a release was proved with; for audits.
struct Proof {
  std::vector<Profile> profiles;
  Witnesses witnesses;
};

// Adds `batch` to `tally` and publishes what the rule allows, as release number `release`. Deterministic.
Proof release_batch(Tally &tally, std::vector<Profile> batch, Policy policy, std::uint32_t release);

} // namespace roughly
