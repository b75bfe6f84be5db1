// The scheduler we bring: a background worker for each database of roughly_auth.worker_databases.
#pragma once

namespace roughly {

void register_workers(); // from _PG_init; does nothing unless the library is preloaded

} // namespace roughly
