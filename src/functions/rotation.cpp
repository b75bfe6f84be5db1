// A newer key for everything that is sealed.
#include "functions/sealed_values.hpp"
#include "pg/lock.hpp"
#include "pg/procedure.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Statement finish_rotation{"UPDATE roughly.keys SET resealed = pg_catalog.now() WHERE NOT active AND resealed IS NULL", {}};

void seal_anew(Spi &spi, const SealedValue &old) {
  const Key &active = keys::sealing(spi);
  const KeyId id = sealing_key(old.sealed);
  if (id == active.id())
    return;
  const SecretBytes plain = open(keys::by_id(spi, id).subkey(old.purpose), old.sealed, Binding(old.binding));
  old.replace(seal(active.id(), active.subkey(old.purpose), plain, Binding(old.binding)));
}

void notice_new_key() {
  call([] {
    ereport(NOTICE, (errmsg("the key file has a new key"),
                     errhint("Copy it to where its backup is, and to every standby that may be promoted.")));
  });
}

void warn(const std::string &name, const char *why) {
  call([&] { ereport(WARNING, (errmsg("%s cannot be sealed anew: %s", name.c_str(), why), errhidestmt(true))); });
}

} // namespace

ROUGHLY_FUNCTION(roughly_rotate_key) {
  constexpr std::size_t most_warnings = 10;
  Procedure procedure(fcinfo);
  const std::optional<ScopedLock> lock = ScopedLock::try_take(lock_tag(LockKind::rotation, 0, 0));
  if (!lock)
    throw Error(Errc::under_way, "the key of this database is being rotated already");
  if (procedure.commit(keys::begin_rotation))
    notice_new_key();

  std::size_t failed = 0;
  SealedValues values;
  const auto portion = [&](Spi &spi) {
    return values.next(spi, [&](const SealedValue &value) {
      check_for_interrupts();
      try {
        seal_anew(spi, value);
      } catch (const Error &error) {
        if (error.code() != Errc::corrupted && error.code() != Errc::key_unknown)
          throw;
        if (++failed <= most_warnings)
          warn(value.name, error.what());
      }
    });
  };
  while (procedure.commit(portion)) {
  }
  if (failed > 0)
    throw Error(Errc::corrupted, "not every value could be sealed anew, and the older keys stay needed",
                "roughly_check() names what is wrong. Mend it, then call roughly_rotate_key() again.");
  procedure.commit([](Spi &spi) { return spi.write(finish_rotation).affected(); });
  return void_result();
}
