#include "pg/throttle.hpp"

#include "pg/lock.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/shmem.h"
}

namespace roughly::pg::throttle {
namespace {

constexpr std::uint32_t sequences = 256;
constexpr std::uint32_t shared_clocks = 65536; // 512 kB

constinit pg_atomic_uint64 *shared = nullptr; // when preloaded

constinit Statement read_clock{"SELECT pg_catalog.pg_sequence_last_value(('roughly.throttle_' || $1)::pg_catalog.regclass)", {INT4OID}};
constinit Statement set_clock{"SELECT pg_catalog.setval(('roughly.throttle_' || $1)::pg_catalog.regclass, $2)", {INT4OID, INT8OID}};

std::uint32_t number_of(ByteView digest) {
  std::uint32_t number = 0;
  memcpy(&number, digest.data(), sizeof number);
  return number;
}

// The clock shows when the bucket is empty again. `move` turns it into the new time, or nothing to leave it.
template <class Move> void move_clock(Spi &spi, ByteView digest, Move move) {
  if (shared != nullptr) {
    constexpr std::uint32_t odd = 2654435761; // databases have clocks of their own
    pg_atomic_uint64 *clock = shared + (number_of(digest) ^ MyDatabaseId * odd) % shared_clocks;
    std::uint64_t seen = pg_atomic_read_u64(clock);
    for (;;) {
      const std::optional<std::int64_t> next = move(static_cast<std::int64_t>(seen));
      if (!next || pg_atomic_compare_exchange_u64(clock, &seen, static_cast<std::uint64_t>(*next)))
        return;
    }
  }
  const auto bucket = static_cast<std::int32_t>(number_of(digest) % sequences);
  const ScopedLock lock = ScopedLock::take(lock_tag(LockKind::throttle, 0, static_cast<std::uint32_t>(bucket)));
  const std::int64_t seen = spi.read_latest(read_clock, {value(bucket)}).optional<std::int64_t>(0, 1).value_or(0);
  if (const std::optional<std::int64_t> next = move(seen))
    spi.write(set_clock, {value(bucket), value(std::max<std::int64_t>(*next, 1))});
}

#if PG_VERSION_NUM >= 150000
constinit shmem_request_hook_type previous_request = nullptr;
#endif
constinit shmem_startup_hook_type previous_startup = nullptr;

void request() { RequestAddinShmemSpace(shared_clocks * sizeof(pg_atomic_uint64)); }

void startup() {
  if (previous_startup != nullptr)
    previous_startup();
  bool found = false;
  shared = static_cast<pg_atomic_uint64 *>(ShmemInitStruct("roughly_auth throttle", shared_clocks * sizeof(pg_atomic_uint64), &found));
  for (std::uint32_t i = 0; !found && i < shared_clocks; ++i)
    pg_atomic_init_u64(shared + i, 0);
}

} // namespace

// Shared memory is asked for by a hook from PostgreSQL 15 on:
// https://github.com/postgres/postgres/commit/4f2400cb3f10aa79f99fba680c198237da28dd38
void init() {
  if (!process_shared_preload_libraries_in_progress)
    return;
#if PG_VERSION_NUM >= 150000
  previous_request = shmem_request_hook;
  shmem_request_hook = [] {
    if (previous_request != nullptr)
      previous_request();
    request();
  };
#else
  request();
#endif
  previous_startup = shmem_startup_hook;
  shmem_startup_hook = startup;
}

std::optional<std::int64_t> take(Spi &spi, ByteView digest, Rate rate) {
  const std::int64_t now = GetCurrentTimestamp();
  std::optional<std::int64_t> wait;
  move_clock(spi, digest, [&](std::int64_t empty_at) -> std::optional<std::int64_t> {
    const std::int64_t next = std::max(now, empty_at) + rate.interval, excess = next - now - rate.interval * rate.burst;
    wait = excess > 0 ? std::optional(excess) : std::nullopt;
    return wait ? std::nullopt : std::optional(next);
  });
  return wait;
}

void refund(Spi &spi, ByteView digest, Rate rate) {
  move_clock(spi, digest, [&](std::int64_t empty_at) { return std::optional(empty_at - rate.interval); });
}

} // namespace roughly::pg::throttle
