// Rows found by an index and read, or added, without a statement, for what every request needs. For reading nobody's
// privileges are asked, nor row-level security; the caller decides whose row it is. What belongs to a question may be kept elsewhere by an
// engine below (docs/scaling.md): what is not found here is then asked for by a statement, and nothing is added here.
#pragma once

#include "pg/scope.hpp"
#include "pg/value.hpp"

namespace roughly::pg {

// A row as somebody has written it: whatever is changed, another place or transaction is named.
struct RowVersion {
  ItemPointerData place;
  TransactionId writer;
};

// Where this backend has lately found rows, each by a number of its own: a hint, which costs a visit to the row instead
// of one to the index, and another one where it is out of date.
class KnownPlaces {
public:
  [[nodiscard]] const ItemPointerData *find(std::uint64_t number) const noexcept {
    const Known &known = known_[number % size];
    return known.number == number && ItemPointerIsValid(&known.place) ? &known.place : nullptr;
  }
  void remember(std::uint64_t number, const ItemPointerData &place) noexcept {
    known_[number % size] = {number, place};
  }

private:
  static constexpr std::size_t size = 256;
  struct Known {
    std::uint64_t number;
    ItemPointerData place;
  };
  std::array<Known, size> known_{};
};

// A table of schema roughly, by one of its indexes; where it is and where its columns are is looked up once, and again after
// anything about tables has changed.
class Table {
public:
  static constexpr std::size_t most_columns = 10;

  // A row's wanted columns, numbered from 1 as in Rows.
  class Row {
  public:
    template <class T> [[nodiscard]] std::optional<T> optional(int column) const {
      return nulls_[column - 1] ? std::nullopt : std::optional<T>(from_datum<T>(columns_[column - 1]));
    }
    template <class T> [[nodiscard]] T get(int column) const { return stored(optional<T>(column)); }
    [[nodiscard]] Datum datum(int column) const { // as it is stored
      return stored(nulls_[column - 1] ? std::nullopt : std::optional(columns_[column - 1]));
    }
    [[nodiscard]] std::size_t position() const noexcept { return position_; } // of the keys it was found by
    [[nodiscard]] const ItemPointerData &place() const noexcept { return place_; }

  private:
    friend class Table;
    Datum columns_[most_columns];
    bool nulls_[most_columns];
    ItemPointerData place_;
    std::size_t position_;
  };

  // No index for a table that is only read whole: a backend's first call would open it for nothing. A column that the
  // table does not have yet, since the extension is still to be updated, is null.
  constexpr Table(const char *name, const char *index, std::initializer_list<const char *> columns)
      : name_(name), index_(index), count_(columns.size()) {
    std::copy(columns.begin(), columns.end(), columns_.begin());
  }
  Table(const Table &) = delete;
  Table &operator=(const Table &) = delete;
  static void init(); // once, when the library is loaded

  // The rows, in no order, whose first column of the index, a uuid, is the key, that are committed at this very moment,
  // whatever the isolation level. They live in the current memory context.
  [[nodiscard]] std::span<const Row> find(const Uuid &key);
  // The same for many keys, one after the other, or for many pairs of the first two columns, which no two rows share.
  [[nodiscard]] std::span<const Row> find(std::span<const Uuid> first, std::span<const Uuid> second = {});
  // The same of a key that no two rows share, where it has been found before.
  [[nodiscard]] std::span<const Row> find(const Uuid &key, KnownPlaces &places);
  // The row at a place, if it has this key.
  [[nodiscard]] std::span<const Row> find_at(const ItemPointerData &place, const Uuid &key);
  // The same of all rows.
  [[nodiscard]] std::span<const Row> all();
  // Whether so many rows have the key; no more are looked at.
  [[nodiscard]] bool has_at_least(const Uuid &key, std::int64_t count);
  // Whether a row that a statement has read is still there, as it was. No other row can be taken for it: nobody
  // writes in that transaction any more.
  [[nodiscard]] bool has(const RowVersion &version);
  // The last row, by the rest of the index, whose first column is `key` and whose second, a text[], equals `texts`; with
  // the caller's snapshot. nullptr when there is none.
  [[nodiscard]] const Row *last(const Uuid &key, const Value &texts);

  // Whether the current user may add rows.
  [[nodiscard]] bool insertable();
  // Whether adding one would mean nothing but adding it: no triggers, policies, checks, columns or indexes of somebody else's.
  [[nodiscard]] bool plain();
  // Deletes the rows whose first column of the index is the key, and calls `each(row)` for every one that nobody else
  // has deleted or changed meanwhile, page by page. Only where the table is plain.
  template <class F> void take(const Uuid &key, F each);
  // Adds a row of all columns. False, and nothing is added, where the table is not insertable and plain.
  [[nodiscard]] bool insert(std::initializer_list<Value> row);
  [[nodiscard]] Oid oid();

private:
  class Rows;
  class Scan;
  class Taking;
  void resolve();
  [[nodiscard]] Relation open(LOCKMODE mode);
  [[nodiscard]] bool is_plain(Relation table) const;
  template <class F> bool visit(const ItemPointerData &place, F use);

  const char *name_, *index_;
  std::array<const char *, most_columns> columns_{};
  std::size_t count_;
  std::uint64_t resolved_ = 0, placed_ = 0; // as of which change
  Oid table_oid_ = InvalidOid, index_oid_ = InvalidOid;
  std::array<int, most_columns> places_{};
  AttrNumber key_ = InvalidAttrNumber; // the index's first column
};

// The rows to take, by place: so that a page is visited once.
class Table::Taking {
public:
  Taking(Table &table, const Uuid &key);
  ~Taking();
  Taking(const Taking &) = delete;
  Taking &operator=(const Taking &) = delete;
  std::span<const Row> next(); // some of them; none at the end

private:
  Table &table_;
  Relation relation_ = nullptr;
  Snapshot snapshot_ = nullptr;
  IndexFetchTableData *fetch_ = nullptr;
  TupleTableSlot *slot_ = nullptr;
  ItemPointerData *places_ = nullptr;
  std::size_t count_ = 0, done_ = 0;
  int errors_ = PgError::in_flight();
};

template <class F> void Table::take(const Uuid &key, F each) {
  Taking taking(*this, key);
  for (bool more = true; more;) {
    const TemporaryContext scratch("roughly_auth rows");
    const std::span<const Row> rows = taking.next();
    for (const Row &row : rows)
      each(row);
    more = !rows.empty();
    check_for_interrupts();
  }
}

} // namespace roughly::pg
