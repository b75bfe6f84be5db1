// The bridge between PostgreSQL's longjmp errors and C++ exceptions. Two laws, and everything here exists to keep them:
//   1. no C++ exception leaves an extern "C" function   -> boundary()
//   2. no longjmp crosses a frame with live destructors -> call()
// Nobody else writes PG_TRY or ereport(ERROR). The traps behind each line: docs/architecture.md.
#pragma once

#include "core/bytes.hpp"
#include "pg/postgres.hpp"
#include "pg/sqlstate.hpp"

namespace roughly::pg {

// An ereport(ERROR) raised by PostgreSQL below call(). Swallow it only inside a Subtransaction: elsewhere the
// transaction is already broken.
class PgError final : public std::exception {
public:
  explicit PgError(ErrorData *data) noexcept : data_(data) { ++in_flight_; }
  PgError(PgError &&other) noexcept : data_(std::move(other.data_)) { ++in_flight_; }
  PgError &operator=(PgError &&) = delete;
  ~PgError() override { --in_flight_; }

  // How many are being unwound or handled: destructors ask whether an abort is coming.
  [[nodiscard]] static int in_flight() noexcept { return in_flight_; }

  [[nodiscard]] const char *what() const noexcept override { return data_->message ? data_->message : ""; }
  [[nodiscard]] int sqlstate() const noexcept { return data_->sqlerrcode; }
  [[nodiscard]] ErrorData *release() noexcept { return data_.release(); }

private:
  struct Free {
    void operator()(ErrorData *data) const noexcept { FreeErrorData(data); }
  };
  std::unique_ptr<ErrorData, Free> data_;
  static inline constinit int in_flight_ = 0;
};

namespace detail {

// Memory that outlives every C++ object of the running boundary. An error copied into CurrentMemoryContext would die
// with the first unwound scope that owns that context (an SPI connection, a temporary context).
inline constinit MemoryContext error_home = nullptr;

// The single sigsetjmp of the extension. Returns false when `body` raised an error, which is then still pending in
// elog's state. Everything errfinish() or the longjmp disturbed is put back, so destructors that run next see the
// world as it was before the call.
[[gnu::noinline]] inline bool attempt(void (*body)(void *), void *arg) {
  struct Frame {
    sigjmp_buf *handler = PG_exception_stack;
    ErrorContextCallback *callbacks = error_context_stack;
    MemoryContext context = CurrentMemoryContext;
    MemoryContext home = error_home;
    uint32 holdoff = InterruptHoldoffCount;
    uint32 cancel_holdoff = QueryCancelHoldoffCount;
    ~Frame() {
      PG_exception_stack = handler;
      error_context_stack = callbacks;
    }
  } const frame;

  sigjmp_buf landing;
  if (sigsetjmp(landing, 0) == 0) {
    PG_exception_stack = &landing;
    body(arg);
    return true;
  }
  CurrentMemoryContext = frame.context;
  error_home = frame.home;
  InterruptHoldoffCount = frame.holdoff;
  QueryCancelHoldoffCount = frame.cancel_holdoff;
  return false;
}

inline void protect(void (*body)(void *), void *arg) {
  if (likely(attempt(body, arg)))
    return;
  ErrorData *data = nullptr;
  const bool copied = attempt(
      [](void *out) {
        CurrentMemoryContext = error_home;
        *static_cast<ErrorData **>(out) = CopyErrorData();
      },
      &data);
  CurrentMemoryContext = copied ? CurrentMemoryContext : error_home;
  FlushErrorState();
  if (!copied)
    throw std::bad_alloc();
  throw PgError(data);
}

} // namespace detail

// Runs code that may ereport(ERROR); rethrows the error as PgError. `f` is a piece of C written in C++: it must not
// own anything.
template <class F>
  requires std::is_class_v<std::remove_cvref_t<F>>
auto call(F &&f) -> std::invoke_result_t<F &> {
  using Result = std::invoke_result_t<F &>;
  using Body = std::remove_reference_t<F>;
  static_assert(std::is_trivially_destructible_v<Body>, "longjmp skips destructors: capture by reference");
  if constexpr (std::is_void_v<Result>) {
    detail::protect([](void *p) { (*static_cast<Body *>(p))(); }, &f);
  } else {
    static_assert(std::is_trivially_destructible_v<Result>, "longjmp skips destructors: return plain data");
    struct Frame {
      Body &body;
      Result result;
    } frame{f, {}};
    detail::protect([](void *p) { static_cast<Frame *>(p)->result = static_cast<Frame *>(p)->body(); }, &frame);
    return frame.result;
  }
}

template <class R, class... P, class... A>
R call(R (*function)(P...), A... args) {
  static_assert((std::is_trivially_destructible_v<A> && ...), "pass plain data to C functions");
  return call([&]() -> R { return function(args...); });
}

// Fails with a SQLSTATE of PostgreSQL's own; for errors of ours throw Error.
[[noreturn]] inline void fail(int sqlstate, const std::string &message, const char *hint) {
  const char *text = message.c_str();
  call([&] { ereport(ERROR, (errcode(sqlstate), errmsg_internal("%s", text), errhint("%s", hint))); });
  pg_unreachable();
}

inline void check_for_interrupts() {
  if (INTERRUPTS_PENDING_CONDITION())
    call([] { ProcessInterrupts(); });
}

namespace detail {

struct Pending { // plain data: survives longjmp
  Report report{0, nullptr};
  const char *message = nullptr;
  const char *hint = nullptr;
};

inline const char *keep(MemoryContext context, std::string_view text) noexcept {
  constexpr std::size_t longest = 64 * 1024;
  const std::string_view kept = shortened(text, longest);
  auto *copy = static_cast<char *>(MemoryContextAllocExtended(context, kept.size() + 1, MCXT_ALLOC_NO_OOM));
  if (copy == nullptr)
    return "out of memory";
  kept.copy(copy, kept.size());
  copy[kept.size()] = '\0';
  return copy;
}

// Our statements hold tokens, passwords and choices: no error of ours brings them to the log, and no violated
// constraint shows its row.
[[noreturn, gnu::cold]] inline void raise(ErrorData *error, const Pending &pending) {
  if (error != nullptr) {
    InterruptHoldoffCount = 0; // as errfinish() does before its own longjmp
    QueryCancelHoldoffCount = 0;
    error->hide_stmt = true;
    error->hide_ctx = true;
    error->context = nullptr; // names of closed tables, in our statements
    if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
      error->detail = error->detail_log = nullptr;
    ReThrowError(error);
  }
  ereport(ERROR, (errcode(pending.report.sqlstate), errmsg_internal("%s", pending.message),
                  pending.hint ? errhint("%s", pending.hint) : 0, errhidestmt(true), errhidecontext(true),
                  pending.report.constraint ? err_generic_string(PG_DIAG_CONSTRAINT_NAME, pending.report.constraint) : 0));
  pg_unreachable();
}

} // namespace detail

// Runs a C++ body that PostgreSQL calls; every exception leaves it as an ereport(ERROR), raised after the last
// C++ object is gone.
template <class F>
auto boundary(F &&body) -> std::invoke_result_t<F &> {
  const MemoryContext outer_home = detail::error_home;
  const MemoryContext home = CurrentMemoryContext;
  ErrorData *error_data = nullptr;
  detail::Pending pending;

  detail::error_home = home;
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F &>>) {
      body();
      detail::error_home = outer_home;
      return;
    } else {
      auto result = body();
      detail::error_home = outer_home;
      return result;
    }
  } catch (PgError &error) {
    error_data = error.release();
  } catch (const Error &error) {
    pending = {report_of(error.code()), detail::keep(home, error.what()),
               error.hint().empty() ? nullptr : detail::keep(home, error.hint())};
  } catch (const std::bad_alloc &) {
    pending = {{ERRCODE_OUT_OF_MEMORY, nullptr}, "out of memory", nullptr};
  } catch (const std::exception &error) {
    pending = {{ERRCODE_INTERNAL_ERROR, nullptr}, detail::keep(home, error.what()), nullptr};
  } catch (...) {
    pending = {{ERRCODE_INTERNAL_ERROR, nullptr}, "unknown C++ exception", nullptr};
  }
  detail::error_home = outer_home;
  detail::raise(error_data, pending);
}

// ROUGHLY_FUNCTION(name) { ... } defines the SQL-callable function `name`.
// The visibility pragma is for PostgreSQL 13-15, where PGDLLEXPORT is empty:
// https://github.com/postgres/postgres/commit/089480c077056fc20fa8d8f5a3032a9dcf5ed812
#define ROUGHLY_FUNCTION(name)                                                                                         \
  static Datum name##_body(FunctionCallInfo fcinfo);                                                                   \
  _Pragma("GCC visibility push(default)") extern "C" {                                                                 \
    PG_FUNCTION_INFO_V1(name);                                                                                         \
    Datum name(PG_FUNCTION_ARGS) {                                                                                     \
      return ::roughly::pg::boundary([fcinfo] { return name##_body(fcinfo); });                                        \
    }                                                                                                                  \
  }                                                                                                                    \
  _Pragma("GCC visibility pop") static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)

} // namespace roughly::pg
