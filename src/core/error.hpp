// What can go wrong, in the domain's words. Everything in this project that fails throws `Error`;
// src/pg/sqlstate.cpp owns the one table that turns an Errc into a SQLSTATE.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace roughly {

enum class Errc {
  invalid_argument,  // a value outside its range or not of the allowed ones
  value_too_long,    // text over its limit in bytes
  null_argument,     // NULL where a value is needed
  unknown_object,    // no such question or dimension
  duplicate_object,  // the name or address is taken
  already_voted,     // one vote per person and question
  not_open,          // the question is not open, or no longer
  not_entitled,      // the account may not vote in this question
  unauthenticated,   // nobody is authenticated in this transaction
  other_identity,    // somebody else is
  not_recent,        // the person must prove again who they are
  not_supported,     // prepared transactions, connections between the nodes of a cluster
  active_transaction,// must run outside a transaction block, or in a transaction of its own
  under_way,         // somebody else is doing it at this moment
  read_only,         // a standby, or a read-only transaction
  key_file_missing,  // there is no key file
  key_file_unusable, // there is one, but its owner, mode, place or format is wrong
  key_unknown,       // the file lacks a key the database needs, or holds another one under its number
  corrupted,         // a sealed or packed value does not open
  program_limit,     // a documented limit is exceeded
  node_failed,       // a database that keeps votes for this one cannot be reached, or refuses
  internal,          // a defect of ours
};

class Error : public std::exception {
public:
  Error(Errc code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

  [[nodiscard]] const char *what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] Errc code() const noexcept { return code_; }
  [[nodiscard]] const std::string &hint() const noexcept { return hint_; }

private:
  Errc code_;
  std::string message_, hint_;
};

} // namespace roughly
