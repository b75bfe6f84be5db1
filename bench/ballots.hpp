// Shared by the tools: random ballots, the same ones every time.
#pragma once

#include "core/ballot.hpp"

#include <random>
#include <sstream>

namespace roughly {

// "3,7,16" as numbers.
inline std::vector<int> numbers(const std::string &text) {
  std::vector<int> list;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');)
    list.push_back(std::stoi(item));
  return list;
}

class RandomBallots {
public:
  RandomBallots(int choices, std::vector<int> sizes) : choices_(choices), sizes_(std::move(sizes)) {}

  Ballot next() {
    Ballot ballot{static_cast<std::uint8_t>(below(choices_)), true, {}};
    for (const int size : sizes_)
      ballot.snapshot.push_back(static_cast<unsigned char>(1 + below(size)));
    return ballot;
  }

private:
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

  int choices_;
  std::vector<int> sizes_;
  std::mt19937 random_{1};
};

} // namespace roughly
