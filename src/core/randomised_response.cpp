#include "core/randomised_response.hpp"

#include <cmath>

#include "core/core_only.hpp"

namespace roughly {

RandomisedResponse::RandomisedResponse(double epsilon, std::size_t choices) noexcept
    : choices_(choices), keep_(std::exp(epsilon) / (std::exp(epsilon) + static_cast<double>(choices) - 1)),
      other_(1 / (std::exp(epsilon) + static_cast<double>(choices) - 1)) {}

std::uint8_t RandomisedResponse::respond(std::uint8_t choice, const Draw &draw) const noexcept {
  const auto number = [&](std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < from + sizeof value; ++i)
      value = value << 8 | draw[i];
    return value;
  };
  constexpr double two_to_64 = 18446744073709551616.0;
  if (static_cast<double>(number(0)) < keep_ * two_to_64)
    return choice;
  const std::uint64_t others = choices_ - 1; // number(8) % others is uneven by less than 2^-57
  return static_cast<std::uint8_t>((choice + 1 + number(8) % others) % choices_);
}

Share RandomisedResponse::estimate(double votes, double respondents) const {
  const Share sent = wilson(votes, respondents);
  const auto truth = [this](double share) { return (share - other_) / (keep_ - other_); };
  return {truth(sent.share), std::clamp(truth(sent.low), 0.0, 1.0), std::clamp(truth(sent.high), 0.0, 1.0)};
}

} // namespace roughly
