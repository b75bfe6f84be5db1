// What a person's own secret makes: the tag that marks "has voted in this question", and the receipt only they can open.
#pragma once

#include "core/sealed_box.hpp"

namespace roughly {

inline constexpr std::uint8_t no_choice = 0xff;

struct Receipt {
  std::uint8_t choice; // index into the question's choices, or no_choice
  std::int32_t day;    // days since 2000-01-01
};

class VoteSecret {
public:
  static SecretBytes generate(); // 32 random bytes
  explicit VoteSecret(SecretBytes bytes); // Errc::corrupted unless 32 bytes

  // BLAKE2b-128 keyed with the secret over the question id, dressed as a version 8 UUID (RFC 9562).
  [[nodiscard]] Uuid tag(const Uuid &question) const;
  // 16 random bytes that are always the same for the question: what chance decides for this person.
  [[nodiscard]] std::array<unsigned char, 16> draw(const Uuid &question) const;
  // `tag`: that of the question. Always the same length. The key is derived from the secret alone: rotating the keyring re-seals secrets, not receipts.
  [[nodiscard]] Bytes seal_receipt(const Uuid &question, const Uuid &tag, const Receipt &receipt, const Nonce &nonce = Nonce()) const;
  [[nodiscard]] Receipt open_receipt(const Uuid &question, const Uuid &tag, ByteView sealed) const;

private:
  SecretBytes secret_, receipt_key_;
};

} // namespace roughly
