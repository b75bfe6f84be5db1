#include "support.hpp"

#include "core/answer_quality.hpp"

namespace roughly::test {
namespace {

std::optional<std::string> grade(const std::vector<std::uint8_t> &places, std::size_t asked, std::size_t contradictions = 0) {
  return answer_grade(answer_pattern(places, asked, contradictions));
}

TEST(AnswerQuality, HasNoGradeForFewAnswers) {
  EXPECT_EQ(grade({}, 0), std::nullopt);
  EXPECT_EQ(grade({0, 1, 0, 1}, 4, 1), std::nullopt);
  EXPECT_NE(grade({0, 1, 0, 1, 0}, 5), std::nullopt);
}

TEST(AnswerQuality, IsLowForStraightLines) {
  EXPECT_EQ(grade({2, 2, 2, 2, 2, 2, 2, 2}, 8), "low");
  EXPECT_EQ(grade({2, 2, 2, 2, 2, 2, 2}, 7), "high"); // seven may be chance
  EXPECT_EQ(grade({2, 2, 2, 2, 2, 2, 2, 2, 2, 0}, 10), "low");
  EXPECT_EQ(grade({2, 2, 2, 2, 2, 2, 2, 2, 0, 0}, 10), "high");
}

TEST(AnswerQuality, IsLowForContradictions) {
  EXPECT_EQ(grade({0, 1, 2, 0, 1}, 5, 1), "low");
}

TEST(AnswerQuality, RisesWithParticipation) {
  EXPECT_EQ(grade({0, 1, 2, 0, 1}, 10), "high");
  EXPECT_EQ(grade({0, 1, 2, 0, 1}, 11), "medium");
}

} // namespace
} // namespace roughly::test
