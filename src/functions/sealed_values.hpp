// Every value that is sealed with a key of the server, wherever it lies: the check opens them all, rotation seals them
// anew. Receipts are not among them: only the voter's own secret opens one.
#pragma once

#include "functions/records.hpp"

namespace roughly {

struct SealedValue {
  Purpose purpose;
  std::string name; // "ballot 52cb... of question 1f0e...", for whoever has to restore it
  Bytes sealed;
  Binding binding;
  std::function<void(ByteView)> replace; // by one sealed anew, unless somebody else has changed it meanwhile
};

// Walks them in portions, so that each can have a transaction of its own: accounts first, then question by question.
class SealedValues {
public:
  // Visits the next portion; false when there is none left.
  bool next(pg::Spi &spi, const std::function<void(const SealedValue &)> &visit);

private:
  enum class Stage { accounts, question, ballots, blocks };

  Stage stage_ = Stage::accounts;
  std::size_t kind_ = 0;                // accounts: which kind
  Uuid id_{};                           // accounts, ballots: the last visited
  Uuid question_{};                     // the one we are at
  std::int32_t batch_ = 0, number_ = 0; // blocks: the last visited
};

} // namespace roughly
