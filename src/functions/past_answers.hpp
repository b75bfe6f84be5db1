// What somebody has answered before, from their own receipts: shown to them, and the source of quality signals.
#pragma once

#include "functions/records.hpp"

namespace roughly {

struct PastAnswer {
  Uuid question;
  Datum prompt, choices; // a text and a text[], as stored
  Receipt receipt;

  [[nodiscard]] pg::Value choice() const; // a text; null when the receipt does not keep it. Errc::corrupted
};

// In the order in which the questions opened; to `only` these, or to all. They last as long as the connection to SPI.
std::vector<PastAnswer> past_answers(pg::Spi &spi, const VoteSecret &secret, std::optional<std::vector<Uuid>> only);

// Whether a dimension grades the voter's earlier answers.
bool reads_answers(const std::vector<Dimension> &dimensions);
// Adds the grade, if there is one, to what dimensions read.
void grade_answers(pg::Spi &spi, Voter &voter, const std::vector<PastAnswer> &answers);
std::size_t answers_on(const std::vector<PastAnswer> &answers, std::int32_t day);

} // namespace roughly
