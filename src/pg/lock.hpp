// Advisory locks of our own kinds, apart from those of pg_advisory_lock().
#pragma once

#include "pg/bridge.hpp"

namespace roughly::pg {

enum class LockKind : std::uint16_t { question = 0x5241, throttle = 0x5242, hash_slot = 0x5243, key_file = 0x5244, rotation = 0x5245 };

inline LOCKTAG lock_tag(LockKind kind, std::uint32_t high, std::uint32_t low) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, high, low, static_cast<std::uint16_t>(kind));
  return tag;
}

// Held for a scope, whatever becomes of the transaction.
class ScopedLock {
public:
  static std::optional<ScopedLock> try_take(const LOCKTAG &tag) {
    const bool taken = call([&] { return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL; });
    return taken ? std::optional<ScopedLock>(ScopedLock(tag)) : std::nullopt;
  }
  static ScopedLock take(const LOCKTAG &tag) {
    call([&] { LockAcquire(&tag, ExclusiveLock, true, false); });
    return ScopedLock(tag);
  }
  ScopedLock(ScopedLock &&other) noexcept : tag_(other.tag_), held_(std::exchange(other.held_, false)) {}
  ScopedLock &operator=(ScopedLock &&) = delete;
  ~ScopedLock() {
    if (held_)
      LockRelease(&tag_, ExclusiveLock, true);
  }

private:
  explicit ScopedLock(const LOCKTAG &tag) : tag_(tag) {}
  LOCKTAG tag_;
  bool held_ = true;
};

} // namespace roughly::pg
