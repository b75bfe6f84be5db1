// What several functions read: a question with its frozen definitions, and the voter with their snapshot.
#pragma once

#include "core/receipt.hpp"
#include "core/release.hpp"
#include "core/release_rule.hpp"
#include "pg/key_loader.hpp"
#include "pg/table.hpp"

namespace roughly {

struct Question {
  Uuid id;
  std::vector<std::string> choices;
  std::vector<Dimension> dimensions;
  Policy policy;
  std::uint8_t max_dims;
  std::uint32_t min_batch;
  double growth;
  std::int64_t max_wait; // microseconds; -1: never by time
  bool require_confirmed;
  std::int64_t witness_account_age;                // microseconds; younger accounts are no witnesses
  std::optional<std::int32_t> witness_daily_votes; // nor who has answered as many questions that day already
  std::optional<double> epsilon; // of randomised response
  std::string receipts;          // what they keep: truth, sent or none
  std::int64_t min_account_age; // microseconds
  TimestampTz opens_at, waits_since; // since the last release, or the opening
  std::optional<TimestampTz> closes_at;
  std::string state; // open, closed, counted
  std::uint32_t batch, release;
  Bytes policy_seal;
  pg::RowVersion version;

  [[nodiscard]] bool over(TimestampTz now) const { return state != "open" || (closes_at && *closes_at <= now); }
  [[nodiscard]] bool waited(TimestampTz now) const { return max_wait >= 0 && waits_since <= now - max_wait; }
  [[nodiscard]] SnapshotLayout layout() const { return SnapshotLayout(dimensions); }
  [[nodiscard]] Tally empty_tally() const { return Tally(layout(), choices.size(), max_dims); }
  [[nodiscard]] ReleaseHeader header() const;

  // What never changes, under the question key: nobody without it can lower k or add a choice. An empty sealed value.
  [[nodiscard]] Bytes seal_policy(Subkey<Purpose::question> key) const;
  [[nodiscard]] Binding policy_binding() const;
};

// The question as it is committed at this moment, whatever the caller's isolation level, its policy checked.
// Errc::unknown_object, Errc::corrupted. Good until the next call: a backend keeps those it has checked, by row version.
const Question &load_question(pg::Spi &spi, const Uuid &id);
// The same, its policy not checked.
Question read_question(pg::Spi &spi, const Uuid &id);
// Whoever freezes, releases or seals anew what belongs to a question holds its row first, to the end of the transaction.
void hold_question(pg::Spi &spi, const Uuid &id);

// Its place. Errc::invalid_argument when the question does not have it; the hint lists the choices.
std::uint8_t find_choice(const Question &question, const std::string &choice);

struct Voter {
  bool confirmed;
  TimestampTz inserted_at;
  TimestampTz votes_from; // questions that opened before are barred: an earlier account of this address may have voted
  Bytes sealed_vote_secret;
  std::map<std::string, std::string> values; // by dimension source; what is not stated is absent
};

// The authenticated person, with what these dimensions are made from. Errc::unauthenticated when the account is gone.
Voter load_voter(const Uuid &user, const std::vector<Dimension> &dimensions);

VoteSecret open_vote_secret(pg::Spi &spi, const Uuid &user, ByteView sealed);
Bytes seal_vote_secret(pg::Spi &spi, const Uuid &user, ByteView secret);

// Countries and regions are those of ISO 3166; any value will do for other sources. Errc::invalid_argument.
void check_iso_code(std::string_view source, std::string_view value);

// One category field per dimension. Errc::invalid_argument when the profile holds a value a dimension does not have.
SecretBytes take_snapshot(const Voter &voter, const std::vector<Dimension> &dimensions);

// Rows of roughly.dimensions, or those of one name after the other; each checked. Errc::unknown_object names the known ones.
std::vector<Dimension> load_dimensions(pg::Spi &spi);
std::vector<Dimension> choose_dimensions(pg::Spi &spi, const std::vector<std::string> &names);

// Casting holds this lock shared, closing takes it exclusively; it is kept to the end of the transaction.
enum class QuestionLock { shared, exclusive };
void lock_question(const Uuid &question, QuestionLock mode);

} // namespace roughly
