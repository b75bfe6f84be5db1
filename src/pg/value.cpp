#include "pg/value.hpp"

#include "pg/compat.hpp"

namespace roughly::pg {
namespace {

Value varlena_value(const void *data, std::size_t size) {
  if (size > MaxAllocSize - VARHDRSZ)
    throw Error(Errc::program_limit, "a value is larger than 1 GB");
  return {call([&] {
            auto *copy = static_cast<varlena *>(palloc(size + VARHDRSZ));
            SET_VARSIZE(copy, size + VARHDRSZ);
            if (size > 0)
              memcpy(VARDATA(copy), data, size);
            return PointerGetDatum(copy);
          }),
          false};
}

// Detoasts; `use` sees the bytes, and a copy made on the way is wiped and freed.
template <class F> auto with_varlena(Datum datum, F use) {
  struct Detoasted {
    varlena *data;
    Datum original;
    ~Detoasted() {
      if (PointerGetDatum(data) != original) {
        sodium_memzero(VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
        pfree(data);
      }
    }
  } const value{call([&] { return PG_DETOAST_DATUM_PACKED(datum); }), datum};
  return use(ByteView(reinterpret_cast<const unsigned char *>(VARDATA_ANY(value.data)), VARSIZE_ANY_EXHDR(value.data)));
}

struct Element {
  Oid type;
  int length;
  bool by_value;
  char alignment;
};

enum class Nulls { refused, left_out };

template <class T> std::vector<T> from_array(Datum datum, const Element &element, Nulls mode = Nulls::refused) {
  Datum *values = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  call([&] {
    ArrayType *array = DatumGetArrayTypeP(datum);
    deconstruct_array(array, element.type, element.length, element.by_value, element.alignment, &values, &nulls, &count);
  });
  std::vector<T> result;
  result.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    if (!nulls[i])
      result.push_back(from_datum<T>(values[i]));
    else if (mode == Nulls::refused)
      throw Error(Errc::null_argument, "an array must not contain nulls");
  }
  return result;
}

Value array_value(std::vector<Datum> elements, const Element &element) {
  return {call([&] {
            return PointerGetDatum(construct_array(elements.data(), static_cast<int>(elements.size()), element.type,
                                                   element.length, element.by_value, element.alignment));
          }),
          false};
}

constexpr Element text_element{TEXTOID, -1, false, TYPALIGN_INT};
constexpr Element uuid_element{UUIDOID, UUID_LEN, false, TYPALIGN_CHAR};
constexpr Element int8_element{INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE};

} // namespace

Value value(std::string_view text) {
  return varlena_value(text.data(), text.size());
}

Value value(ByteView bytes) {
  return varlena_value(bytes.data(), bytes.size());
}

Value value(const std::vector<std::string> &texts) {
  std::vector<Datum> elements;
  for (const std::string &text : texts)
    elements.push_back(value(std::string_view(text)).datum);
  return array_value(std::move(elements), text_element);
}

Value value(const std::vector<Uuid> &ids) {
  std::vector<Datum> elements;
  for (const Uuid &id : ids)
    elements.push_back(PointerGetDatum(id.data()));
  return array_value(std::move(elements), uuid_element);
}

Value jsonb_value(std::span<const std::pair<std::string, std::string>> fields) {
  return {call([&] {
            JsonbParseState *state = nullptr;
            pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
            for (const auto &[name, text] : fields) {
              JsonbValue item;
              item.type = jbvString;
              item.val.string.val = const_cast<char *>(name.data());
              item.val.string.len = static_cast<int>(name.size());
              pushJsonbValue(&state, WJB_KEY, &item);
              item.val.string.val = const_cast<char *>(text.data());
              item.val.string.len = static_cast<int>(text.size());
              pushJsonbValue(&state, WJB_VALUE, &item);
            }
            return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
          }),
          false};
}

std::optional<std::string> jsonb_field(Datum object, const std::string &key) {
  const Datum name = value(std::string_view(key)).datum;
  bool null = false;
  const Datum text = call([&] {
    LOCAL_FCINFO(fields, 2);
    InitFunctionCallInfoData(*fields, nullptr, 2, InvalidOid, nullptr, nullptr);
    fields->args[0] = {object, false};
    fields->args[1] = {name, false};
    const Datum result = jsonb_object_field_text(fields);
    null = fields->isnull;
    return result;
  });
  return null ? std::nullopt : std::optional(from_datum<std::string>(text));
}

template <> bool from_datum<bool>(Datum datum) { return DatumGetBool(datum); }
template <> std::int16_t from_datum<std::int16_t>(Datum datum) { return DatumGetInt16(datum); }
template <> std::int32_t from_datum<std::int32_t>(Datum datum) { return DatumGetInt32(datum); }
template <> std::int64_t from_datum<std::int64_t>(Datum datum) { return DatumGetInt64(datum); }
template <> double from_datum<double>(Datum datum) { return DatumGetFloat8(datum); }
template <> TransactionId from_datum<TransactionId>(Datum datum) { return DatumGetTransactionId(datum); }
template <> ItemPointerData from_datum<ItemPointerData>(Datum datum) { return *reinterpret_cast<ItemPointer>(DatumGetPointer(datum)); }

template <> Uuid from_datum<Uuid>(Datum datum) {
  Uuid id;
  memcpy(id.data(), DatumGetPointer(datum), id.size());
  return id;
}

template <> std::string from_datum<std::string>(Datum datum) {
  return with_varlena(datum, [](ByteView bytes) { return std::string(text_view(bytes)); });
}
template <> Bytes from_datum<Bytes>(Datum datum) {
  return with_varlena(datum, [](ByteView bytes) { return Bytes(bytes.begin(), bytes.end()); });
}
template <> SecretBytes from_datum<SecretBytes>(Datum datum) {
  return with_varlena(datum, [](ByteView bytes) { return SecretBytes(bytes.begin(), bytes.end()); });
}

template <> std::vector<std::string> from_datum<std::vector<std::string>>(Datum datum) {
  return from_array<std::string>(datum, text_element);
}
template <> std::vector<Uuid> from_datum<std::vector<Uuid>>(Datum datum) {
  return from_array<Uuid>(datum, uuid_element);
}
std::vector<Uuid> uuids_without_nulls(Datum datum) {
  return from_array<Uuid>(datum, uuid_element, Nulls::left_out);
}
template <> std::vector<std::int64_t> from_datum<std::vector<std::int64_t>>(Datum datum) {
  return from_array<std::int64_t>(datum, int8_element);
}

namespace {

// Allocates where the function was called, for the scope.
class CallersMemory {
public:
  CallersMemory() : outer_(MemoryContextSwitchTo(detail::error_home)) {}
  ~CallersMemory() { CurrentMemoryContext = outer_; }
  CallersMemory(const CallersMemory &) = delete;
  CallersMemory &operator=(const CallersMemory &) = delete;

private:
  MemoryContext outer_;
};

} // namespace

Datum uuid_result(const Uuid &id) {
  const CallersMemory memory;
  auto *copy = static_cast<unsigned char *>(call(palloc, id.size()));
  memcpy(copy, id.data(), id.size());
  return PointerGetDatum(copy);
}

Datum text_result(std::string_view text) {
  const CallersMemory memory;
  return value(text).datum;
}

Datum uuids_result(const std::vector<Uuid> &ids) {
  const CallersMemory memory;
  return value(ids).datum;
}

namespace {

struct Columns { // plain data for C
  static constexpr std::size_t most = 16;
  Datum values[most];
  bool nulls[most];

  explicit Columns(std::initializer_list<Value> row) {
    if (row.size() > most)
      throw Error(Errc::internal, "a result row has too many columns");
    std::size_t i = 0;
    for (const Value &column : row) {
      values[i] = column.datum;
      nulls[i++] = column.null;
    }
  }
};

} // namespace

Datum row_result(FunctionCallInfo fcinfo, std::initializer_list<Value> row) {
  Columns columns(row);
  const CallersMemory memory;
  return call([&] {
    const auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    TupleDesc descriptor = info != nullptr && IsA(info, ReturnSetInfo) ? info->expectedDesc : nullptr; // in FROM it is known
    if (descriptor == nullptr && get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
      elog(ERROR, "return type must be a row type");
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), columns.values, columns.nulls));
  });
}

RowSet::RowSet(FunctionCallInfo fcinfo) {
  call([&] { compat::begin_row_set(fcinfo); });
  auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  store_ = info->setResult;
  descriptor_ = info->setDesc;
}

void RowSet::put(std::initializer_list<Value> row) {
  Columns columns(row);
  call([&] { tuplestore_putvalues(store_, descriptor_, columns.values, columns.nulls); });
}

} // namespace roughly::pg
