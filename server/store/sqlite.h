#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace puna {

// An SQLite database and its statements, with errors as exceptions: one line that names the file. For one
// thread at a time.
class SqliteDatabase {
 public:
  // Made if it is not there, readable for its owner only.
  explicit SqliteDatabase(const std::filesystem::path& path);

  void Run(const std::string& sql);  // without results

  [[noreturn]] void Fail(std::string_view what) const;  // "PATH: what"

 private:
  friend class SqliteStatement;
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  };

  [[noreturn]] void FailWithError() const;

  const std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// One statement: bind, then step through its rows. The database outlives it.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteDatabase& database, std::string_view sql);

  SqliteStatement& Bind(int64_t value);  // in the order of the question marks
  SqliteStatement& Bind(const std::string& text);
  bool Step();  // true: there is a row
  // Of the row. `column` counts from 0.
  int64_t Integer(int column) { return sqlite3_column_int64(statement_.get(), column); }
  std::string Text(int column);

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  const SqliteDatabase& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

// All or nothing: what was done is undone unless it was committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteDatabase& database);
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

  void Commit();

 private:
  SqliteDatabase& database_;
  bool committed_ = false;
};

}  // namespace puna
