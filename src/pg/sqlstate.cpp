#include "pg/sqlstate.hpp"

#include "pg/postgres.hpp"

namespace roughly::pg {

Report report_of(Errc code) noexcept {
  switch (code) {
  case Errc::invalid_argument: return {ERRCODE_INVALID_PARAMETER_VALUE, nullptr};
  case Errc::value_too_long: return {ERRCODE_STRING_DATA_RIGHT_TRUNCATION, nullptr};
  case Errc::null_argument: return {ERRCODE_NULL_VALUE_NOT_ALLOWED, nullptr};
  case Errc::unknown_object: return {ERRCODE_UNDEFINED_OBJECT, nullptr};
  case Errc::duplicate_object: return {ERRCODE_UNIQUE_VIOLATION, nullptr};
  case Errc::already_voted: return {ERRCODE_UNIQUE_VIOLATION, "votes_pkey"};
  case Errc::not_open: return {ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, nullptr};
  case Errc::not_entitled: return {ERRCODE_INSUFFICIENT_PRIVILEGE, nullptr};
  case Errc::unauthenticated: return {MAKE_SQLSTATE('R', 'A', '0', '0', '1'), nullptr};
  case Errc::other_identity: return {MAKE_SQLSTATE('R', 'A', '0', '0', '2'), nullptr};
  case Errc::not_recent: return {MAKE_SQLSTATE('R', 'A', '0', '0', '3'), nullptr};
  case Errc::not_supported: return {ERRCODE_FEATURE_NOT_SUPPORTED, nullptr};
  case Errc::active_transaction: return {ERRCODE_ACTIVE_SQL_TRANSACTION, nullptr};
  case Errc::under_way: return {ERRCODE_LOCK_NOT_AVAILABLE, nullptr};
  case Errc::read_only: return {ERRCODE_READ_ONLY_SQL_TRANSACTION, nullptr};
  case Errc::key_file_missing: return {ERRCODE_UNDEFINED_FILE, nullptr};
  case Errc::key_file_unusable: return {ERRCODE_CONFIG_FILE_ERROR, nullptr};
  case Errc::key_unknown: return {ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, nullptr};
  case Errc::corrupted: return {ERRCODE_DATA_CORRUPTED, nullptr};
  case Errc::program_limit: return {ERRCODE_PROGRAM_LIMIT_EXCEEDED, nullptr};
  case Errc::node_failed: return {ERRCODE_CONNECTION_FAILURE, nullptr};
  case Errc::internal: break;
  }
  return {ERRCODE_INTERNAL_ERROR, nullptr};
}

} // namespace roughly::pg
