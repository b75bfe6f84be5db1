// Version differences, each with the upstream commit that made it.
#pragma once

#include "pg/bridge.hpp"

namespace roughly::pg::compat {

// Begins a materialized result; the row type comes from the function's declaration. PostgreSQL 15 brought
// InitMaterializedSRF: https://github.com/postgres/postgres/commit/9e98583898c347e007958c8a09911be2ea4acfb9
// What the caller expects needs no looking up.
inline void begin_row_set(FunctionCallInfo fcinfo) {
  auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
#if PG_VERSION_NUM >= 150000 && !defined(ROUGHLY_OLD_SRF)
  InitMaterializedSRF(fcinfo, info != nullptr && IsA(info, ReturnSetInfo) && info->expectedDesc != nullptr ? MAT_SRF_USE_EXPECTED_DESC : 0);
#else
  if (info == nullptr || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("set-valued function called in context that cannot accept a set")));
  MemoryContext old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
  TupleDesc descriptor = nullptr;
  if (info->expectedDesc != nullptr)
    descriptor = CreateTupleDescCopy(info->expectedDesc);
  else if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  info->returnMode = SFRM_Materialize;
  info->setDesc = descriptor;
  info->setResult = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
  MemoryContextSwitchTo(old);
#endif
}

// PostgreSQL 18 counts searches of an index: https://github.com/postgres/postgres/commit/0fbceae841cb5a31b13d3f284ac8fdd19822eceb
inline IndexScanDesc begin_index_scan(Relation table, Relation index, Snapshot snapshot, int keys) {
#if PG_VERSION_NUM >= 180000
  return index_beginscan(table, index, snapshot, nullptr, keys, 0);
#else
  return index_beginscan(table, index, snapshot, keys, 0);
#endif
}

// Whether a locked table has this block. Without a system call where PostgreSQL remembers the length, from 14 on; whoever
// shortens a table makes all others forget it before they can lock the table again.
// https://github.com/postgres/postgres/commit/c5315f4f44843c20ada876fdb0d0828795dfbdf5
inline bool has_block(Relation table, BlockNumber block) {
#if PG_VERSION_NUM >= 140000
  if (const BlockNumber known = RelationGetSmgr(table)->smgr_cached_nblocks[MAIN_FORKNUM]; known != InvalidBlockNumber && block < known)
    return true;
#endif
  return block < RelationGetNumberOfBlocks(table);
}

// SET_VARSIZE_SHORT, in which g++ 10 sees a conversion although it is a macro of a system header.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
inline void set_short_size(void *data, std::size_t size) noexcept {
  SET_VARSIZE_SHORT(data, size);
}
#pragma GCC diagnostic pop

// https://github.com/postgres/postgres/commit/88103567cb8fa5be46dc9fac3e3b8774951a2be7
inline void reserve_prefix(const char *prefix) {
#if PG_VERSION_NUM >= 150000
  MarkGUCPrefixReserved(prefix);
#else
  EmitWarningsOnPlaceholders(prefix);
#endif
}

} // namespace roughly::pg::compat
