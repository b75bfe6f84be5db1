// Every function proves one claim of src/pg/{bridge,scope,spi,value,compat}.hpp; leaks.t asks them.
#include "../plants.hpp"
#include "pg/compat.hpp"
#include "pg/spi.hpp"

#include <malloc.h>
#include <stdexcept>

extern "C" {
#pragma GCC visibility push(default)
#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(.name = "roughly_bridge_test");
#else
PG_MODULE_MAGIC;
#endif
#pragma GCC visibility pop
}

using namespace roughly;
using namespace roughly::pg;

namespace {

// Counts live objects: its destructor must run on every path. Heavy enough to be seen in the heap as well.
class Probe {
public:
  Probe() { ++live_; }
  Probe(const Probe &) = delete;
  Probe &operator=(const Probe &) = delete;
  ~Probe() { --live_; }
  [[nodiscard]] static long live() noexcept { return live_; }

private:
  static inline constinit long live_ = 0;
  std::string weight_ = std::string(256, 'x');
};

// What a lock's guard does to the holdoff count, which errfinish() zeroes before its longjmp: without attempt()'s
// repair the count would wrap around, and nobody could cancel this backend any more.
class HoldInterrupts {
public:
  HoldInterrupts() { HOLD_INTERRUPTS(); }
  HoldInterrupts(const HoldInterrupts &) = delete;
  HoldInterrupts &operator=(const HoldInterrupts &) = delete;
  ~HoldInterrupts() { RESUME_INTERRUPTS(); }
};

// Reuses and overwrites what unwinding has just freed: an ErrorData that lay there is garbage afterwards.
class Scribble {
public:
  Scribble() = default;
  Scribble(const Scribble &) = delete;
  Scribble &operator=(const Scribble &) = delete;
  ~Scribble() {
    constexpr std::size_t blocks = 64;
    std::array<void *, 2 * blocks> all{};
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t size = i < blocks ? 8192 : 32 * 1024;
      all[i] = malloc(size);
      if (all[i] != nullptr)
        memset(all[i], 0x7f, size);
      asm volatile("" : : "r"(all[i]) : "memory"); // the compiler may not drop it
    }
    for (void *block : all)
      free(block);
  }
};

// A Statement lives as long as the backend; so do these, one for each text.
Statement &statement(const std::string &sql) {
  static constinit std::map<std::string, std::unique_ptr<Statement>> *known = nullptr;
  if (known == nullptr)
    known = new std::map<std::string, std::unique_ptr<Statement>>;
  const auto place = known->try_emplace(sql).first;
  if (!place->second)
    place->second = std::make_unique<Statement>(place->first.c_str(), std::initializer_list<Oid>{});
  return *place->second;
}

std::string wide_message() {
  std::string message = "z";
  for (int i = 0; i < 50'000; ++i)
    message += "\xc3\xa9";
  return message;
}

std::int64_t processed() { return static_cast<std::int64_t>(SPI_processed); }

std::string user_name() {
  return call([] { return GetUserNameFromId(GetUserId(), false); });
}

Datum int8_result(std::int64_t number) { return value(number).datum; }

} // namespace

