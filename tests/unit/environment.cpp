#include <gtest/gtest.h>
#include <sodium.h>

namespace {

class Sodium : public ::testing::Environment {
public:
  void SetUp() override { ASSERT_GE(sodium_init(), 0); }
};

const auto *const sodium = ::testing::AddGlobalTestEnvironment(new Sodium);

} // namespace
