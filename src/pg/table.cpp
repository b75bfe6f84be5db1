#include "pg/table.hpp"

#include "pg/compat.hpp"

namespace roughly::pg {
namespace {

constexpr int nowhere = -1;
constinit std::uint64_t changes = 1; // of any table, as PostgreSQL tells

int place_of(TupleDesc descriptor, const char *column) {
  for (int i = 0; i < descriptor->natts; ++i)
    if (const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
        !attribute->attisdropped && strcmp(NameStr(attribute->attname), column) == 0)
      return i;
  return nowhere;
}

extern "C" void count_change(Datum, Oid) {
  ++changes;
}

// In parallel mode no snapshot may be taken any more, and nothing may be written either.
Snapshot latest_snapshot() {
  return IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot();
}

void key_is(ScanKeyData &condition, AttrNumber column, const Uuid &key) {
  ScanKeyInit(&condition, column, BTEqualStrategyNumber, F_UUID_EQ, PointerGetDatum(key.data()));
}

} // namespace

// Rows on their way out of a scan. C: raises PostgreSQL's errors, owns nothing.
class Table::Rows {
public:
  explicit Rows(const Table &table) : table_(table) {}

  void add(HeapTuple tuple, TupleDesc descriptor, std::size_t position) {
    if (size_ == room_) {
      room_ = room_ == 0 ? 1 : 2 * room_;
      rows_ = static_cast<Row *>(rows_ == nullptr ? palloc(room_ * sizeof(Row)) : repalloc(rows_, room_ * sizeof(Row)));
    }
    Datum values[MaxHeapAttributeNumber];
    bool nulls[MaxHeapAttributeNumber];
    heap_deform_tuple(tuple, descriptor, values, nulls);
    Row &row = rows_[size_++];
    for (std::size_t i = 0; i < table_.count_; ++i) {
      const int place = table_.places_[i];
      row.nulls_[i] = place == nowhere || nulls[place];
      if (!row.nulls_[i]) {
        const Form_pg_attribute attribute = TupleDescAttr(descriptor, place);
        row.columns_[i] = datumCopy(values[place], attribute->attbyval, attribute->attlen);
      }
    }
    row.position_ = position;
    row.place_ = tuple->t_self;
  }
  [[nodiscard]] std::span<const Row> all() const { return {rows_, size_}; }
  [[nodiscard]] const Row *last() const { return size_ == 0 ? nullptr : rows_ + size_ - 1; }

private:
  const Table &table_;
  Row *rows_ = nullptr;
  std::size_t size_ = 0, room_ = 0;
};

// A scan of the index. C: raises PostgreSQL's errors, whose transaction gives everything back; else end() does.
class Table::Scan {
public:
  // The snapshot is taken once the table is locked: whoever had locked it may have changed it.
  Scan(Table &table, Snapshot (*snapshot)(), int keys)
      : table_(table.open(AccessShareLock)), index_(index_open(table.index_oid_, AccessShareLock)),
        snapshot_(RegisterSnapshot(snapshot())), slot_(table_slot_create(table_, nullptr)),
        scan_(compat::begin_index_scan(table_, index_, snapshot_, keys)) {}

  void begin(ScanKeyData *keys, int count) { index_rescan(scan_, keys, count, nullptr, 0); }
  [[nodiscard]] bool next(ScanDirection direction = ForwardScanDirection) {
    return index_getnext_slot(scan_, direction, slot_);
  }
  void add_to(Rows &rows, std::size_t position) {
    rows.add(ExecFetchSlotHeapTuple(slot_, false, nullptr), RelationGetDescr(table_), position);
  }
  void end() {
    index_endscan(scan_);
    ExecDropSingleTupleTableSlot(slot_);
    UnregisterSnapshot(snapshot_);
    index_close(index_, AccessShareLock);
    table_close(table_, NoLock);
  }

private:
  Relation table_, index_;
  Snapshot snapshot_;
  TupleTableSlot *slot_;
  IndexScanDesc scan_;
};

void Table::init() {
  call([] { CacheRegisterRelcacheCallback(count_change, 0); });
}

void Table::resolve() {
  if (resolved_ == changes)
    return;
  resolved_ = changes; // what changes from here on is looked up next time
  const Oid schema = get_namespace_oid("roughly", false);
  table_oid_ = get_relname_relid(name_, schema);
  index_oid_ = index_ == nullptr ? InvalidOid : get_relname_relid(index_, schema);
}

Relation Table::open(LOCKMODE mode) {
  resolve();
  const Relation table = table_open(table_oid_, mode);
  if (placed_ == changes)
    return table;
  for (std::size_t i = 0; i < count_; ++i)
    places_[i] = place_of(RelationGetDescr(table), columns_[i]);
  key_ = InvalidAttrNumber;
  if (OidIsValid(index_oid_)) { // somebody may have dropped it
    const Relation index = index_open(index_oid_, AccessShareLock);
    key_ = index->rd_index->indkey.values[0];
    index_close(index, AccessShareLock);
  }
  placed_ = changes;
  return table;
}

std::span<const Table::Row> Table::find(const Uuid &key) {
  return find(std::span(&key, 1), {});
}

std::span<const Table::Row> Table::find(std::span<const Uuid> first, std::span<const Uuid> second) {
  Rows rows(*this);
  call([&] {
    const int count = second.empty() ? 1 : 2;
    Scan scan(*this, latest_snapshot, count);
    for (std::size_t i = 0; i < first.size(); ++i) {
      ScanKeyData keys[2];
      key_is(keys[0], 1, first[i]);
      if (count == 2)
        key_is(keys[1], 2, second[i]);
      scan.begin(keys, count);
      while (scan.next()) {
        scan.add_to(rows, i);
        if (count == 2)
          break;
      }
    }
    scan.end();
  });
  return rows.all();
}

std::span<const Table::Row> Table::all() {
  Rows rows(*this);
  call([&] {
    const Relation table = open(AccessShareLock);
    const Snapshot snapshot = RegisterSnapshot(latest_snapshot());
    const SysScanDesc scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, nullptr);
    for (std::size_t i = 0; HeapTuple tuple = systable_getnext(scan); ++i)
      rows.add(tuple, RelationGetDescr(table), i);
    systable_endscan(scan);
    UnregisterSnapshot(snapshot);
    table_close(table, NoLock);
  });
  return rows.all();
}

