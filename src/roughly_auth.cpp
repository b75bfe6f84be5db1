// The module: what PostgreSQL loads.
#include "functions/worker.hpp"
#include "pg/identity.hpp"
#include "pg/key_loader.hpp"
#include "pg/settings.hpp"
#include "pg/table.hpp"
#include "pg/throttle.hpp"

extern "C" {
#pragma GCC visibility push(default)
#ifdef PG_MODULE_MAGIC_EXT // https://github.com/postgres/postgres/commit/9324c8c580655800331b0582b770e88c01b7a5c9
PG_MODULE_MAGIC_EXT(.name = "roughly_auth", .version = nullptr);
#else
PG_MODULE_MAGIC;
#endif
void _PG_init(void);
#pragma GCC visibility pop
}

void _PG_init(void) {
  using namespace roughly;
  pg::boundary([] {
    if (sodium_init() < 0)
      throw Error(Errc::internal, "libsodium could not be initialized");
    pg::settings::define();
    pg::keys::init();
    pg::identity::init();
    pg::throttle::init();
    pg::Table::init();
    register_workers();
  });
}
