#include "pg/hash_gate.hpp"

#include "pg/settings.hpp"

namespace roughly::pg {

std::optional<ScopedLock> enter_hash_gate() {
  constexpr int tries = 100;
  constexpr long pause = 10'000; // microseconds
  for (int i = 0; i < tries; ++i) {
    for (std::uint32_t slot = 0; slot < settings::hash_slots(); ++slot)
      if (std::optional<ScopedLock> lock = ScopedLock::try_take(lock_tag(LockKind::hash_slot, 0, slot)))
        return lock;
    call(pg_usleep, pause);
    check_for_interrupts();
  }
  return std::nullopt;
}

ScopedLock require_hash_gate() {
  std::optional<ScopedLock> slot = enter_hash_gate();
  if (!slot)
    throw Error(Errc::program_limit, "too many passwords are being hashed", "Try again in a moment, or raise roughly_auth.hash_slots.");
  return std::move(*slot);
}

} // namespace roughly::pg
