#include "core/bytes.hpp"

#include <algorithm>

#include "core/core_only.hpp"

namespace roughly {

Uuid random_uuid() {
  Uuid bytes;
  randombytes_buf(bytes.data(), bytes.size());
  return random_uuid(bytes);
}

Uuid random_uuid(std::span<const unsigned char, 16> random) {
  Uuid id;
  std::copy(random.begin(), random.end(), id.begin());
  id[6] = static_cast<unsigned char>((id[6] & 0x0f) | 0x40);
  id[8] = static_cast<unsigned char>((id[8] & 0x3f) | 0x80);
  return id;
}

std::string to_hex(ByteView bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

std::optional<SecretBytes> from_hex(std::string_view text) {
  SecretBytes bytes(text.size() / 2 + 1); // libsodium wants somewhere to write even nothing to
  std::size_t size = 0;
  if (text.size() % 2 != 0 ||
      sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, nullptr) != 0 ||
      size != text.size() / 2)
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::string to_base64url(ByteView bytes) {
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), variant);
  text.pop_back();
  return text;
}

std::optional<SecretBytes> from_base64url(std::string_view text) {
  // libsodium 1.0.18 takes every byte from 0x80 on for '_'.
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return std::nullopt;
  SecretBytes bytes(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::string to_text(const Uuid &id) {
  std::string text = to_hex(id);
  for (const std::size_t place : {8u, 13u, 18u, 23u})
    text.insert(place, 1, '-');
  return text;
}

std::uint64_t Reader::long_varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint64_t byte = u8();
    if (shift == 63 && byte > 1)
      break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
  throw Error(Errc::corrupted, "a packed number is too large");
}

std::size_t Reader::count(std::size_t each) {
  const std::uint64_t value = varint();
  if (value > rest_.size() / each)
    throw Error(Errc::corrupted, "a packed value is shorter than it says");
  return static_cast<std::size_t>(value);
}

void Reader::ends_early() {
  throw Error(Errc::corrupted, "a packed value ends early");
}

std::string Reader::text() {
  return std::string(text_view(raw(count())));
}

void Reader::end() const {
  if (!rest_.empty())
    throw Error(Errc::corrupted, "a packed value is longer than it should be");
}

} // namespace roughly
