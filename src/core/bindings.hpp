// What every kind of sealed value is bound to: moved to another row, table or question it does not open. (A receipt is
// bound by its secret, a question's policy by the question itself.)
#pragma once

#include "core/sealed_box.hpp"

namespace roughly::bound_to {

inline Binding email(const Uuid &user, std::string_view address) { return Binding("email").with(user).with(view(address)); }
inline Binding password(const Uuid &user) { return Binding("password").with(user); }
inline Binding vote_secret(const Uuid &user) { return Binding("vote_secret").with(user); }
inline Binding factor(const Uuid &id) { return Binding("factor").with(id); }
inline Binding mail(const Uuid &order) { return Binding("mail").with(order); }
inline Binding ballot(const Uuid &question, const Uuid &id) { return Binding("ballot").with(question).named(id); }
inline Binding block(const Uuid &question, std::uint32_t batch, std::uint32_t number, std::uint32_t blocks) {
  return Binding("batch").with(question).with(batch).with(number).with(blocks);
}
inline Binding tally(const Uuid &question, std::uint32_t release) { return Binding("tally").with(question).with(release); }
inline Binding digest_keys(KeyId id) { return Binding("digest keys").with(std::uint32_t{id}); }

} // namespace roughly::bound_to
