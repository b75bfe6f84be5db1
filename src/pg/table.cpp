#include "pg/table.hpp"

namespace roughly::pg {
namespace {

constexpr int nowhere = -1;

int place_of(TupleDesc descriptor, const char *column) {
  for (int i = 0; i < descriptor->natts; ++i)
    if (const Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
        !attribute->attisdropped && strcmp(NameStr(attribute->attname), column) == 0)
      return i;
  return nowhere;
}

} // namespace

void Table::copy(HeapTuple tuple, TupleDesc descriptor, Row &row) const {
  const auto natts = static_cast<std::size_t>(descriptor->natts);
  auto *values = static_cast<Datum *>(palloc(natts * sizeof(Datum)));
  auto *nulls = static_cast<bool *>(palloc(natts * sizeof(bool)));
  heap_deform_tuple(heap_copytuple(tuple), descriptor, values, nulls);
  for (std::size_t i = 0; i < count_; ++i) {
    const int place = place_of(descriptor, columns_[i]);
    row.columns_[i] = place == nowhere ? Value{} : Value{values[place], nulls[place]};
  }
  row.version_ = {tuple->t_self, HeapTupleHeaderGetRawXmin(tuple->t_data)};
}

// A system table scan is what PostgreSQL offers for reading any table by an index in five lines.
std::span<const Table::Row> Table::read(const Uuid *key) const {
  Row *rows = nullptr;
  std::size_t found = 0;
  call([&] {
    const Oid schema = get_namespace_oid("roughly", false);
    const Relation table = table_open(get_relname_relid(name_, schema), AccessShareLock);
    const TupleDesc descriptor = RelationGetDescr(table);
    ScanKeyData condition;
    if (key != nullptr)
      ScanKeyInit(&condition, static_cast<AttrNumber>(place_of(descriptor, key_) + 1), BTEqualStrategyNumber, F_UUID_EQ, PointerGetDatum(key->data()));
    // In parallel mode no snapshot may be taken any more, and nothing may be written either.
    const Snapshot snapshot = RegisterSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
    const SysScanDesc scan = key != nullptr ? systable_beginscan(table, get_relname_relid(index_, schema), true, snapshot, 1, &condition)
                                            : systable_beginscan(table, InvalidOid, false, snapshot, 0, nullptr);
    while (HeapTuple tuple = systable_getnext(scan)) {
      const std::size_t size = (found + 1) * sizeof(Row);
      rows = static_cast<Row *>(rows == nullptr ? palloc(size) : repalloc(rows, size));
      copy(tuple, descriptor, rows[found++]);
    }
    systable_endscan(scan);
    UnregisterSnapshot(snapshot);
    table_close(table, NoLock);
  });
  return {rows, found};
}

const Table::Row *Table::last(const Uuid &key, const Value &texts) const {
  return call([&]() -> const Row * {
    const Oid schema = get_namespace_oid("roughly", false);
    const Relation table = table_open(get_relname_relid(name_, schema), AccessShareLock);
    const Relation index = index_open(get_relname_relid(index_, schema), AccessShareLock);
    const TupleDesc descriptor = RelationGetDescr(table);
    ScanKeyData conditions[2];
    ScanKeyInit(&conditions[0], static_cast<AttrNumber>(place_of(descriptor, key_) + 1), BTEqualStrategyNumber, F_UUID_EQ, PointerGetDatum(key.data()));
    ScanKeyEntryInitialize(&conditions[1], 0, static_cast<AttrNumber>(place_of(descriptor, columns_[0]) + 1), BTEqualStrategyNumber, InvalidOid,
                           DEFAULT_COLLATION_OID, F_ARRAY_EQ, texts.datum);
    const SysScanDesc scan = systable_beginscan_ordered(table, index, GetActiveSnapshot(), 2, conditions);
    Row *row = nullptr;
    if (HeapTuple tuple = systable_getnext_ordered(scan, BackwardScanDirection)) {
      row = static_cast<Row *>(palloc(sizeof(Row)));
      copy(tuple, descriptor, *row);
    }
    systable_endscan_ordered(scan);
    index_close(index, AccessShareLock);
    table_close(table, NoLock);
    return row;
  });
}

Oid Table::oid() const {
  return call([&] { return get_relname_relid(name_, get_namespace_oid("roughly", false)); });
}

std::span<const Table::Row> Table::find(const Uuid &key) const {
  return read(&key);
}

std::span<const Table::Row> Table::all() const {
  return read(nullptr);
}

} // namespace roughly::pg