bool Table::has_at_least(const Uuid &key, std::int64_t count) {
  return call([&] {
    Scan scan(*this, latest_snapshot, 1);
    ScanKeyData condition;
    key_is(condition, 1, key);
    scan.begin(&condition, 1);
    for (; count > 0 && scan.next(); --count)
      CHECK_FOR_INTERRUPTS();
    scan.end();
    return count <= 0;
  });
}

// Calls use(tuple, descriptor) with the row at a place, if one is there.
template <class F> bool Table::visit(const ItemPointerData &place, F use) {
  return call([&] {
    const Relation table = open(AccessShareLock);
    bool found = false;
    if (compat::has_block(table, ItemPointerGetBlockNumber(&place))) { // it may have become shorter
      const Snapshot snapshot = RegisterSnapshot(latest_snapshot());
      TupleTableSlot *slot = table_slot_create(table, nullptr);
      ItemPointerData there = place;
      found = table_tuple_fetch_row_version(table, &there, snapshot, slot) &&
              use(ExecFetchSlotHeapTuple(slot, false, nullptr), RelationGetDescr(table));
      ExecDropSingleTupleTableSlot(slot);
      UnregisterSnapshot(snapshot);
    }
    table_close(table, NoLock);
    return found;
  });
}

bool Table::has(const RowVersion &version) {
  return visit(version.place,
               [&](HeapTuple tuple, TupleDesc) { return HeapTupleHeaderGetRawXmin(tuple->t_data) == version.writer; });
}

std::span<const Table::Row> Table::find_at(const ItemPointerData &place, const Uuid &key) {
  Rows rows(*this);
  visit(place, [&](HeapTuple tuple, TupleDesc descriptor) {
    if (key_ == InvalidAttrNumber)
      return false;
    bool null = false;
    const Datum found = heap_getattr(tuple, key_, descriptor, &null);
    if (null || memcmp(DatumGetPointer(found), key.data(), key.size()) != 0)
      return false;
    rows.add(tuple, descriptor, 0);
    return true;
  });
  return rows.all();
}

std::span<const Table::Row> Table::find(const Uuid &key, KnownPlaces &places) {
  std::uint64_t number = 0; // of a random uuid as good as any
  memcpy(&number, key.data(), sizeof number);
  if (const ItemPointerData *place = places.find(number))
    if (const std::span<const Row> rows = find_at(*place, key); !rows.empty())
      return rows;
  const std::span<const Row> rows = find(key);
  if (!rows.empty())
    places.remember(number, rows.front().place());
  return rows;
}

const Table::Row *Table::last(const Uuid &key, const Value &texts) {
  Rows rows(*this);
  call([&] {
    Scan scan(*this, GetActiveSnapshot, 2);
    ScanKeyData keys[2];
    key_is(keys[0], 1, key);
    ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid, DEFAULT_COLLATION_OID, F_ARRAY_EQ,
                           texts.datum);
    scan.begin(keys, 2);
    if (scan.next(BackwardScanDirection))
      scan.add_to(rows, 0);
    scan.end();
  });
  return rows.last();
}