// C++ exceptions of every kind become errors with their own SQLSTATE.
ROUGHLY_FUNCTION(bridge_throw) {
  const Probe probe;
  const auto kind = Arguments(fcinfo).get<std::string>(0, "kind");
  if (kind == "error")
    throw Error(Errc::invalid_argument, "this is wrong", "Try something else.");
  if (kind == "voted")
    throw Error(Errc::already_voted, "one vote each");
  if (kind == "unauthenticated")
    throw Error(Errc::unauthenticated, "who are you");
  if (kind == "percent")
    throw Error(Errc::invalid_argument, "%s%n is not a format", "%s%n%d");
  if (kind == "long")
    throw Error(Errc::invalid_argument, std::string(100'000, 'y'));
  if (kind == "wide") // two bytes each, from an odd place on
    throw Error(Errc::invalid_argument, wide_message());
  if (kind == "std")
    throw std::runtime_error("a standard exception, %s%n");
  if (kind == "bad_alloc")
    throw std::bad_alloc();
  if (kind == "int")
    throw 42;
  return text_result(kind);
}

// PostgreSQL errors unwind C++ objects, an SPI connection, held-off interrupts, a memory context.
ROUGHLY_FUNCTION(bridge_execute) {
  const Probe probe;
  const auto command = Arguments(fcinfo).get<std::string>(0, "command");
  std::int64_t rows = 0;
  {
    const HoldInterrupts hold;
    const TemporaryContext scratch("bridge scratch");
    Spi spi;
    spi.write(statement(command));
    rows = processed();
  }
  return int8_result(rows);
}

// Reading, with the caller's snapshot and with the latest one.
ROUGHLY_FUNCTION(bridge_read) {
  const Probe probe;
  const Arguments arguments(fcinfo);
  const auto command = arguments.get<std::string>(0, "command");
  Spi spi;
  const Rows rows = arguments.get<bool>(1, "latest") ? spi.read_latest(statement(command)) : spi.read(statement(command));
  return int8_result(rows.get<std::int64_t>(0, 1));
}

// The error in flight outlives the SPI connection it was raised under.
ROUGHLY_FUNCTION(bridge_scribble) {
  const auto command = Arguments(fcinfo).get<std::string>(0, "command");
  const Scribble scribble; // destroyed after the connection
  Spi spi;
  spi.write(statement(command));
  return int8_result(processed());
}

// A PostgreSQL error handled in C++, inside a subtransaction.
ROUGHLY_FUNCTION(bridge_try) {
  const Probe probe;
  const auto command = Arguments(fcinfo).get<std::string>(0, "command");
  std::string outcome = "ok";
  try {
    Subtransaction attempt;
    {
      const HoldInterrupts hold;
      Spi spi;
      spi.write(statement(command));
    }
    attempt.commit();
  } catch (const PgError &error) {
    outcome = unpack_sql_state(error.sqlstate()) + std::string(": ") + error.what();
  }
  return text_result(outcome);
}

// Whoever called is back, and only the scope was roughly_owner; the error is handled without a subtransaction's help.
ROUGHLY_FUNCTION(bridge_as_owner) {
  const Probe probe;
  const auto command = Arguments(fcinfo).get<std::string>(0, "command");
  std::string inside, outcome = "ok";
  const std::string before = user_name();
  Subtransaction attempt;
  try {
    const AsOwner owner;
    inside = user_name();
    Spi spi;
    spi.write(statement(command));
  } catch (const PgError &error) {
    outcome = unpack_sql_state(error.sqlstate());
  }
  return text_result(before + ", " + inside + ", " + user_name() + ": " + outcome);
}

// A cursor whose loop fails at row `at`: by a C++ exception, or by a PostgreSQL error raised below (nested).
ROUGHLY_FUNCTION(bridge_stream) {
  const Probe probe;
  const Arguments arguments(fcinfo);
  const auto command = arguments.get<std::string>(0, "command");
  const auto at = arguments.get<std::int64_t>(1, "at");
  const auto nested = arguments.get<bool>(2, "nested");
  std::int64_t seen = 0;
  Spi spi;
  spi.stream(statement(command), {}, [&](const Rows &rows, std::size_t i) {
    const Probe inner;
    const auto row = rows.get<std::string>(i, 1);
    if (++seen != at)
      return;
    if (!nested)
      throw Error(Errc::invalid_argument, "row " + row);
    const TemporaryContext scratch("bridge scratch");
    Spi below;
    below.write(statement("SELECT 1/0"));
  });
  return int8_result(seen);
}

ROUGHLY_FUNCTION(bridge_rows) {
  const Probe probe;
  const Arguments arguments(fcinfo);
  const auto count = arguments.get<std::int32_t>(0, "count"), fail_at = arguments.get<std::int32_t>(1, "fail_at");
  RowSet rows(fcinfo);
  for (std::int32_t n = 1; n <= count; ++n) {
    check_for_interrupts();
    if (n == fail_at)
      throw Error(Errc::invalid_argument, "row " + std::to_string(n));
    const std::string label = "row " + std::to_string(n);
    rows.put({value(n), n % 3 == 0 ? Value{} : value(std::string_view(label))});
  }
  return void_result();
}

// Arguments of any size become C++ values, and a null inside is refused.
ROUGHLY_FUNCTION(bridge_texts) {
  const Probe probe;
  const auto texts = Arguments(fcinfo).get<std::vector<std::string>>(0, "texts");
  std::string all;
  for (const std::string &one : texts)
    all += one;
  return text_result(std::to_string(texts.size()) + " texts, " + std::to_string(all.size()) + " bytes");
}

// A loop that can be cancelled, holding resources.
ROUGHLY_FUNCTION(bridge_spin) {
  const Probe probe;
  const TemporaryContext scratch("bridge scratch");
  for (;;) {
    check_for_interrupts();
    call(pg_usleep, 1000L);
  }
}

// Negative control: ereport without call() skips the destructors.
ROUGHLY_FUNCTION(bridge_unprotected) {
  const Probe probe;
  ereport(ERROR, (errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("unprotected")));
}

// For script/sanitize: whether its instruments see anything here.
ROUGHLY_FUNCTION(bridge_plant) {
  plants::plant(Arguments(fcinfo).get<std::string>(0, "kind"));
  return void_result();
}

ROUGHLY_FUNCTION(bridge_live) { return int8_result(Probe::live()); }
ROUGHLY_FUNCTION(bridge_in_flight) { return int8_result(PgError::in_flight()); }
ROUGHLY_FUNCTION(bridge_holdoff) {
  return int8_result(static_cast<std::int64_t>(InterruptHoldoffCount) + static_cast<std::int64_t>(QueryCancelHoldoffCount));
}
ROUGHLY_FUNCTION(bridge_heap) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  const struct mallinfo2 info = mallinfo2();
#else
  const struct mallinfo info = mallinfo();
#endif
  return int8_result(static_cast<std::int64_t>(info.uordblks) + static_cast<std::int64_t>(info.hblkhd));
}
