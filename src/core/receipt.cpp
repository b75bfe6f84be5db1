#include "core/receipt.hpp"

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr std::uint8_t format = 0x01;

Binding binding(const Uuid &question, const Uuid &tag) {
  return Binding("receipt").with(question).with(tag);
}

} // namespace

SecretBytes VoteSecret::generate() {
  SecretBytes secret(key_size);
  randombytes_buf(secret.data(), secret.size());
  return secret;
}

VoteSecret::VoteSecret(SecretBytes bytes) : secret_(std::move(bytes)), receipt_key_(key_size) {
  if (secret_.size() != key_size)
    throw Error(Errc::corrupted, "a vote secret has the wrong length");
  crypto_kdf_derive_from_key(receipt_key_.data(), receipt_key_.size(), 1, "receipt_", secret_.data());
}

Uuid VoteSecret::tag(const Uuid &question) const {
  Uuid tag;
  crypto_generichash(tag.data(), tag.size(), question.data(), question.size(), secret_.data(), secret_.size());
  tag[6] = static_cast<unsigned char>((tag[6] & 0x0f) | 0x80);
  tag[8] = static_cast<unsigned char>((tag[8] & 0x3f) | 0x80);
  return tag;
}

std::array<unsigned char, 16> VoteSecret::draw(const Uuid &question) const {
  SecretBytes key(key_size);
  crypto_kdf_derive_from_key(key.data(), key.size(), 2, "response", secret_.data());
  std::array<unsigned char, 16> draw;
  crypto_generichash(draw.data(), draw.size(), question.data(), question.size(), key.data(), key.size());
  return draw;
}

Bytes VoteSecret::seal_receipt(const Uuid &question, const Uuid &tag, const Receipt &receipt, const Nonce &nonce) const {
  Writer<SecretBytes> plain;
  plain.u8(format);
  plain.u8(receipt.choice);
  plain.u32(static_cast<std::uint32_t>(receipt.day));
  return seal(KeyId{0}, KeyBytes(receipt_key_.data(), key_size), std::move(plain).take(), binding(question, tag), nonce);
}

Receipt VoteSecret::open_receipt(const Uuid &question, const Uuid &tag, ByteView sealed) const {
  const SecretBytes plain = open(KeyBytes(receipt_key_.data(), key_size), sealed, binding(question, tag));
  Reader in(plain);
  if (in.u8() != format)
    throw Error(Errc::corrupted, "a receipt has an unknown format");
  Receipt receipt;
  receipt.choice = in.u8();
  receipt.day = static_cast<std::int32_t>(in.u32());
  in.end();
  return receipt;
}

} // namespace roughly
