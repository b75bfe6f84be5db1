// Rows found by an index and read without a statement, for what every request reads. Nobody's privileges are asked, nor
// row-level security; the caller decides whose row it is. What belongs to a question may be kept elsewhere by an engine
// below (docs/scaling.md): what is not found here is then asked for by a statement.
#pragma once

#include "pg/value.hpp"

namespace roughly::pg {

// A row as somebody has written it: whatever is changed, another place or transaction is named.
struct RowVersion {
  ItemPointerData place;
  TransactionId writer;

  bool operator==(const RowVersion &other) const noexcept {
    return writer == other.writer && ItemPointerGetBlockNumberNoCheck(&place) == ItemPointerGetBlockNumberNoCheck(&other.place) &&
           ItemPointerGetOffsetNumberNoCheck(&place) == ItemPointerGetOffsetNumberNoCheck(&other.place);
  }
};

class Table {
public:
  static constexpr std::size_t most_columns = 16;

  // A row's wanted columns, numbered from 1 as in Rows.
  class Row {
  public:
    [[nodiscard]] Datum datum(int column) const noexcept { return columns_[column - 1].datum; }
    template <class T> [[nodiscard]] std::optional<T> optional(int column) const {
      const Value &value = columns_[column - 1];
      return value.null ? std::nullopt : std::optional<T>(from_datum<T>(value.datum));
    }
    template <class T> [[nodiscard]] T get(int column) const { return stored(optional<T>(column)); }
    [[nodiscard]] const RowVersion &version() const noexcept { return version_; }

  private:
    friend class Table;
    Value columns_[most_columns];
    RowVersion version_;
  };

  // A table of schema roughly; `key` is the first column of the index, a uuid. A column that the table does not have yet,
  // since the extension is still to be updated, is null.
  constexpr Table(const char *name, const char *index, const char *key, std::initializer_list<const char *> columns)
      : name_(name), index_(index), key_(key), count_(columns.size()) {
    std::copy(columns.begin(), columns.end(), columns_.begin());
  }

  // The rows with this key that are committed at this very moment, whatever the isolation level. They live in the
  // current memory context.
  [[nodiscard]] std::span<const Row> find(const Uuid &key) const;
  // The same of all rows, in no order; for a small table.
  [[nodiscard]] std::span<const Row> all() const;
  // The last row, by the rest of the index, whose first column is `key` and whose second, which is the table's first
  // wanted column, a text[], equals `texts`; with the caller's snapshot. nullptr when there is none.
  [[nodiscard]] const Row *last(const Uuid &key, const Value &texts) const;
  [[nodiscard]] Oid oid() const;

private:
  [[nodiscard]] std::span<const Row> read(const Uuid *key) const;
  void copy(HeapTuple tuple, TupleDesc descriptor, Row &row) const; // raises PostgreSQL's errors

  const char *name_, *index_, *key_;
  std::array<const char *, most_columns> columns_{};
  std::size_t count_;
};

} // namespace roughly::pg
