// What is kept of responses, in memory and in a file: both keep, forget and find alike.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "engine/base/error.h"
#include "server/store/memory_response_store.h"
#include "server/store/sqlite_response_store.h"

namespace puna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// One conversation of which each response is the next turn.
StoredResponse Turn(int number, const std::string& owner = "") {
  const std::string n = std::to_string(number);
  StoredResponse response{"resp_" + n, owner, R"({"id":"resp_)" + n + "\"}", {}, {}};
  for (int i = 0; i <= number; ++i)
    response.input.push_back({"msg_" + std::to_string(i), R"({"n":)" + std::to_string(i) + "}"});
  response.output.push_back({"out_" + n, R"({"said":"\u0000é"})"});
  return response;
}

std::vector<std::string> Ids(const std::vector<StoredItem>& items) {
  std::vector<std::string> ids;
  for (const StoredItem& item : items) ids.push_back(item.id);
  return ids;
}

std::filesystem::path FreshFile(const std::string& name) {
  const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
  std::string file = test + "_" + name;
  std::ranges::replace(file, '/', '_');
  const auto path = std::filesystem::path(testing::TempDir()) / file;
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + ending);
  return path;
}

enum class Medium { kMemory, kFile };

class ResponseStoreTest : public testing::TestWithParam<Medium> {
 protected:
  std::unique_ptr<ResponseStore> Open(StoreLimits limits = {}) {
    if (GetParam() == Medium::kMemory) return std::make_unique<MemoryResponseStore>(limits);
    return std::make_unique<SqliteResponseStore>(FreshFile("store.db"), limits);
  }
};

INSTANTIATE_TEST_SUITE_P(Media, ResponseStoreTest, testing::Values(Medium::kMemory, Medium::kFile),
                         [](const auto& of) { return of.param == Medium::kMemory ? "Memory" : "File"; });

TEST_P(ResponseStoreTest, WhatIsPutIsThereWithItsItemsInTheirOrder) {
  const auto store = Open();
  store->Put(Turn(2));
  const auto found = store->Get("", "resp_2");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->json, R"({"id":"resp_2"})");
  EXPECT_THAT(Ids(found->input), ElementsAre("msg_0", "msg_1", "msg_2"));
  EXPECT_EQ(found->input[1].json, R"({"n":1})");
  EXPECT_THAT(Ids(found->output), ElementsAre("out_2"));
  EXPECT_EQ(found->output[0].json, R"({"said":"\u0000é"})");
  EXPECT_FALSE(store->Get("", "resp_3"));
}

TEST_P(ResponseStoreTest, NobodySeesOrDeletesWhatIsAnotherOwners) {
  const auto store = Open();
  store->Put(Turn(1, "anna"));
  EXPECT_FALSE(store->Get("ben", "resp_1"));
  EXPECT_FALSE(store->Get("", "resp_1"));
  EXPECT_FALSE(store->Item("ben", "msg_0"));
  EXPECT_FALSE(store->Delete("ben", "resp_1"));
  EXPECT_TRUE(store->Get("anna", "resp_1"));
}

TEST_P(ResponseStoreTest, AnItemIsFoundAsLongAsAnyResponseHasIt) {
  const auto store = Open();
  store->Put(Turn(1));
  store->Put(Turn(2));
  EXPECT_EQ(store->Item("", "msg_1").value().json, R"({"n":1})");
  EXPECT_TRUE(store->Item("", "out_1"));
  EXPECT_TRUE(store->Delete("", "resp_1"));
  EXPECT_TRUE(store->Item("", "msg_1"));
  EXPECT_FALSE(store->Item("", "out_1"));
  EXPECT_TRUE(store->Delete("", "resp_2"));
  EXPECT_FALSE(store->Item("", "msg_1"));
  EXPECT_FALSE(store->Delete("", "resp_2")) << "once";
}

TEST_P(ResponseStoreTest, BeyondTheCountTheOldestAreForgotten) {
  const auto store = Open({.responses = 3, .bytes = 1 << 20});
  for (int i = 0; i < 10; ++i) store->Put(Turn(i));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(store->Get("", "resp_" + std::to_string(i)).has_value(), i >= 7) << i;
  EXPECT_FALSE(store->Item("", "out_6"));
  EXPECT_TRUE(store->Item("", "msg_0")) << "the last one has it too";
}

TEST_P(ResponseStoreTest, BeyondTheBytesTheOldestAreForgotten) {
  const auto store = Open({.responses = 1000, .bytes = 2 * StoredBytes(Turn(5))});
  for (int i = 0; i < 3; ++i) {
    StoredResponse same = Turn(5);
    same.id = "resp_" + std::to_string(i);
    store->Put(same);
  }
  EXPECT_FALSE(store->Get("", "resp_0"));
  EXPECT_TRUE(store->Get("", "resp_1"));
  EXPECT_TRUE(store->Get("", "resp_2"));
}

TEST_P(ResponseStoreTest, WhatIsLargerThanTheLimitIsNotKept) {
  const auto store = Open({.responses = 1000, .bytes = 10});
  store->Put(Turn(0));
  EXPECT_FALSE(store->Get("", "resp_0"));
  EXPECT_FALSE(store->Item("", "msg_0"));
}

