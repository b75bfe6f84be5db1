// Randomised response (S. L. Warner, JASA 60, 1965): what is counted is the true choice with probability
// p = e^epsilon / (e^epsilon + K - 1), and each of the other K - 1 with q = 1 / (e^epsilon + K - 1). So nobody, not even
// who isolates a ballot, learns the truth by more than a factor of e^epsilon in the odds.
#pragma once

#include "core/bytes.hpp"
#include "core/estimate.hpp"

namespace roughly {

inline constexpr double least_epsilon = 0.1, most_epsilon = 10;

class RandomisedResponse {
public:
  using Draw = std::array<unsigned char, 16>; // uniformly random

  // `epsilon` from least_epsilon to most_epsilon; `choices` from 2 to 64.
  RandomisedResponse(double epsilon, std::size_t choices) noexcept;

  [[nodiscard]] double keep() const noexcept { return keep_; }   // p
  [[nodiscard]] double other() const noexcept { return other_; } // q

  // What is counted for a choice. A function of both, so that whoever draws by a key cannot draw again.
  [[nodiscard]] std::uint8_t respond(std::uint8_t choice, const Draw &draw) const noexcept;

  // The share of the true choice: (L - q) / (p - q) for the counted share L, unbiased and therefore sometimes below 0 or
  // above 1; the 95 % interval is Wilson's for L, mapped the same way and clipped to 0 and 1.
  [[nodiscard]] Share estimate(double votes, double respondents) const;

private:
  std::size_t choices_;
  double keep_, other_;
};

} // namespace roughly
