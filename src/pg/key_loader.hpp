// The key file and roughly.keys: which keys there are, and which of them this database has been sealed with.
#pragma once

#include "core/keyring.hpp"
#include "core/sealed_box.hpp"
#include "core/session_token.hpp"
#include "pg/spi.hpp"

namespace roughly::pg::keys {

void init(); // once, from _PG_init

// Makes the key file when there is none and the database knows no key; checks the one that is there. Errc::key_file_*.
void ensure_file(Spi &spi);

// The key that new values are sealed with: the database's active one. The first use in a database registers the
// file's newest key. Call as owner. Errc::key_file_*, Errc::key_unknown.
const Key &sealing(Spi &spi);
// The key with this number, for opening, or nullptr.
const Key *find(Spi &spi, KeyId id);
// The same where it must be there. Errc::key_unknown names the keys that are; Errc::corrupted for 0, a person's own.
const Key &by_id(Spi &spi, KeyId id);

// The mailer's public key, from the file <key_file>.mailer; nothing when there is none. Errc::key_file_unusable.
std::optional<MailerKey> mailer_key();

template <Purpose P> SecretBytes open(Spi &spi, ByteView sealed, Binding &&binding) {
  return roughly::open(by_id(spi, sealing_key(sealed)).template subkey<P>(), sealed, std::move(binding));
}

} // namespace roughly::pg::keys
