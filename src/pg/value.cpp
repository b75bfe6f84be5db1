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

Value text_at(Datum texts, std::size_t place) {
  return call([&] {
    Value found;
    Datum *elements = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(texts), text_element.type, text_element.length, text_element.by_value,
                      text_element.alignment, &elements, &nulls, &count);
    if (place < static_cast<std::size_t>(count))
      found = {elements[place], nulls[place]};
    pfree(elements);
    pfree(nulls);
    return found;
  });
}

// As utils/jsonb.h describes it: a header, an entry with the length of each key and each text, then all of them. The
// shorter keys come first. The first entry has what PostgreSQL gives every 32nd, its end instead of its length.
JsonbObjects::JsonbObjects(std::span<const std::string_view> keys)
    : order_(keys.size()), entries_(sizeof(uint32) + keys.size() * sizeof(JEntry)) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
    return keys[a].size() != keys[b].size() ? keys[a].size() < keys[b].size() : keys[a] < keys[b];
  });
  const auto append = [this](uint32 word) {
    const auto *bytes = reinterpret_cast<const unsigned char *>(&word);
    content_.insert(content_.end(), bytes, bytes + sizeof word);
  };
  append(static_cast<uint32>(keys.size()) | JB_FOBJECT);
  for (const std::size_t i : order_)
    append(static_cast<JEntry>(keys[i].size()) | (i == order_.front() ? JENTRY_HAS_OFF : 0));
  content_.resize(entries_ + keys.size() * sizeof(JEntry));
  for (const std::size_t i : order_)
    content_.insert(content_.end(), keys[i].begin(), keys[i].end());
  fixed_ = content_.size();
}

ByteView JsonbObjects::with(std::span<const std::string_view> texts) {
  content_.resize(fixed_);
  std::size_t place = entries_;
  for (const std::size_t i : order_) {
    const auto entry = static_cast<JEntry>(texts[i].size());
    std::memcpy(content_.data() + place, &entry, sizeof entry);
    place += sizeof entry;
    content_.insert(content_.end(), texts[i].begin(), texts[i].end());
  }
  return content_;
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

// Of what a policy calls for each row, call() would be nearly half; this allocation raises nothing.
Datum uuid_result(const Uuid &id) {
  void *copy = MemoryContextAllocExtended(detail::error_home, id.size(), MCXT_ALLOC_NO_OOM);
  if (copy == nullptr)
    throw std::bad_alloc();
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

void Tuples::begin() {
  end();
  constexpr std::size_t size = MAXALIGN(SizeofHeapTupleHeader);
  auto *header = reinterpret_cast<HeapTupleHeader>(grow(size, MAXIMUM_ALIGNOF));
  std::memset(header, 0, size);
  header->t_infomask2 = static_cast<uint16>(columns_);
  header->t_infomask = HEAP_HASVARWIDTH;
  header->t_hoff = size;
  row_ = size_ - size;
}

void Tuples::end() {
  if (size_ > 0)
    HeapTupleHeaderSetDatumLength(reinterpret_cast<HeapTupleHeader>(buffer_.data() + row_),
                                  static_cast<uint32>(size_ - row_));
}

// As in a stored tuple, short values have a header of one byte and no alignment.
void Tuples::varlena(ByteView content) {
  const bool is_short = content.size() + VARHDRSZ_SHORT <= VARATT_SHORT_MAX;
  const std::size_t size = content.size() + (is_short ? VARHDRSZ_SHORT : VARHDRSZ);
  unsigned char *data = grow(size, is_short ? 1 : ALIGNOF_INT);
  if (is_short)
    compat::set_short_size(data, size);
  else
    SET_VARSIZE(data, size);
  std::copy(content.begin(), content.end(), data + size - content.size());
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

void RowSet::put(Tuples rows) {
  rows.end();
  call([&] {
    for (std::size_t place = 0; place < rows.size_;) {
      HeapTupleData tuple{};
      tuple.t_data = reinterpret_cast<HeapTupleHeader>(rows.buffer_.data() + place);
      tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
      tuplestore_puttuple(store_, &tuple);
      place += MAXALIGN(tuple.t_len);
    }
  });
}

} // namespace roughly::pg
