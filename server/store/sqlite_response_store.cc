#include "server/store/sqlite_response_store.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace puna {
namespace {

constexpr int32_t kApplicationId = 0x50756E61;  // "Puna", in the file's header
constexpr int kVersion = 1;                     // of the schema

// Word for word what a store of ours has. Numbers grow with time. Sums are kept, as counting takes long.
constexpr std::array<std::string_view, 4> kSchema = {
    "CREATE TABLE responses(number INTEGER PRIMARY KEY, id TEXT NOT NULL, owner TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, json TEXT NOT NULL, UNIQUE(owner, id)) STRICT",
    "CREATE TABLE items(response INTEGER NOT NULL REFERENCES responses ON DELETE CASCADE,"
    " output INTEGER NOT NULL, place INTEGER NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL,"
    " json TEXT NOT NULL, PRIMARY KEY(response, output, place)) STRICT, WITHOUT ROWID",
    "CREATE INDEX items_by_id ON items(owner, id)",
    "CREATE TABLE totals(responses INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT",
};

int64_t Value(const SqliteDatabase& database, std::string_view sql) {
  SqliteStatement statement(database, sql);
  return statement.Step() ? statement.Integer(0) : 0;
}

std::vector<StoredItem> Items(const SqliteDatabase& database, int64_t number, bool output) {
  SqliteStatement items(database,
                        "SELECT id, json FROM items WHERE response = ? AND output = ? ORDER BY place");
  items.Bind(number).Bind(int64_t{output});
  std::vector<StoredItem> read;
  while (items.Step()) read.push_back({items.Text(0), items.Text(1)});
  return read;
}

}  // namespace

SqliteResponseStore::SqliteResponseStore(const std::filesystem::path& path, StoreLimits limits)
    : limits_(limits), database_(path) {
  database_.Run("PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON");
  CheckOrMakeSchema();
  // A reader does not wait for a writer. An answer that was told is on the disk soon, not at once.
  database_.Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  SqliteTransaction transaction(database_);
  database_.Run("DELETE FROM totals");
  database_.Run("INSERT INTO totals SELECT count(*), ifnull(sum(bytes), 0) FROM responses");
  ForgetOldest();
  transaction.Commit();
}

void SqliteResponseStore::CheckOrMakeSchema() {
  SqliteTransaction transaction(database_);
  const bool is_new = Value(database_, "SELECT count(*) FROM sqlite_schema") == 0 &&
                      Value(database_, "PRAGMA application_id") == 0;
  if (is_new) {
    for (const std::string_view statement : kSchema) database_.Run(std::string(statement));
    database_.Run(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, kVersion));
    return transaction.Commit();
  }
  if (Value(database_, "PRAGMA application_id") != kApplicationId)
    database_.Fail("it is an SQLite database, but not a store of Puna's");
  if (const int64_t version = Value(database_, "PRAGMA user_version"); version != kVersion)
    database_.Fail(fmt::format("its format has the version {}; expected {}", version, kVersion));
  // Nothing of another shape, and nothing beside it that could do something.
  SqliteStatement schema(database_, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid");
  size_t equal = 0;
  while (schema.Step()) {
    if (equal == kSchema.size() || schema.Text(0) != kSchema[equal])
      database_.Fail("its tables are not Puna's");
    ++equal;
  }
  if (equal != kSchema.size()) database_.Fail("its tables are not Puna's");
  SqliteStatement check(database_, "PRAGMA quick_check(1)");
  if (!check.Step() || check.Text(0) != "ok") database_.Fail("it is damaged: " + check.Text(0));
}

void SqliteResponseStore::Put(const StoredResponse& response) {
  const std::lock_guard lock(mu_);
  SqliteTransaction transaction(database_);
  SqliteStatement put(database_,
                      "INSERT INTO responses(id, owner, bytes, json) VALUES(?, ?, ?, ?) RETURNING number");
  put.Bind(response.id).Bind(response.owner).Bind(StoredBytes(response)).Bind(response.json);
  put.Step();
  const int64_t number = put.Integer(0);
  put.Step();
  PutItems(number, response.owner, response.input, /*output=*/false);
  PutItems(number, response.owner, response.output, /*output=*/true);
  AddToTotals(1, StoredBytes(response));
  ForgetOldest();
  transaction.Commit();
}

void SqliteResponseStore::PutItems(int64_t number, const std::string& owner,
                                   const std::vector<StoredItem>& items, bool output) {
  for (size_t place = 0; place < items.size(); ++place) {
    SqliteStatement put(
        database_, "INSERT INTO items(response, output, place, owner, id, json) VALUES(?, ?, ?, ?, ?, ?)");
    put.Bind(number).Bind(int64_t{output}).Bind(static_cast<int64_t>(place));
    put.Bind(owner).Bind(items[place].id).Bind(items[place].json).Step();
  }
}

void SqliteResponseStore::AddToTotals(int64_t responses, int64_t bytes) {
  SqliteStatement add(database_, "UPDATE totals SET responses = responses + ?, bytes = bytes + ?");
  add.Bind(responses).Bind(bytes).Step();
}

void SqliteResponseStore::ForgetOldest() {
  while (Value(database_, "SELECT responses FROM totals") > limits_.responses ||
         Value(database_, "SELECT bytes FROM totals") > limits_.bytes) {
    SqliteStatement oldest(database_,
                           "DELETE FROM responses WHERE number = (SELECT min(number) FROM responses)"
                           " RETURNING bytes");
    if (!oldest.Step()) return;
    const int64_t bytes = oldest.Integer(0);
    oldest.Step();
    AddToTotals(-1, -bytes);
  }
}

std::optional<StoredResponse> SqliteResponseStore::Get(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mu_);
  SqliteStatement found(database_, "SELECT number, json FROM responses WHERE owner = ? AND id = ?");
  if (!found.Bind(owner).Bind(id).Step()) return std::nullopt;
  const int64_t number = found.Integer(0);
  return StoredResponse{id, owner, found.Text(1), Items(database_, number, /*output=*/false),
                        Items(database_, number, /*output=*/true)};
}

std::optional<StoredItem> SqliteResponseStore::Item(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mu_);
  SqliteStatement found(database_, "SELECT json FROM items WHERE owner = ? AND id = ? LIMIT 1");
  if (!found.Bind(owner).Bind(id).Step()) return std::nullopt;
  return StoredItem{id, found.Text(0)};
}

bool SqliteResponseStore::Delete(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mu_);
  SqliteTransaction transaction(database_);
  SqliteStatement found(database_, "DELETE FROM responses WHERE owner = ? AND id = ? RETURNING bytes");
  if (!found.Bind(owner).Bind(id).Step()) return false;
  const int64_t bytes = found.Integer(0);
  found.Step();
  AddToTotals(-1, -bytes);
  transaction.Commit();
  return true;
}

}  // namespace puna
