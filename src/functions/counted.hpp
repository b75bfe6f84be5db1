// What has been frozen and counted: a question's batches and its tally, opened.
#pragma once

#include "functions/records.hpp"

namespace roughly {

// Names what is corrupted, for whoever has to restore it.
template <class What, class Open> auto opened(What what, Open open) {
  try {
    return open();
  } catch (const Error &error) {
    if (error.code() != Errc::corrupted)
      throw;
    throw Error(Errc::corrupted, what() + " does not open", error.what());
  }
}

// The blocks of a frozen batch, opened into `box`. False when there are none. Errc::corrupted names it.
bool open_batch(pg::Spi &spi, const Uuid &question, std::uint32_t batch, BallotBox &box);
std::string batch_name(const Uuid &question, std::uint32_t batch);
// The tally as of that release; nothing when another publisher has released since `question` was read. Errc::corrupted
// names it.
std::optional<Tally> open_tally(pg::Spi &spi, const Question &question, std::uint32_t release);
// A fresh count of all released batches. Errc::not_open when one was forgotten.
Tally recount(pg::Spi &spi, const Question &question);

} // namespace roughly