bool Table::is_plain(Relation table) const {
  return pg_class_aclcheck(table_oid_, GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
         table->rd_tableam == GetHeapamTableAmRoutine() && table->trigdesc == nullptr && table->rd_rules == nullptr &&
         (table->rd_rsdesc == nullptr || table->rd_rsdesc->policies == NIL) &&
         (table->rd_att->constr == nullptr || table->rd_att->constr->num_check == 0) &&
         static_cast<std::size_t>(RelationGetNumberOfAttributes(table)) == count_ &&
         list_length(RelationGetIndexList(table)) == 1;
}

bool Table::plain() {
  return call([&] {
    const Relation table = open(AccessShareLock);
    const bool plain = is_plain(table);
    table_close(table, NoLock);
    return plain;
  });
}

bool Table::insertable() {
  return call([&] {
    resolve();
    return pg_class_aclcheck(table_oid_, GetUserId(), ACL_INSERT) == ACLCHECK_OK;
  });
}

namespace {

// With a header of one byte where that is enough, as the executor stores it; for a column that is never compressed
// heap_form_tuple leaves four.
Datum packed(Datum datum) {
  const auto *whole = reinterpret_cast<const varlena *>(DatumGetPointer(datum));
  if (!VARATT_CAN_MAKE_SHORT(whole))
    return datum;
  const auto size = static_cast<std::size_t>(VARATT_CONVERTED_SHORT_SIZE(whole));
  char *copy = static_cast<char *>(palloc(size));
  compat::set_short_size(copy, size);
  memcpy(VARDATA_SHORT(copy), VARDATA(whole), size - VARHDRSZ_SHORT);
  return PointerGetDatum(copy);
}

} // namespace

// As PostgreSQL adds to its catalogs.
bool Table::insert(std::initializer_list<Value> row) {
  return call([&] {
    const Relation table = open(RowExclusiveLock);
    const bool plain = is_plain(table);
    if (plain) {
      PreventCommandIfReadOnly("INSERT");
      Datum values[most_columns] = {};
      bool nulls[most_columns] = {};
      const int *place = places_.data();
      for (const Value &value : row) {
        const bool varlena = TupleDescAttr(RelationGetDescr(table), *place)->attlen == -1 && !value.null;
        values[*place] = varlena ? packed(value.datum) : value.datum;
        nulls[*place++] = value.null;
      }
      CatalogTupleInsert(table, heap_form_tuple(RelationGetDescr(table), values, nulls));
    }
    table_close(table, NoLock);
    return plain;
  });
}

namespace {

std::uint64_t order(const ItemPointerData &place) {
  return std::uint64_t{ItemPointerGetBlockNumberNoCheck(&place)} << 16 | ItemPointerGetOffsetNumberNoCheck(&place);
}

} // namespace

Table::Taking::Taking(Table &table, const Uuid &key) : table_(table) {
  call([&] {
    PreventCommandIfReadOnly("DELETE");
    relation_ = table_.open(RowExclusiveLock);
    snapshot_ = RegisterSnapshot(GetLatestSnapshot());
    const Relation index = index_open(table_.index_oid_, AccessShareLock);
    const IndexScanDesc scan = compat::begin_index_scan(relation_, index, snapshot_, 1);
    ScanKeyData condition;
    key_is(condition, 1, key);
    index_rescan(scan, &condition, 1, nullptr, 0);
    std::size_t room = 1024;
    places_ = static_cast<ItemPointerData *>(palloc(room * sizeof(ItemPointerData)));
    while (const ItemPointer place = index_getnext_tid(scan, ForwardScanDirection)) {
      if (count_ == room) {
        room *= 2;
        places_ = static_cast<ItemPointerData *>(repalloc_huge(places_, room * sizeof(ItemPointerData)));
      }
      places_[count_++] = *place;
    }
    index_endscan(scan);
    index_close(index, AccessShareLock);
    std::sort(places_, places_ + count_,
              [](const ItemPointerData &one, const ItemPointerData &other) { return order(one) < order(other); });
    fetch_ = table_index_fetch_begin(relation_);
    slot_ = table_slot_create(relation_, nullptr);
  });
}

std::span<const Table::Row> Table::Taking::next() {
  constexpr std::size_t portion = 1000;
  Rows rows(table_);
  call([&] {
    while (done_ < count_ && rows.all().size() < portion) {
      bool again = false;
      ItemPointerData place = places_[done_++];
      TM_FailureData failure;
      if (table_index_fetch_tuple(fetch_, &place, snapshot_, slot_, &again, nullptr) &&
          table_tuple_delete(relation_, &slot_->tts_tid, GetCurrentCommandId(true), snapshot_, InvalidSnapshot, true, &failure, false) == TM_Ok)
        rows.add(ExecFetchSlotHeapTuple(slot_, false, nullptr), RelationGetDescr(relation_), rows.all().size());
    }
  });
  return rows.all();
}

Table::Taking::~Taking() {
  if (PgError::in_flight() != errors_) // else the abort gives everything back
    return;
  detail::attempt(
      [](void *self) {
        auto *taking = static_cast<Taking *>(self);
        table_index_fetch_end(taking->fetch_);
        ExecDropSingleTupleTableSlot(taking->slot_);
        UnregisterSnapshot(taking->snapshot_);
        table_close(taking->relation_, NoLock);
      },
      this);
}

Oid Table::oid() {
  call([&] { resolve(); });
  return table_oid_;
}

} // namespace roughly::pg
