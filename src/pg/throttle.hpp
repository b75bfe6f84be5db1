// How often something may be tried: the generic cell rate algorithm (GCRA, ITU-T I.371), one clock per bucket. The
// clocks are not transactional, so a rolled back attempt counts: sequences by default, shared memory where the library
// is preloaded. Keys are digests; buckets may collide, which only ever throttles a neighbour too.
#pragma once

#include "pg/spi.hpp"

namespace roughly::pg::throttle {

void init(); // from _PG_init; asks for shared memory while preloading

struct Rate {
  std::int64_t interval; // microseconds that one attempt costs
  std::int64_t burst;    // attempts that may come at once
};
inline constexpr Rate log_ins{10'000'000, 20};  // per account, and per network
inline constexpr Rate mails{60'000'000, 5};     // per address
inline constexpr Rate codes{60'000'000, 5};      // second factors, per account
inline constexpr Rate network{1'000'000, 100};

// Nothing when the attempt may go ahead; else after how many microseconds it may.
std::optional<std::int64_t> take(Spi &spi, ByteView digest, Rate rate);
// Gives one attempt back, after a success.
void refund(Spi &spi, ByteView digest, Rate rate);

} // namespace roughly::pg::throttle
