#include "server/store/sqlite.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"

namespace puna {
namespace {

constexpr int kBusyMilliseconds = 5000;  // how long another process may hold the file

// SQLite would make the file readable for everybody.
void MakePrivately(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw Error(Printable(path.string(), 500) + ": " + std::strerror(errno));
  close(fd);
}

}  // namespace

SqliteDatabase::SqliteDatabase(const std::filesystem::path& path) : path_(path) {
  MakePrivately(path);
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(
      path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  handle_.reset(handle);
  if (result != SQLITE_OK) FailWithError();
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // The file may be anybody's: its schema runs nothing, and cannot be made to break the library.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
}

void SqliteDatabase::Run(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) FailWithError();
}

void SqliteDatabase::Fail(std::string_view what) const {
  throw Error(Printable(path_.string(), 500) + ": " + Printable(what, 500));
}

void SqliteDatabase::FailWithError() const {
  Fail(handle_ == nullptr ? "not enough memory" : sqlite3_errmsg(handle_.get()));
}

SqliteStatement::SqliteStatement(const SqliteDatabase& database, std::string_view sql) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v2(database.handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
  statement_.reset(statement);
  if (result != SQLITE_OK) database_.FailWithError();
}

SqliteStatement& SqliteStatement::Bind(int64_t value) {
  if (sqlite3_bind_int64(statement_.get(), ++bound_, value) != SQLITE_OK) database_.FailWithError();
  return *this;
}

SqliteStatement& SqliteStatement::Bind(const std::string& text) {
  if (sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK)
    database_.FailWithError();
  return *this;
}

bool SqliteStatement::Step() {
  const int result = sqlite3_step(statement_.get());
  if (result != SQLITE_ROW && result != SQLITE_DONE) database_.FailWithError();
  return result == SQLITE_ROW;
}

std::string SqliteStatement::Text(int column) {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return "";
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return std::string(reinterpret_cast<const char*>(text), size);
}

SqliteTransaction::SqliteTransaction(SqliteDatabase& database) : database_(database) {
  database_.Run("BEGIN IMMEDIATE");
}

SqliteTransaction::~SqliteTransaction() {
  if (committed_) return;
  try {
    database_.Run("ROLLBACK");
  } catch (const Error&) {
    // Some failures have undone it already.
  }
}

void SqliteTransaction::Commit() {
  database_.Run("COMMIT");
  committed_ = true;
}

}  // namespace puna
