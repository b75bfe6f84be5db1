// The settings roughly_auth.* (docs/settings.md). None of them is a secret.
#pragma once

#include "core/password_hash.hpp"

namespace roughly::pg::settings {

void define(); // once, from _PG_init

std::string key_file();           // resolved: the default lies beside the data directory
bool is_key_file(std::string_view path) noexcept; // the same, without making it
bool key_in_data_directory() noexcept; // allowed to lie inside it
std::uint32_t min_k() noexcept;
Argon2Cost argon2_cost() noexcept;
std::uint32_t hash_slots() noexcept;
std::size_t min_password_length(bool second_factor) noexcept; // code points
bool isolate_votes() noexcept;    // a vote's transaction writes nothing else
const char *worker_databases() noexcept; // a list of names; only when preloaded
int worker_interval() noexcept;   // seconds

} // namespace roughly::pg::settings
