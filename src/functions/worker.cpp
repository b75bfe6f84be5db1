#include "functions/worker.hpp"

#include "functions/publish.hpp"
#include "pg/settings.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

void publish_once() {
  call([] {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
  });
  if (call(get_extension_oid, "roughly_auth", true) != InvalidOid) { // else not yet, or no longer
    Procedure procedure;
    publish_due(procedure);
  }
  call(CommitTransactionCommand);
}

void wait_for_turn() {
  const long milliseconds = settings::worker_interval() * 1000L;
  WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
  }
}

void register_worker(const char *database) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = settings::worker_interval();
  snprintf(worker.bgw_name, sizeof worker.bgw_name, "roughly_auth publisher of %s", database);
  strlcpy(worker.bgw_type, "roughly_auth publisher", sizeof worker.bgw_type);
  strlcpy(worker.bgw_library_name, "roughly_auth", sizeof worker.bgw_library_name);
  strlcpy(worker.bgw_function_name, "roughly_worker_main", sizeof worker.bgw_function_name);
  strlcpy(worker.bgw_extra, database, sizeof worker.bgw_extra);
  RegisterBackgroundWorker(&worker);
}

} // namespace

extern "C" {
#pragma GCC visibility push(default)
void roughly_worker_main(Datum);
#pragma GCC visibility pop
}

// An error is logged and ends the worker; the postmaster starts it again after an interval.
void roughly_worker_main(Datum) {
  boundary([] {
    call([] {
      pqsignal(SIGHUP, SignalHandlerForConfigReload);
      pqsignal(SIGTERM, die);
      BackgroundWorkerUnblockSignals();
      BackgroundWorkerInitializeConnection(MyBgworkerEntry->bgw_extra, nullptr, 0);
    });
    for (;;) {
      call(wait_for_turn);
      call([] { pgstat_report_activity(STATE_RUNNING, "CALL roughly_publish_due()"); });
      publish_once();
      call([] { pgstat_report_activity(STATE_IDLE, nullptr); });
    }
  });
}

void roughly::register_workers() {
  if (!process_shared_preload_libraries_in_progress)
    return;
  const bool listed = call([] {
    List *databases = NIL;
    if (!SplitIdentifierString(pstrdup(settings::worker_databases()), ',', &databases))
      return false;
    ListCell *cell = nullptr;
    foreach (cell, databases)
      register_worker(static_cast<const char *>(lfirst(cell)));
    return true;
  });
  if (!listed)
    throw Error(Errc::invalid_argument, "roughly_auth.worker_databases is not a list of names");
}
