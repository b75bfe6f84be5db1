// How many passwords may be hashed at once, in all backends of a database: each takes its memory (19 MiB by default).
#pragma once

#include "pg/lock.hpp"

namespace roughly::pg {

// One of roughly_auth.hash_slots places, waited for up to a second; nothing when all stay taken.
std::optional<ScopedLock> enter_hash_gate();
// The same for callers who can only fail. Errc::program_limit.
ScopedLock require_hash_gate();

} // namespace roughly::pg
