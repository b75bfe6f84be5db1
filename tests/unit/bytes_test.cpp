#include "support.hpp"

#include <cstdlib>

// Looks at what is freed: the only way to see memory wiped without reading it after its release.
namespace {

const void *watched = nullptr;
std::size_t watched_size = 0;
bool watched_was_zero = false;

void watch(const void *memory, std::size_t size) {
  watched = memory;
  watched_size = size;
  watched_was_zero = false;
}

} // namespace

// Not inlined, lest the compiler see a free() of what some other operator new returned.
[[gnu::noinline]] void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void *operator new(std::size_t size) {
  if (void *memory = operator new(size, std::nothrow))
    return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void *memory) noexcept {
  if (memory != nullptr && memory == watched)
    watched_was_zero = sodium_is_zero(static_cast<const unsigned char *>(memory), watched_size) == 1;
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void *memory, std::size_t) noexcept {
  operator delete(memory);
}
[[gnu::noinline]] void operator delete(void *memory, const std::nothrow_t &) noexcept {
  operator delete(memory);
}

namespace roughly::test {
namespace {

template <class Vector> bool is_zero_when_freed() {
  {
    const Vector secret(48, 0x55);
    watch(secret.data(), 48 * sizeof(secret[0]));
  }
  watched = nullptr;
  return watched_was_zero;
}

TEST(SecretBytes, AreZeroWhenFreed) {
  EXPECT_TRUE(is_zero_when_freed<SecretBytes>());
  EXPECT_TRUE((is_zero_when_freed<std::vector<std::uint64_t, WipingAllocator<std::uint64_t>>>()));
  EXPECT_FALSE(is_zero_when_freed<Bytes>()); // the test can tell
}

TEST(SecretBytes, AreZeroWhenOutgrown) {
  SecretBytes growing(48, 0x55);
  watch(growing.data(), 48);
  growing.resize(growing.capacity() + 1);
  EXPECT_TRUE(watched_was_zero);
  watched = nullptr;
}

TEST(RandomUuid, IsVersion4AndNeverTheSame) {
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    const Uuid id = random_uuid();
    EXPECT_EQ(id[6] >> 4, 4);
    EXPECT_EQ(id[8] >> 6, 2);
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Text, WritesUuidsInTheUsualForm) {
  EXPECT_EQ(to_text(uuid(0xff)), "12345678-9abc-4def-8000-0000000000ff");
}

TEST(Hex, RoundTrips) {
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<unsigned char>(i);
  const std::string text = to_hex(all);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  EXPECT_EQ(text.size(), 512u);
  const auto back = from_hex(text);
  ASSERT_TRUE(back);
  EXPECT_TRUE(std::equal(all.begin(), all.end(), back->begin(), back->end()));
  EXPECT_EQ(from_hex("FF00"), from_hex("ff00"));
  EXPECT_EQ(from_hex("")->size(), 0u);
}

TEST(Hex, RefusesWhatIsNotHex) {
  for (const std::string_view text : {"0", "abc", "0g", "zz", "0x", " 00", "00 ", "00:0", "00\n"})
    EXPECT_FALSE(from_hex(text)) << text;
  EXPECT_FALSE(from_hex(std::string_view("00\0\0", 4)));
}

TEST(Base64Url, RoundTripsEveryLength) {
  Bytes bytes;
  for (unsigned char size = 0; size < 70; ++size) {
    const std::string text = to_base64url(bytes);
    EXPECT_EQ(text.size(), (bytes.size() * 4 + 2) / 3);
    EXPECT_EQ(text.find_first_of("+/="), std::string::npos);
    const auto back = from_base64url(text);
    ASSERT_TRUE(back);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), back->begin(), back->end()));
    bytes.push_back(static_cast<unsigned char>(0xff - 3 * size));
  }
  EXPECT_EQ(to_base64url(view("\xfb\xff")), "-_8"); // the two letters in which the URL alphabet differs
}

TEST(Base64Url, RefusesOtherAlphabetsPaddingAndLooseBits) {
  for (const std::string_view text : {"+_8", "-/8", "-_8=", "-_ 8", "-", "-_9", "é", "ééA", "\xff\xff\xff\xff"})
    EXPECT_FALSE(from_base64url(text)) << text;
}

TEST(Packing, IsBigEndianAndLittleEndianBase128) {
  Writer<Bytes> out;
  out.u8(1);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.varint(300);
  out.text("ab");
  out.raw(view("c"));
  EXPECT_EQ(out.size(), 13u);
  const Bytes expected{1, 2, 3, 4, 5, 6, 7, 0xac, 0x02, 2, 'a', 'b', 'c'};
  EXPECT_EQ(std::move(out).take(), expected);
}

TEST(Packing, RoundTripsNumbersOfEveryLength) {
  std::vector<std::uint64_t> numbers{0, 1, 127, 128, 16383, 16384};
  for (int shift = 20; shift < 64; ++shift)
    numbers.insert(numbers.end(), {(std::uint64_t{1} << shift) - 1, std::uint64_t{1} << shift});
  numbers.push_back(~std::uint64_t{0});
  Writer<Bytes> out;
  for (const std::uint64_t number : numbers)
    out.varint(number);
  const Bytes bytes = std::move(out).take();
  Reader in(bytes);
  for (const std::uint64_t number : numbers)
    EXPECT_EQ(in.varint(), number);
  EXPECT_NO_THROW(in.end());
}

TEST(Packing, RefusesNumbersOfMoreThan64Bits) {
  Bytes bytes(9, 0xff);
  bytes.push_back(0x01);
  EXPECT_EQ(Reader(bytes).varint(), ~std::uint64_t{0});
  bytes.back() = 0x02;
  EXPECT_TRUE(throws(Errc::corrupted, [&] { Reader(bytes).varint(); }));
  bytes.back() = 0x80;
  bytes.push_back(0x00);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { Reader(bytes).varint(); }));
}

TEST(Packing, RefusesToReadPastTheEnd) {
  Writer<Bytes> out;
  out.u32(7);
  out.u16(7);
  out.u8(7);
  out.varint(1 << 20);
  out.text("seven");
  expect_no_prefix_reads(std::move(out).take(), [](ByteView bytes) {
    Reader in(bytes);
    in.u32();
    in.u16();
    in.u8();
    in.varint();
    in.text();
  });
}

TEST(Packing, RefusesWhatIsLeftOver) {
  const Bytes bytes{1, 2};
  Reader in(bytes);
  in.u8();
  EXPECT_EQ(in.left(), 1u);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { in.end(); }));
}

TEST(Packing, RefusesCountsThatTheRestCannotHold) {
  const Bytes bytes{5, 0, 0, 0, 0};
  EXPECT_TRUE(throws(Errc::corrupted, [&] { Reader(bytes).count(1); }));
  const Bytes enough{2, 0, 0, 0, 0};
  EXPECT_EQ(Reader(enough).count(2), 2u);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { Reader(enough).count(3); }));
  Bytes huge(9, 0xff); // 2^64 - 1 things: no multiplication may wrap around
  huge.push_back(0x01);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { Reader(huge).count(16); }));
}

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc");
  EXPECT_EQ(shortened("a\u00e9", 2), "a");
  EXPECT_EQ(shortened("a\u00e9", 3), "a\u00e9");
  EXPECT_EQ(shortened("\u20ac", 2), "");
  EXPECT_EQ(shortened("", 0), "");
}

} // namespace
} // namespace roughly::test
