// How stored passwords and tokens are sealed: shared by what writes and what checks them.
#pragma once

#include "core/session_token.hpp"
#include "pg/key_loader.hpp"

namespace roughly {

inline Binding password_binding(const Uuid &user) {
  return Binding("password").with(user);
}

inline Bytes seal_password(pg::Spi &spi, const Uuid &user, std::string_view phc) {
  return seal(pg::keys::sealing(spi).subkey<Purpose::password>(), view(phc), password_binding(user));
}

inline std::string open_password(pg::Spi &spi, const Uuid &user, ByteView sealed) {
  return std::string(text_view(pg::keys::open<Purpose::password>(spi, sealed, password_binding(user))));
}

} // namespace roughly
