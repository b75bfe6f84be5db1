// What nobody who does our work can leave out, with nothing of ours. The library is as small as one can be; it is linked with
// what ours is linked with and has as many settings. first_call(path) reads a file and the tables that authenticating
// reads; somebody() is the least that a policy can call, and returns what be_somebody(uuid) was told.
#include "pg/postgres.hpp"

#include <crypt.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

extern "C" {
#pragma GCC visibility push(default)
PG_MODULE_MAGIC;
void _PG_init(void);
PG_FUNCTION_INFO_V1(first_call);
PG_FUNCTION_INFO_V1(somebody);
PG_FUNCTION_INFO_V1(be_somebody);
Datum first_call(PG_FUNCTION_ARGS);
Datum somebody(PG_FUNCTION_ARGS);
Datum be_somebody(PG_FUNCTION_ARGS);
#pragma GCC visibility pop
}

namespace {

int settings[10];
pg_uuid_t id;

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

} // namespace

void _PG_init(void) {
  if (sodium_init() < 0 || crypt_preferred_method() == nullptr)
    elog(ERROR, "the libraries cannot be used");
  for (int &setting : settings)
    DefineCustomIntVariable(pstrdup(psprintf("roughly_limit.setting_%d", static_cast<int>(&setting - settings))), nullptr, nullptr,
                            &setting, 1, 0, 2, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

Datum first_call(PG_FUNCTION_ARGS) {
  const int file = open(text_to_cstring(PG_GETARG_TEXT_PP(0)), O_RDONLY | O_CLOEXEC);
  std::array<unsigned char, 4096> bytes;
  if (read(file, bytes.data(), bytes.size()) <= 0 || close(file) != 0)
    elog(ERROR, "the file cannot be read");
  open_and_scan("user_tokens", "user_tokens_user_id");
  open_and_scan("keys", "");
  PG_RETURN_VOID();
}

Datum somebody(FunctionCallInfo) {
  PG_RETURN_UUID_P(&id);
}

Datum be_somebody(PG_FUNCTION_ARGS) {
  id = *PG_GETARG_UUID_P(0);
  PG_RETURN_VOID();
}
