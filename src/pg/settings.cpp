#include "pg/settings.hpp"

#include "pg/compat.hpp"

namespace roughly::pg::settings {
namespace {

constinit char *key_file_setting = nullptr;
constinit bool allow_key_in_data_directory = false;
constinit int min_k_setting = 5;
constinit int argon2_memory = 19 * 1024;
constinit int argon2_passes = 2;
constinit bool isolate_votes_setting = true;

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
    DefineCustomBoolVariable("roughly_auth.isolate_votes", "Refuses a vote in a transaction that has written anything else.",
                             "Rows written in one transaction can be linked. Turn it off only in tests that roll back.",
                             &isolate_votes_setting, true, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    compat::reserve_prefix("roughly_auth");
  });
}

std::string key_file() {
  if (key_file_setting != nullptr && key_file_setting[0] != '\0')
    return key_file_setting;
  return std::string(DataDir) + ".roughly_auth.key";
}

bool key_in_data_directory() noexcept { return allow_key_in_data_directory; }
std::uint32_t min_k() noexcept { return static_cast<std::uint32_t>(min_k_setting); }
Argon2Cost argon2_cost() noexcept {
  return {static_cast<std::uint32_t>(argon2_memory), static_cast<std::uint32_t>(argon2_passes)};
}
bool isolate_votes() noexcept { return isolate_votes_setting; }

} // namespace roughly::pg::settings
