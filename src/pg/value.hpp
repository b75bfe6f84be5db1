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

// jsonb object of text to text.
Value jsonb_value(std::span<const std::pair<std::string, std::string>> fields);

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

// Many rows, in materialize mode.
class RowSet {
public:
  explicit RowSet(FunctionCallInfo fcinfo);
  void put(std::initializer_list<Value> values);

private:
  Tuplestorestate *store_ = nullptr;
  TupleDesc descriptor_ = nullptr;
};

} // namespace roughly::pg
