// SQL run from C++: statements prepared once per backend, their rows as C++ values.
#pragma once

#include "pg/scope.hpp"
#include "pg/value.hpp"

namespace roughly::pg {

// The result of a statement, freed with this object.
class Rows {
public:
  Rows() : table_(SPI_tuptable), count_(static_cast<std::size_t>(SPI_processed)) {}
  Rows(Rows &&other) noexcept : table_(std::exchange(other.table_, nullptr)), count_(other.count_) {}
  Rows &operator=(Rows &&other) noexcept {
    std::swap(table_, other.table_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~Rows() {
    if (table_ != nullptr && PgError::in_flight() == errors_) // else the abort frees it
      SPI_freetuptable(table_);
  }

  [[nodiscard]] std::size_t size() const noexcept { return table_ != nullptr ? count_ : 0; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t affected() const noexcept { return count_; } // without RETURNING

  // Columns are numbered from 1, as in SPI.
  template <class T> [[nodiscard]] std::optional<T> optional(std::size_t row, int column) const {
    bool null = false;
    const Datum datum = call([&] { return SPI_getbinval(table_->vals[row], table_->tupdesc, column, &null); });
    return null ? std::nullopt : std::optional<T>(from_datum<T>(datum));
  }
  template <class T> [[nodiscard]] T get(std::size_t row, int column) const {
    return stored(optional<T>(row, column));
  }

  // The value itself, copied for the caller of the function; for types C++ has no use for.
  [[nodiscard]] Datum copied(std::size_t row, int column) const {
    return stored(call([&] {
      bool null = false;
      const Datum datum = SPI_getbinval(table_->vals[row], table_->tupdesc, column, &null);
      return null ? std::nullopt : std::optional(SPI_datumTransfer(datum, false, -1));
    }));
  }

private:
  SPITupleTable *table_;
  std::size_t count_;
  int errors_ = PgError::in_flight();
};

// A statement of fixed text, prepared at first use and kept for the backend's life. Only ever run as roughly_owner:
// a kept plan remembers how row-level security applied.
class Statement {
public:
  static constexpr std::size_t most_arguments = 20;

  constexpr Statement(const char *sql, std::initializer_list<Oid> types) : sql_(sql), count_(types.size()) {
    std::copy(types.begin(), types.end(), types_.begin());
  }
  Statement(const Statement &) = delete;
  Statement &operator=(const Statement &) = delete;

private:
  friend class Spi;
  [[nodiscard]] SPIPlanPtr plan();

  const char *sql_;
  std::array<Oid, most_arguments> types_{};
  std::size_t count_;
  SPIPlanPtr plan_ = nullptr;
};

// A connection to SPI.
class Spi {
public:
  // nonatomic: a procedure that commits. deferred: connected, with search_path pinned, when the first statement comes; for
  // functions that seldom run one and therefore have no SET search_path. No subtransaction may begin before that.
  enum class Mode { atomic, nonatomic, deferred };

  explicit Spi(Mode mode = Mode::atomic);
  // After a PostgreSQL error the innermost connection may be someone else's (PL/pgSQL never closes its own); the
  // coming abort closes them all.
  ~Spi();
  Spi(const Spi &) = delete;
  Spi &operator=(const Spi &) = delete;

  // Reads with the caller's snapshot: for STABLE functions.
  Rows read(Statement &statement, std::initializer_list<Value> arguments = {});
  // Reads what is committed at this very moment, whatever the isolation level.
  Rows read_latest(Statement &statement, std::initializer_list<Value> arguments = {});
  // Writes, or reads what this transaction wrote.
  Rows write(Statement &statement, std::initializer_list<Value> arguments = {});
  // Runs `statement` once and hands its rows over in portions, so that memory stays bounded by work_mem.
  template <class F> void stream(Statement &statement, std::initializer_list<Value> arguments, F each);

private:
  class Cursor;
  void connect(int options);
  void be_connected();
  Rows run(Statement &statement, std::initializer_list<Value> arguments, bool read_only, Snapshot snapshot);

  std::optional<PinnedPath> path_; // given back after the connection
  bool connected_ = false;
  MemoryContext outer_ = nullptr; // where we were before connecting
  int errors_ = PgError::in_flight();
};

// A portal over a statement's rows, closed at the end of the scope.
class Spi::Cursor {
public:
  Cursor(Statement &statement, std::initializer_list<Value> arguments);
  ~Cursor();
  Cursor(const Cursor &) = delete;
  Cursor &operator=(const Cursor &) = delete;
  Rows fetch();

private:
  Portal portal_;
  int errors_ = PgError::in_flight();
};

template <class F> void Spi::stream(Statement &statement, std::initializer_list<Value> arguments, F each) {
  be_connected();
  Cursor cursor(statement, arguments);
  for (;;) {
    const Rows rows = cursor.fetch();
    if (rows.empty())
      return;
    const TemporaryContext scratch("roughly_auth rows"); // what decoding a row leaves behind
    for (std::size_t i = 0; i < rows.size(); ++i)
      each(rows, i);
    check_for_interrupts();
  }
}

} // namespace roughly::pg
