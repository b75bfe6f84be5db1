// Between Datum and C++ values. The only place that knows how PostgreSQL lays them out.
#pragma once

#include "core/bytes.hpp"
#include "pg/bridge.hpp"

namespace roughly::pg {

// A Datum or NULL, on its way into a statement or a result row.
struct Value {
  Datum datum = 0;
  bool null = true;
};

inline Value value(std::nullopt_t) { return {}; }
inline Value value(bool boolean) { return {BoolGetDatum(boolean), false}; }
inline Value value(std::int16_t number) { return {Int16GetDatum(number), false}; }
inline Value value(std::int32_t number) { return {Int32GetDatum(number), false}; }
inline Value value(std::int64_t number) { return {Int64GetDatum(number), false}; } // timestamps too
inline Value value(double number) { return {Float8GetDatum(number), false}; }
inline Value value(const Uuid &id) { return {PointerGetDatum(id.data()), false}; } // the Uuid must outlive the Value
Value value(std::string_view text);
Value value(ByteView bytes);
Value value(const std::vector<std::string> &texts);
Value value(const std::vector<Uuid> &ids);
Value value(const char *) = delete; // would become a boolean
template <class T> Value value(const std::optional<T> &maybe) { return maybe ? value(*maybe) : Value{}; }

// jsonb objects of text to text that have the same keys, all different.
class JsonbObjects {
public:
  explicit JsonbObjects(std::span<const std::string_view> keys);
  // The content of one; it lasts until the next.
  ByteView with(std::span<const std::string_view> texts);

private:
  std::vector<std::size_t> order_; // of the keys
  std::size_t entries_;            // where those of the texts are
  std::size_t fixed_;              // what comes before the texts
  Bytes content_;
};

// T: bool, int16_t, int32_t, int64_t (timestamps too), double, TransactionId, ItemPointerData, Uuid, std::string, Bytes, SecretBytes (text or bytea; the
// detoasted copy is wiped), std::vector<std::string>, std::vector<std::int64_t>, std::vector<Uuid>.
// Arrays of any dimension are flattened; an element that is NULL is Errc::null_argument.
template <class T> T from_datum(Datum datum);
template <> bool from_datum<bool>(Datum datum);
template <> std::int16_t from_datum<std::int16_t>(Datum datum);
template <> std::int32_t from_datum<std::int32_t>(Datum datum);
template <> std::int64_t from_datum<std::int64_t>(Datum datum);
template <> double from_datum<double>(Datum datum);
template <> TransactionId from_datum<TransactionId>(Datum datum);
template <> ItemPointerData from_datum<ItemPointerData>(Datum datum);
template <> Uuid from_datum<Uuid>(Datum datum);
template <> std::string from_datum<std::string>(Datum datum);
template <> Bytes from_datum<Bytes>(Datum datum);
template <> SecretBytes from_datum<SecretBytes>(Datum datum);
template <> std::vector<std::string> from_datum<std::vector<std::string>>(Datum datum);
template <> std::vector<Uuid> from_datum<std::vector<Uuid>>(Datum datum);
template <> std::vector<std::int64_t> from_datum<std::vector<std::int64_t>>(Datum datum);
std::vector<Uuid> uuids_without_nulls(Datum datum);

// A value that a column must have.
template <class T> T stored(std::optional<T> found) {
  if (!found)
    throw Error(Errc::corrupted, "a stored value is missing");
  return std::move(*found);
}

// The element at a place of a text[], from 0 whatever its bounds and dimensions; null beyond its end. It lies within the array.
Value text_at(Datum texts, std::size_t place);

// What an object of jsonb has by this key, as text.
std::optional<std::string> jsonb_field(Datum object, const std::string &key);

// The arguments of a SQL function. A NULL where a value is needed is Errc::null_argument.
class Arguments {
public:
  explicit Arguments(FunctionCallInfo fcinfo) : fcinfo_(fcinfo) {}
  [[nodiscard]] bool is_null(int n) const { return fcinfo_->args[n].isnull; }
  template <class T> [[nodiscard]] T get(int n, const char *name) const {
    if (is_null(n))
      throw Error(Errc::null_argument, std::string(name) + " must not be null");
    return from_datum<T>(fcinfo_->args[n].value);
  }
  template <class T> [[nodiscard]] std::optional<T> optional(int n) const {
    return is_null(n) ? std::nullopt : std::optional<T>(from_datum<T>(fcinfo_->args[n].value));
  }

private:
  FunctionCallInfo fcinfo_;
};

// Results. They are made in the caller's memory: what an SPI connection holds goes with it.
inline Datum void_result() { return Datum{0}; }
inline Datum null_result(FunctionCallInfo fcinfo) {
  fcinfo->isnull = true;
  return Datum{0};
}
Datum uuid_result(const Uuid &id);
Datum text_result(std::string_view text);
Datum uuids_result(const std::vector<Uuid> &ids);
// One row of a function with OUT parameters.
Datum row_result(FunctionCallInfo fcinfo, std::initializer_list<Value> values);

// Rows without nulls, formed value by value in the order of their columns. Much cheaper than from Values, for which
// PostgreSQL looks at each column's description twice.
class Tuples {
public:
  explicit Tuples(int columns) : columns_(columns) {}
  void begin(); // the next row
  void varlena(ByteView content);
  template <class... T> void numbers(T... values) {
    static_assert((std::is_arithmetic_v<T> && ...));
    constexpr std::array sizes{sizeof(T)...};
    static_assert(std::is_sorted(sizes.rbegin(), sizes.rend()), "wide numbers first, so that none needs padding");
    unsigned char *place = grow((sizeof(T) + ...), std::min<std::size_t>(sizes[0], MAXIMUM_ALIGNOF));
    ((std::memcpy(place, &values, sizeof(T)), place += sizeof(T)), ...);
  }

private:
  friend class RowSet;
  // Room for `size` bytes, after zeros up to the alignment.
  unsigned char *grow(std::size_t size, std::size_t alignment) {
    const std::size_t place = TYPEALIGN(alignment, size_);
    if (place + size > buffer_.size())
      buffer_.resize(2 * (place + size));
    for (; size_ < place; ++size_)
      buffer_[size_] = 0;
    size_ = place + size;
    return buffer_.data() + place;
  }
  void end(); // the last row

  int columns_;
  Bytes buffer_ = Bytes(4096); // each row's header has its length
  std::size_t size_ = 0, row_ = 0;
};

// Many rows, in materialize mode.
class RowSet {
public:
  explicit RowSet(FunctionCallInfo fcinfo);
  void put(std::initializer_list<Value> values);
  void put(Tuples rows);

private:
  Tuplestorestate *store_ = nullptr;
  TupleDesc descriptor_ = nullptr;
};

} // namespace roughly::pg
