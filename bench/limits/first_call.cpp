// An extension that does nothing but what nobody can leave out of a first call: its library is as small as one can be, linked
// with what ours is linked with. -DSETTINGS=n defines as many settings; -DREADS opens the tables that authenticating reads.
#include "pg/postgres.hpp"

#include <crypt.h>
#include <sodium.h>

extern "C" {
#pragma GCC visibility push(default)
PG_MODULE_MAGIC;
void _PG_init(void);
PG_FUNCTION_INFO_V1(first_call);
Datum first_call(PG_FUNCTION_ARGS);
#pragma GCC visibility pop
}

namespace {

#ifdef SETTINGS
int settings[SETTINGS];
#endif

#ifdef READS
void open_and_scan(const char *name, const char *index) {
  const Oid schema = get_namespace_oid("roughly", false);
  const Relation table = table_open(get_relname_relid(name, schema), AccessShareLock);
  const Oid by = get_relname_relid(index, schema);
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  ScanKeyData condition;
  const pg_uuid_t nobody = {};
  if (OidIsValid(by))
    ScanKeyInit(&condition, 2, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&nobody));
  const SysScanDesc scan = systable_beginscan(table, by, OidIsValid(by), snapshot, OidIsValid(by) ? 1 : 0, &condition);
  while (systable_getnext(scan) != nullptr)
    ;
  systable_endscan(scan);
  UnregisterSnapshot(snapshot);
  table_close(table, NoLock);
}
#endif

} // namespace

void _PG_init(void) {
  if (sodium_init() < 0 || crypt_preferred_method() == nullptr)
    elog(ERROR, "the libraries cannot be used");
#ifdef SETTINGS
  for (int i = 0; i < SETTINGS; ++i)
    DefineCustomIntVariable(pstrdup(psprintf("roughly_limit.setting_%d", i)), nullptr, nullptr, &settings[i], 1, 0, 2, PGC_USERSET, 0,
                            nullptr, nullptr, nullptr);
#endif
}

Datum first_call(FunctionCallInfo) {
#ifdef READS
  open_and_scan("user_tokens", "user_tokens_user_id");
  open_and_scan("keys", "");
#endif
  PG_RETURN_VOID();
}
