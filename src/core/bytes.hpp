// Bytes: views, identifiers, text encodings, and the packing used by every stored format.
#pragma once

#include "core/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sodium.h>

namespace roughly {

using Bytes = std::vector<unsigned char>;
using ByteView = std::span<const unsigned char>;
using Uuid = std::array<unsigned char, 16>;

// Zeroes what it frees: for vectors that hold passwords, plain ballots or counts.
template <class T> struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U> WipingAllocator(const WipingAllocator<U> &) noexcept {}
  T *allocate(std::size_t n) { return std::allocator<T>().allocate(n); }
  void deallocate(T *p, std::size_t n) noexcept {
    sodium_memzero(p, n * sizeof(T));
    std::allocator<T>().deallocate(p, n);
  }
  template <class U> bool operator==(const WipingAllocator<U> &) const noexcept { return true; }
};
using SecretBytes = std::vector<unsigned char, WipingAllocator<unsigned char>>;

inline ByteView view(std::string_view text) noexcept {
  return {reinterpret_cast<const unsigned char *>(text.data()), text.size()};
}
// At most `longest` bytes of UTF-8, cut between characters.
inline std::string_view shortened(std::string_view text, std::size_t longest) noexcept {
  std::size_t size = std::min(text.size(), longest);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
    --size;
  return text.substr(0, size);
}
inline std::string_view text_view(ByteView bytes) noexcept {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

// Random version 4 UUID. Never version 7: it tells the time.
Uuid random_uuid();
Uuid random_uuid(std::span<const unsigned char, 16> random); // of these bytes

std::string to_hex(ByteView bytes);
std::optional<SecretBytes> from_hex(std::string_view text);
// base64url without padding (RFC 4648, section 5).
std::string to_base64url(ByteView bytes);
std::optional<SecretBytes> from_base64url(std::string_view text);
// 8-4-4-4-12 form.
std::string to_text(const Uuid &id);

// Appends fixed-width big-endian numbers, LEB128 numbers and length-prefixed text.
template <class Container> class Writer {
public:
  void reserve(std::size_t size) { out_.reserve(size); }
  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value) { fixed<2>(value); }
  void u32(std::uint32_t value) { fixed<4>(value); }
  void real(double value) { // IEEE 754, 8 bytes; g++ 10 has no std::bit_cast
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    fixed<8>(bits);
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      out_.push_back(static_cast<unsigned char>(value | 0x80));
    out_.push_back(static_cast<unsigned char>(value));
  }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view value) {
    varint(value.size());
    raw(view(value));
  }
  [[nodiscard]] Container take() && { return std::move(out_); }
  [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }

private:
  template <int N> void fixed(std::uint64_t value) {
    for (int shift = 8 * (N - 1); shift >= 0; shift -= 8)
      out_.push_back(static_cast<unsigned char>(value >> shift));
  }
  Container out_;
};

// Reads what Writer wrote. Every read is checked; a short or overlong input is Errc::corrupted.
class Reader {
public:
  explicit Reader(ByteView bytes) noexcept : rest_(bytes) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed<1>()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed<2>()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed<4>()); }
  double real() {
    const std::uint64_t bits = fixed<8>();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  std::uint64_t varint() { // most take one byte
    return !rest_.empty() && rest_[0] < 0x80 ? u8() : long_varint();
  }
  // A count of things that take at least `each` bytes: refused when the rest cannot hold them.
  std::size_t count(std::size_t each = 1);
  ByteView raw(std::size_t size) {
    if (size > rest_.size())
      ends_early();
    const ByteView bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }
  std::string text();
  void end() const; // nothing may be left
  [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

private:
  template <int N> std::uint64_t fixed() {
    std::uint64_t value = 0;
    for (const unsigned char byte : raw(N))
      value = value << 8 | byte;
    return value;
  }
  std::uint64_t long_varint();
  [[noreturn]] static void ends_early();

  ByteView rest_;
};

} // namespace roughly
