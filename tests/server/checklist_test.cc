#include "server/check/checklist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"

namespace puna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSum = "0123456789abcdef0123456789abcdef";

std::string Complaint(const std::string& text) {
  try {
    ParseChecklist(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ChecklistTest, IsReadAsMd5sumWritesIt) {
  const auto entries =
      ParseChecklist(kSum + "  consolidated.00.pth\n\nABCDEFABCDEFABCDEFABCDEFABCDEFAB *params.json\r\n" +
                     kSum + "  ./tokenizer.model");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].md5, kSum);
  EXPECT_EQ(entries[0].name, "consolidated.00.pth");
  EXPECT_EQ(entries[1].md5, "abcdefabcdefabcdefabcdefabcdefab");
  EXPECT_EQ(entries[1].name, "params.json");
  EXPECT_EQ(entries[2].name, "tokenizer.model");
  EXPECT_TRUE(ParseChecklist("").empty());
}

TEST(ChecklistTest, OtherLinesAreNamed) {
  EXPECT_THAT(Complaint(kSum + "  a\n<html>\n"), HasSubstr("line 2: expected an MD5 sum"));
  EXPECT_THAT(Complaint(kSum.substr(1) + "  a\n"), HasSubstr("line 1"));
  EXPECT_THAT(Complaint(kSum), HasSubstr("line 1"));
}

TEST(ChecklistTest, NamesStayInsideTheDirectory) {
  for (const char* name : {"../secret", "/etc/passwd", "a/b", ".."})
    EXPECT_THAT(Complaint(kSum + "  " + name), HasSubstr("name of a file")) << name;
}

TEST(ChecklistTest, SumsAreMd5) {
  Progress progress(3, {});
  const std::string text = "abc";
  EXPECT_EQ(Md5(std::as_bytes(std::span(text)), progress), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(Md5({}, progress), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(ProgressTest, EachPercentIsToldOnce) {
  std::vector<int> told;
  Progress progress(200, [&told](int percent) { told.push_back(percent); });
  progress.Add(1);
  progress.Add(1);
  progress.Add(1);
  progress.Add(97);
  progress.Add(500);
  EXPECT_THAT(told, ElementsAre(1, 50, 100));
}

}  // namespace
}  // namespace puna