TEST_P(ResponseStoreTest, ManyThreadsPutGetAndDelete) {
  const auto store = Open({.responses = 20, .bytes = 1 << 20});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&store, t] {
      for (int i = 0; i < 40; ++i) {
        const int number = t * 1000 + i % 7;
        StoredResponse response = Turn(i % 7);
        response.id = "resp_" + std::to_string(number) + "_" + std::to_string(i);
        store->Put(response);
        store->Get("", response.id);
        store->Item("", "msg_0");
        if (i % 3 == 0) store->Delete("", response.id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  store->Put(Turn(3));
  EXPECT_TRUE(store->Get("", "resp_3"));
}

// The error of opening a file, "" if it opens.
std::string OpenError(const std::filesystem::path& path) {
  try {
    const SqliteResponseStore store(path);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(SqliteResponseStoreTest, WhatWasPutIsThereAfterARestart) {
  const auto path = FreshFile("restart.db");
  {
    SqliteResponseStore store(path);
    store.Put(Turn(1, "anna"));
    store.Put(Turn(2, "anna"));
  }
  SqliteResponseStore store(path);
  EXPECT_EQ(store.Get("anna", "resp_1").value().input.size(), 2u);
  store.Put(Turn(3, "anna"));
  EXPECT_TRUE(store.Get("anna", "resp_3"));
}

TEST(SqliteResponseStoreTest, SmallerLimitsForgetAtTheStart) {
  const auto path = FreshFile("limits.db");
  {
    SqliteResponseStore store(path);
    for (int i = 0; i < 5; ++i) store.Put(Turn(i));
  }
  SqliteResponseStore store(path, {.responses = 1, .bytes = 1 << 20});
  EXPECT_FALSE(store.Get("", "resp_3"));
  EXPECT_TRUE(store.Get("", "resp_4"));
}

TEST(SqliteResponseStoreTest, TwoServersShareAFile) {
  const auto path = FreshFile("shared.db");
  SqliteResponseStore one(path);
  SqliteResponseStore other(path);
  one.Put(Turn(1));
  EXPECT_TRUE(other.Get("", "resp_1"));
  EXPECT_TRUE(other.Delete("", "resp_1"));
  EXPECT_FALSE(one.Get("", "resp_1"));
}

TEST(SqliteResponseStoreTest, OnlyTheOwnerOfTheFileReadsIt) {
  const auto path = FreshFile("private.db");
  SqliteResponseStore store(path);
  store.Put(Turn(1));
  for (const char* ending : {"", "-wal"}) {
    struct stat info {};
    ASSERT_EQ(stat((path.string() + ending).c_str(), &info), 0) << ending;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << ending;
  }
}

TEST(SqliteResponseStoreTest, ATextThatIsDeletedIsNotLeftInTheFile) {
  const auto path = FreshFile("deleted.db");
  {
    SqliteResponseStore store(path);
    StoredResponse response = Turn(1);
    response.output[0].json = R"({"said":"a very secret sentence"})";
    store.Put(response);
    EXPECT_TRUE(store.Delete("", "resp_1"));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  EXPECT_EQ(bytes.str().find("secret"), std::string::npos);
}

TEST(SqliteResponseStoreTest, AFileThatIsSomethingElseIsRefusedWithOneLine) {
  const auto text = FreshFile("text.txt");
  std::ofstream(text) << std::string(5000, 'x');
  EXPECT_THAT(OpenError(text), HasSubstr("file is not a database"));
  EXPECT_THAT(OpenError(text), HasSubstr(text.string()));
  EXPECT_THAT(OpenError(testing::TempDir()), HasSubstr("directory"));
  EXPECT_THAT(OpenError("/nowhere/at/all.db"), HasSubstr("No such file"));
}

TEST(SqliteResponseStoreTest, AnotherProgramsDatabaseIsRefusedAndLeftAsItIs) {
  const auto path = FreshFile("foreign.db");
  SqliteDatabase(path).Run("CREATE TABLE letters(text)");
  EXPECT_THAT(OpenError(path), HasSubstr("not a store of Puna's"));
  const SqliteDatabase database(path);
  SqliteStatement tables(database, "SELECT count(*) FROM sqlite_schema");
  ASSERT_TRUE(tables.Step());
  EXPECT_EQ(tables.Integer(0), 1);
}

TEST(SqliteResponseStoreTest, AStoreWithOtherTablesOrTriggersIsRefused) {
  for (const char* change : {"CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM responses; END",
                             "DROP INDEX items_by_id", "CREATE VIEW v AS SELECT 1", "CREATE TABLE more(x)",
                             "ALTER TABLE items RENAME COLUMN json TO text"}) {
    const auto path = FreshFile("changed.db");
    SqliteResponseStore{path};
    SqliteDatabase(path).Run(change);
    EXPECT_THAT(OpenError(path), HasSubstr("not Puna's")) << change;
  }
  const auto path = FreshFile("newer.db");
  SqliteResponseStore{path};
  SqliteDatabase(path).Run("PRAGMA user_version = 7");
  EXPECT_THAT(OpenError(path), HasSubstr("version 7; expected 1"));
}

TEST(SqliteResponseStoreTest, ADamagedFileIsRefusedOrServedButNeverACrash) {
  const auto path = FreshFile("good.db");
  {
    SqliteResponseStore store(path);
    for (int i = 0; i < 30; ++i) store.Put(Turn(i));
  }
  std::ostringstream good;
  good << std::ifstream(path, std::ios::binary).rdbuf();
  int refused = 0;
  for (size_t round = 0; round < 60; ++round) {
    std::string bytes = good.str();
    for (size_t i = 0; i < 64; ++i)
      bytes[(round * 7919 + i * 104729) % bytes.size()] = static_cast<char>(round * 31 + i);
    if (round % 5 == 0) bytes.resize(bytes.size() * (round + 1) / 70);
    const auto bad = FreshFile("bad.db");
    std::ofstream(bad, std::ios::binary) << bytes;
    try {
      SqliteResponseStore store(bad);
      for (int i = 0; i < 30; ++i) store.Get("", "resp_" + std::to_string(i));
      store.Put(Turn(50));
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  EXPECT_GT(refused, 30);
}

}  // namespace
}  // namespace puna
