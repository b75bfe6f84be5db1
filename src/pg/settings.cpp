#include "pg/settings.hpp"

#include "pg/compat.hpp"

namespace roughly::pg::settings {
namespace {

constexpr const char *beside_data_directory = ".roughly_auth.key";

constinit char *key_file_setting = nullptr;
constinit bool allow_key_in_data_directory = false;
constinit int min_k_setting = 5;
constinit int argon2_memory = 19 * 1024;
constinit int argon2_passes = 2;
constinit int hash_slots_setting = 4;
constinit int min_password_length_setting = 15;
constinit int min_password_length_with_factor = 8;
constinit bool isolate_votes_setting = true;
constinit char *worker_databases_setting = nullptr;
constinit int worker_interval_setting = 60;

} // namespace

void define() {
  call([] {
    DefineCustomStringVariable("roughly_auth.key_file", "The file that holds the sealing keys.",
                               "Empty: beside the data directory, named <data_directory>.roughly_auth.key.",
                               &key_file_setting, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("roughly_auth.allow_key_in_data_directory",
                             "Allows the key file to lie inside the data directory.",
                             "Every base backup then carries the keys together with what they seal.",
                             &allow_key_in_data_directory, false, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("roughly_auth.min_k", "The smallest k that a question may have.", nullptr, &min_k_setting, 5, 2,
                            1000000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("roughly_auth.argon2_memory", "Memory for hashing one password.",
                            "Stored hashes made with less are renewed at the next log-in.", &argon2_memory, 19 * 1024,
                            19 * 1024, static_cast<int>(argon2_limit.memory_kib), PGC_SUSET, GUC_UNIT_KB, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("roughly_auth.argon2_passes", "Passes over that memory.", nullptr, &argon2_passes, 2, 2,
                            static_cast<int>(argon2_limit.passes), PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("roughly_auth.hash_slots", "How many passwords may be hashed at once in this database.",
                            "Each takes argon2_memory; who waits longer than a second is told to come back.",
                            &hash_slots_setting, 4, 1, 64, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("roughly_auth.min_password_length", "Characters a new password must have at least.",
                            "NIST SP 800-63B-4 asks for 15 where the password is the only factor.", &min_password_length_setting,
                            15, 8, 64, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("roughly_auth.min_password_length_with_factor",
                            "The same for accounts with a second factor.", nullptr, &min_password_length_with_factor, 8, 8, 64,
                            PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("roughly_auth.isolate_votes", "Refuses a vote in a transaction that has written anything else.",
                             "Rows written in one transaction can be linked. Turn it off only in tests that roll back.",
                             &isolate_votes_setting, true, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("roughly_auth.worker_interval", "How often a background worker publishes what is due.", nullptr,
                            &worker_interval_setting, 60, 1, 86400, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
    if (process_shared_preload_libraries_in_progress)
      DefineCustomStringVariable("roughly_auth.worker_databases", "Databases in which a background worker publishes what is due.",
                                 "A list of names; each gets a worker of its own.", &worker_databases_setting, "", PGC_POSTMASTER,
                                 GUC_LIST_INPUT | GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    compat::reserve_prefix("roughly_auth");
  });
}

std::string key_file() {
  if (key_file_setting != nullptr && key_file_setting[0] != '\0')
    return key_file_setting;
  return std::string(DataDir) + beside_data_directory;
}

bool is_key_file(std::string_view path) noexcept {
  if (key_file_setting != nullptr && key_file_setting[0] != '\0')
    return path == key_file_setting;
  return path.starts_with(DataDir) && path.substr(strlen(DataDir)) == beside_data_directory;
}

bool key_in_data_directory() noexcept { return allow_key_in_data_directory; }
std::uint32_t min_k() noexcept { return static_cast<std::uint32_t>(min_k_setting); }
Argon2Cost argon2_cost() noexcept {
  return {static_cast<std::uint32_t>(argon2_memory), static_cast<std::uint32_t>(argon2_passes)};
}
std::uint32_t hash_slots() noexcept { return static_cast<std::uint32_t>(hash_slots_setting); }
std::size_t min_password_length(bool second_factor) noexcept {
  return static_cast<std::size_t>(second_factor ? min_password_length_with_factor : min_password_length_setting);
}
bool isolate_votes() noexcept { return isolate_votes_setting; }
const char *worker_databases() noexcept { return worker_databases_setting; }
int worker_interval() noexcept { return worker_interval_setting; }

} // namespace roughly::pg::settings
