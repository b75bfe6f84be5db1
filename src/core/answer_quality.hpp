// The pattern of somebody's own earlier answers, as a coarse grade: a dimension like any other, which a question may ask for.
// It never decides whether a vote counts or who may be a witness, since what is hidden must not depend on answers.
#pragma once

#include "core/bytes.hpp"

namespace roughly {

struct AnswerPattern {
  std::size_t answered = 0;       // answers that were kept
  std::size_t same_place = 0;     // of these, the most at one place in the list of choices
  std::size_t asked = 0;          // questions that were open since the account was made
  std::size_t contradictions = 0; // pairs of answers that an author has declared to exclude each other
};

// `places`: of each kept answer, its place among the choices.
AnswerPattern answer_pattern(const std::vector<std::uint8_t> &places, std::size_t asked, std::size_t contradictions);

inline constexpr std::array<std::string_view, 3> answer_grades{"low", "medium", "high"};
// Nothing below 5 answers. low: contradicts itself, or 9 of 10 answers at one place among 8 or more ("straight-lining").
// high: has answered at least half of what was asked. medium: the rest.
std::optional<std::string> answer_grade(const AnswerPattern &pattern);

} // namespace roughly
