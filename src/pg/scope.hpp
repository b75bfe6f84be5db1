// What must be given back: memory contexts, subtransactions, the user switch. Destructors run before the transaction
// aborts, so PostgreSQL's resources are still valid and are released in order. They never throw.
#pragma once

#include "pg/bridge.hpp"

namespace roughly::pg {

// A memory context that is current inside the scope and gone after it.
class TemporaryContext {
public:
  explicit TemporaryContext(const char *name)
      : outer_(CurrentMemoryContext), context_(call([&] {
          return AllocSetContextCreateInternal(CurrentMemoryContext, name, ALLOCSET_SMALL_SIZES);
        })) {
    CurrentMemoryContext = context_;
  }
  ~TemporaryContext() {
    CurrentMemoryContext = outer_;
    MemoryContextDelete(context_);
  }
  TemporaryContext(const TemporaryContext &) = delete;
  TemporaryContext &operator=(const TemporaryContext &) = delete;

  void reset() noexcept { MemoryContextReset(context_); }

private:
  MemoryContext outer_, context_;
};

// The one place where a PgError may be swallowed.
class Subtransaction {
public:
  Subtransaction() : context_(CurrentMemoryContext), owner_(CurrentResourceOwner) {
    call([] { BeginInternalSubTransaction(nullptr); });
    CurrentMemoryContext = context_;
  }
  ~Subtransaction() {
    if (open_)
      detail::attempt([](void *) { RollbackAndReleaseCurrentSubTransaction(); }, nullptr);
    restore();
  }
  void commit() {
    call([] { ReleaseCurrentSubTransaction(); });
    open_ = false;
    restore();
  }
  Subtransaction(const Subtransaction &) = delete;
  Subtransaction &operator=(const Subtransaction &) = delete;

private:
  void restore() noexcept {
    CurrentMemoryContext = context_;
    CurrentResourceOwner = owner_;
  }
  MemoryContext context_;
  ResourceOwner owner_;
  bool open_ = true;
};

// Acts as roughly_owner, never as a superuser, with row-level security lifted for its own tables only (they are
// FORCEd, so whoever else becomes roughly_owner sees nothing). Must end before a commit.
class AsOwner {
public:
  AsOwner() {
    GetUserIdAndSecContext(&user_, &context_);
    const Oid owner = call(get_role_oid, "roughly_owner", false);
    SetUserIdAndSecContext(owner, context_ | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
  }
  ~AsOwner() { SetUserIdAndSecContext(user_, context_); }
  AsOwner(const AsOwner &) = delete;
  AsOwner &operator=(const AsOwner &) = delete;

private:
  Oid user_;
  int context_;
};

// search_path pinned for statements of a function without SET search_path, which has its price at every call.
class PinnedPath {
public:
  PinnedPath() : level_(NewGUCNestLevel()) {
    call([] { set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false); });
  }
  ~PinnedPath() { AtEOXact_GUC(true, level_); }
  PinnedPath(const PinnedPath &) = delete;
  PinnedPath &operator=(const PinnedPath &) = delete;

private:
  int level_;
};

} // namespace roughly::pg
