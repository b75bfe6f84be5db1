#include "pg/spi.hpp"

namespace roughly::pg {
namespace {

struct Parameters { // plain data for C
  Datum values[Statement::most_arguments];
  char nulls[Statement::most_arguments];

  explicit Parameters(std::initializer_list<Value> arguments) {
    std::size_t i = 0;
    for (const Value &argument : arguments) {
      values[i] = argument.datum;
      nulls[i++] = argument.null ? 'n' : ' ';
    }
  }
};

[[noreturn]] void fail(const char *what, int code) {
  throw Error(Errc::internal, std::string(what) + " failed: " + SPI_result_code_string(code));
}

} // namespace

SPIPlanPtr Statement::plan() {
  if (plan_ == nullptr)
    plan_ = call([&] {
      SPIPlanPtr plan = SPI_prepare(sql_, static_cast<int>(count_), types_.data());
      if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
      SPI_keepplan(plan);
      return plan;
    });
  return plan_;
}

Spi::Spi(Mode mode) {
  if (mode != Mode::deferred)
    connect(mode == Mode::nonatomic ? SPI_OPT_NONATOMIC : 0);
}

void Spi::connect(int options) {
  outer_ = CurrentMemoryContext;
  if (const int code = call(SPI_connect_ext, options); code != SPI_OK_CONNECT)
    fail("SPI_connect", code);
  connected_ = true;
}

void Spi::be_connected() {
  if (connected_)
    return;
  path_.emplace();
  connect(0);
}

Spi::~Spi() {
  if (!connected_)
    return;
  if (PgError::in_flight() == errors_)
    detail::attempt([](void *) { SPI_finish(); }, nullptr);
  else
    CurrentMemoryContext = outer_;
}

Rows Spi::run(Statement &statement, std::initializer_list<Value> arguments, bool read_only, Snapshot snapshot) {
  be_connected();
  Parameters parameters(arguments);
  SPIPlanPtr plan = statement.plan();
  const int code = call([&] {
    return SPI_execute_snapshot(plan, parameters.values, parameters.nulls, snapshot, InvalidSnapshot, read_only, true, 0);
  });
  if (code < 0)
    fail("a statement", code);
  return {};
}

Rows Spi::read(Statement &statement, std::initializer_list<Value> arguments) {
  return run(statement, arguments, true, InvalidSnapshot);
}

Rows Spi::read_latest(Statement &statement, std::initializer_list<Value> arguments) {
  if (IsInParallelMode()) // where no snapshot may be taken any more, and nothing may be written either
    return read(statement, arguments);
  return run(statement, arguments, true, call(GetLatestSnapshot));
}

Rows Spi::write(Statement &statement, std::initializer_list<Value> arguments) {
  return run(statement, arguments, false, InvalidSnapshot);
}

Spi::Cursor::Cursor(Statement &statement, std::initializer_list<Value> arguments) {
  Parameters parameters(arguments);
  SPIPlanPtr plan = statement.plan();
  portal_ = call([&] { return SPI_cursor_open(nullptr, plan, parameters.values, parameters.nulls, false); });
}

Spi::Cursor::~Cursor() {
  if (PgError::in_flight() == errors_)
    detail::attempt([](void *portal) { SPI_cursor_close(static_cast<Portal>(portal)); }, portal_);
}

Rows Spi::Cursor::fetch() {
  constexpr long portion = 1000;
  call(SPI_cursor_fetch, portal_, true, portion);
  return {};
}

} // namespace roughly::pg
