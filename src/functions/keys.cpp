#include "pg/key_loader.hpp"

using namespace roughly;

ROUGHLY_FUNCTION(roughly_ensure_key_file) {
  pg::keys::ensure_file();
  return pg::void_result();
}
