#include "pg/procedure.hpp"

namespace roughly::pg {

Procedure::Procedure(FunctionCallInfo fcinfo) {
  const Node *context = fcinfo->context;
  if (context == nullptr || !IsA(context, CallContext) || reinterpret_cast<const CallContext *>(context)->atomic)
    throw Error(Errc::active_transaction, "this procedure cannot run inside a transaction block",
                "It commits each of its steps. Call it on its own, outside of BEGIN.");
  call([] { PreventCommandIfReadOnly("CALL"); });
  outer_.emplace(Spi::Mode::nonatomic);
  call(SPI_commit);
}

Procedure::Procedure() {
  outer_.emplace(Spi::Mode::nonatomic);
}

void Procedure::begin() {
  XactIsoLevel = XACT_READ_COMMITTED; // before the transaction's first snapshot
  call([] {
    set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
    if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
      set_config_option("synchronous_commit", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
  });
}

} // namespace roughly::pg
