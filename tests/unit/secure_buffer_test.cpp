#include "support.hpp"

#include "core/secure_buffer.hpp"

namespace roughly::test {
namespace {

TEST(SecureBuffer, HoldsWhatIsWritten) {
  SecureBuffer buffer(100);
  EXPECT_EQ(buffer.size(), 100u);
  sodium_memzero(buffer.data(), buffer.size());
  buffer.data()[99] = 7;
  EXPECT_EQ(std::as_const(buffer).data()[99], 7);
}

TEST(SecureBuffer, MovesWithoutCopying) {
  SecureBuffer buffer(32);
  const unsigned char *place = buffer.data();
  const SecureBuffer moved(std::move(buffer));
  EXPECT_EQ(moved.data(), place);
  EXPECT_EQ(moved.size(), 32u);
}

TEST(SecureBuffer, StaysReadableWhenFrozenAndCanBeFreed) {
  SecureBuffer buffer(32);
  buffer.data()[0] = 42;
  buffer.freeze();
  EXPECT_EQ(buffer.data()[0], 42);
}

TEST(SecureBufferDeathTest, DiesOfAWriteToAFrozenBuffer) {
  SecureBuffer buffer(32);
  buffer.freeze();
  EXPECT_DEATH(*const_cast<volatile unsigned char *>(buffer.data()) = 1, "");
}

TEST(SecureBufferDeathTest, DiesOfAnAccessPastItsEnd) {
  const SecureBuffer buffer(32);
  EXPECT_DEATH(static_cast<void>(*const_cast<const volatile unsigned char *>(buffer.data() + 32)), "");
}

TEST(SecureBuffer, RefusesSizesNoMachineHas) {
  EXPECT_THROW(SecureBuffer(~std::size_t{0} / 2), std::bad_alloc);
}

} // namespace
} // namespace roughly::test
