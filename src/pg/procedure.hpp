// Procedures that commit. Each step is a transaction of its own, READ COMMITTED and durable whatever the session's
// settings, run as roughly_owner inside a subtransaction, so that a failed step leaves the next one a clean start.
#pragma once

#include "pg/spi.hpp"

namespace roughly::pg {

class Procedure {
public:
  // Commits what the caller has done so far. Errc::active_transaction inside a transaction block.
  explicit Procedure(FunctionCallInfo fcinfo);
  Procedure(); // for a background worker, in a transaction of its own

  // Runs `step(Spi &)` and commits; an error leaves nothing of it.
  template <class Step> auto commit(Step step) -> std::invoke_result_t<Step &, Spi &> {
    begin();
    const auto run = [&] {
      const ActiveSnapshot snapshot;
      Subtransaction attempt;
      auto result = in_scope(step);
      attempt.commit();
      return result;
    };
    auto result = run();
    call(SPI_commit);
    return result;
  }

private:
  // Detoasting needs a snapshot that outlives the statement.
  struct ActiveSnapshot {
    ActiveSnapshot() {
      call([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    }
    ~ActiveSnapshot() { PopActiveSnapshot(); }
    ActiveSnapshot(const ActiveSnapshot &) = delete;
    ActiveSnapshot &operator=(const ActiveSnapshot &) = delete;
  };
  template <class Step> static auto in_scope(Step &step) {
    const AsOwner owner;
    Spi spi;
    return step(spi);
  }
  static void begin();

  std::optional<Spi> outer_;
};

} // namespace roughly::pg
