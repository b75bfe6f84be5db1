// Included last by every core source: core must never see PostgreSQL.
#ifdef POSTGRES_H
#error "src/core includes PostgreSQL headers"
#endif
