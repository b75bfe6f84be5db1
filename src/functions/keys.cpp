#include "pg/key_loader.hpp"

using namespace roughly;

ROUGHLY_FUNCTION(roughly_ensure_key_file) {
  pg::Spi spi;
  pg::keys::ensure_file(spi);
  return pg::void_result();
}
