#include "core/answer_quality.hpp"

#include <map>

#include "core/core_only.hpp"

namespace roughly {

AnswerPattern answer_pattern(const std::vector<std::uint8_t> &places, std::size_t asked, std::size_t contradictions) {
  AnswerPattern pattern{places.size(), 0, asked, contradictions};
  std::map<std::uint8_t, std::size_t> at;
  for (const std::uint8_t place : places)
    pattern.same_place = std::max(pattern.same_place, ++at[place]);
  return pattern;
}

std::optional<std::string> answer_grade(const AnswerPattern &pattern) {
  constexpr std::size_t fewest = 5, fewest_for_line = 8;
  if (pattern.answered < fewest)
    return std::nullopt;
  const bool line = pattern.answered >= fewest_for_line && 10 * pattern.same_place >= 9 * pattern.answered;
  if (line || pattern.contradictions > 0)
    return std::string(answer_grades[0]);
  return std::string(answer_grades[2 * pattern.answered >= pattern.asked ? 2 : 1]);
}

} // namespace roughly
