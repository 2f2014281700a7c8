#include "loaders/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "loaders/byte_reader.h"
#include "loaders/load_error.h"
#include "tests/support/zip_builder.h"

namespace puna {
namespace {

using test::BuildZip;
using test::ZipEnd;
using test::ZipSpec;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

void ExpectRefused(const std::string& bytes, const std::string& words) {
  EXPECT_THAT([&] { ZipArchive archive(AsBytes(bytes)); }, ThrowsMessage<FormatError>(HasSubstr(words)));
}

std::vector<ZipSpec> TwoEntries() {
  return {{.name = "a/data.pkl", .data = "one"}, {.name = "a/data/0", .data = "three"}};
}

TEST(ZipArchiveTest, StoredEntriesAreSpansIntoTheFile) {
  const std::string bytes = BuildZip(TwoEntries());
  const ZipArchive archive(AsBytes(bytes));
  ASSERT_EQ(archive.entries().size(), 2u);
  EXPECT_EQ(archive.entries()[0].name, "a/data.pkl");
  const ZipEntry* entry = archive.Find("a/data/0");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(AsText(entry->data), "three");
  EXPECT_EQ(reinterpret_cast<const char*>(entry->data.data()), bytes.data() + bytes.find("three"));
  EXPECT_EQ(archive.Find("a/data/1"), nullptr);
  EXPECT_EQ(archive.Find(""), nullptr);
}

TEST(ZipArchiveTest, EmptyArchiveHasNoEntries) {
  const std::string bytes = BuildZip({});
  EXPECT_TRUE(ZipArchive(AsBytes(bytes)).entries().empty());
}

TEST(ZipArchiveTest, EmptyEntryIsReadWhereverItLies) {
  const std::string bytes =
      BuildZip({{.name = "a", .data = ""}, {.name = "b", .data = "x"}, {.name = "c", .data = ""}});
  const ZipArchive archive(AsBytes(bytes));
  EXPECT_EQ(archive.Find("a")->data.size(), 0u);
  EXPECT_EQ(archive.Find("c")->data.size(), 0u);
}

TEST(ZipArchiveTest, Zip64FieldsAreRead) {
  std::vector<ZipSpec> entries = TwoEntries();
  for (ZipSpec& entry : entries) entry.zip64 = true;
  const std::string bytes = BuildZip(
      entries,
      {.zip64 = true, .entries = 0xffff, .directory_size = 0xffffffff, .directory_offset = 0xffffffff});
  const ZipArchive archive(AsBytes(bytes));
  EXPECT_EQ(AsText(archive.Find("a/data/0")->data), "three");
}

TEST(ZipArchiveTest, OnlySaturatedFieldsAreTakenFromTheZip64Extra) {
  // An offset alone, as writers do for small entries beyond 4 GiB; other extra fields may stand before it.
  std::vector<ZipSpec> entries = TwoEntries();
  entries[0].central_extra =
      std::string("\x99\x99\x02\x00zz", 6) + std::string("\x01\x00\x08\x00", 4) + std::string(8, '\0');
  entries[0].central_offset = 0xffffffff;
  const std::string bytes = BuildZip(entries);
  EXPECT_EQ(AsText(ZipArchive(AsBytes(bytes)).Find("a/data.pkl")->data), "one");
}

TEST(ZipArchiveTest, CommentThatHoldsAnEndRecordSignatureDoesNotMislead) {
  const std::string bytes =
      BuildZip(TwoEntries(), {.comment = "PK\x05\x06 and more words, more than a record is long"});
  EXPECT_EQ(ZipArchive(AsBytes(bytes)).entries().size(), 2u);
}

TEST(ZipArchiveTest, SizesMayFollowTheData) {
  std::vector<ZipSpec> entries = TwoEntries();
  for (ZipSpec& entry : entries) {
    entry.flags = 1 << 3;
    entry.local_size = 0;
  }
  const std::string bytes = BuildZip(entries);
  EXPECT_EQ(AsText(ZipArchive(AsBytes(bytes)).Find("a/data.pkl")->data), "one");
}

struct HostileEntry {
  std::string title;
  std::function<void(ZipSpec&)> spoil;
  std::string words;
};

class ZipHostileEntryTest : public ::testing::TestWithParam<HostileEntry> {};

TEST_P(ZipHostileEntryTest, IsRefusedByName) {
  std::vector<ZipSpec> entries = TwoEntries();
  GetParam().spoil(entries[1]);
  ExpectRefused(BuildZip(entries), GetParam().words);
}

const uint64_t kHuge = 0xfffffffffffffff0;

INSTANTIATE_TEST_SUITE_P(
    Kinds, ZipHostileEntryTest,
    ::testing::Values(
        HostileEntry{"Compressed", [](ZipSpec& e) { e.method = 8; }, "'a/data/0' is compressed (method 8)"},
        HostileEntry{"Encrypted", [](ZipSpec& e) { e.flags = 1; }, "'a/data/0' is encrypted"},
        HostileEntry{"StronglyEncrypted", [](ZipSpec& e) { e.flags = 1 << 6; }, "is encrypted"},
        HostileEntry{"MaskedHeader", [](ZipSpec& e) { e.flags = 1 << 13; }, "is encrypted"},
        HostileEntry{"Patch", [](ZipSpec& e) { e.flags = 1 << 5; }, "is a patch"},
        HostileEntry{"OnAnotherDisk", [](ZipSpec& e) { e.central_disk = 1; }, "another disk"},
        HostileEntry{"SameNameAsAnother", [](ZipSpec& e) { e.name = "a/data.pkl"; },
                     "'a/data.pkl' occurs twice"},
        HostileEntry{"NoName", [](ZipSpec& e) { e.name = ""; }, "neither empty"},
        HostileEntry{"ZeroByteInName", [](ZipSpec& e) { e.name = std::string("a\0b", 3); }, "zero byte"},
        HostileEntry{"OtherNameInLocalHeader", [](ZipSpec& e) { e.local_name = "a/data/9"; },
                     "local header says 'a/data/9'"},
        HostileEntry{"LongerNameInLocalHeader", [](ZipSpec& e) { e.local_name = "a/data/0.exe"; },
                     "local header says"},
        HostileEntry{"OtherFlagsInLocalHeader", [](ZipSpec& e) { e.local_flags = 1; }, "disagree"},
        HostileEntry{"OtherMethodInLocalHeader", [](ZipSpec& e) { e.local_method = 8; }, "disagree"},
        HostileEntry{"OtherSizeInLocalHeader", [](ZipSpec& e) { e.local_size = 4; }, "disagree"},
        HostileEntry{"NoSizeInLocalHeader", [](ZipSpec& e) { e.local_size = 0; }, "disagree"},
        HostileEntry{"SizesDiffer", [](ZipSpec& e) { e.central_uncompressed = 6; },
                     "its sizes differ: 5 and 6"},
        HostileEntry{"SizePastTheDirectory", [](ZipSpec& e) { e.central_size = e.local_size = 5000; },
                     "reach past the directory"},
        HostileEntry{"SizeIntoTheDirectory", [](ZipSpec& e) { e.central_size = e.local_size = 6; },
                     "reach past the directory"},
        HostileEntry{"HeaderOffsetPastTheEnd", [](ZipSpec& e) { e.central_offset = 1u << 30; },
                     "no local header at offset 1073741824"},
        HostileEntry{"HeaderOffsetInsideData", [](ZipSpec& e) { e.central_offset = 40; },
                     "no local header at offset 40"},
        HostileEntry{"HeaderOfAnotherEntry", [](ZipSpec& e) { e.central_offset = 0; },
                     "local header says 'a/data.pkl'"},
        HostileEntry{"Zip64SizeThatWraps",
                     [](ZipSpec& e) {
                       e.zip64 = true;
                       e.central_size = kHuge;
                     },
                     "reach past the directory"},
        HostileEntry{"Zip64OffsetThatWraps",
                     [](ZipSpec& e) {
                       e.zip64 = true;
                       e.central_offset = kHuge;
                     },
                     "no local header"},
        HostileEntry{"Zip64ExtraMissing",
                     [](ZipSpec& e) {
                       e.zip64 = true;
                       e.central_extra = "";
                     },
                     "zip64 extra field is missing"},
        HostileEntry{"Zip64ExtraTooShort",
                     [](ZipSpec& e) {
                       e.zip64 = true;
                       e.central_extra = std::string("\x01\x00\x04\x00zzzz", 8);
                     },
                     "too short"},
        HostileEntry{"ExtraLongerThanItsRoom",
                     [](ZipSpec& e) { e.central_extra = std::string("\x77\x00\xff\x00", 4); },
                     "longer than its room"},
        HostileEntry{"TwoZip64Extras",
                     [](ZipSpec& e) { e.central_extra = std::string("\x01\x00\x00\x00\x01\x00\x00\x00", 8); },
                     "two zip64 extra fields"}),
    [](const auto& kind) { return kind.param.title; });

TEST(ZipArchiveTest, OverlappingEntriesAreRefused) {
  // The first entry's data holds a whole local header, which the second entry of the directory points to.
  const std::string inner_archive = BuildZip({{.name = "b", .data = "x", .align = 0}});
  const std::string inner = inner_archive.substr(0, 30 + 1 + 1);
  std::vector<ZipSpec> entries{{.name = "a", .data = inner, .align = 0},
                               {.name = "b", .data = "x", .align = 0}};
  entries[1].central_offset = 30 + 1;
  ExpectRefused(BuildZip(entries), "'a' and 'b' overlap");
}

TEST(ZipArchiveTest, EntryThatReachesIntoTheNextHeaderIsRefused) {
  std::vector<ZipSpec> entries = TwoEntries();
  entries[0].central_size = entries[0].local_size = 4;
  ExpectRefused(BuildZip(entries), "overlap");
}

struct HostileEnd {
  std::string title;
  ZipEnd end;
  std::string words;
};

class ZipHostileEndTest : public ::testing::TestWithParam<HostileEnd> {};

TEST_P(ZipHostileEndTest, IsRefusedInWords) {
  ExpectRefused(BuildZip(TwoEntries(), GetParam().end), GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ZipHostileEndTest,
    ::testing::Values(
        HostileEnd{"BytesBehindTheEnd", {.behind = "x"}, "directory is missing at its end"},
        HostileEnd{"BytesBehindTheDirectory", {.between = "x"}, "does not end at the end record"},
        HostileEnd{"SplitArchive", {.disk = 1}, "split zip archive"},
        HostileEnd{"EntriesOnOtherDisks", {.entries = 2, .entries_here = 1}, "split zip archive"},
        HostileEnd{"MoreEntriesThanRows", {.entries = 3}, "entry 2 is cut short"},
        HostileEnd{"FewerEntriesThanRows", {.entries = 1}, "behind its last entry"},
        HostileEnd{"DirectoryPastTheEnd", {.directory_offset = 1u << 30}, "does not end at the end record"},
        HostileEnd{"DirectoryTooLarge", {.directory_size = 1u << 30}, "does not end at the end record"},
        HostileEnd{"DirectoryShifted", {.directory_size = 111, .directory_offset = 139}, "zip directory"},
        HostileEnd{"SaturatedWithoutZip64", {.directory_offset = 0xffffffff}, "there are none"},
        HostileEnd{"Zip64OfManyDisks", {.zip64 = true, .locator_disks = 2}, "split zip archive"},
        HostileEnd{"Zip64OnAnotherDisk", {.zip64 = true, .disk64 = 1}, "split zip archive"},
        HostileEnd{"Zip64LocatorPointsNowhere", {.zip64 = true, .locator_offset = 3}, "no zip64 end record"},
        HostileEnd{"Zip64LocatorWraps", {.zip64 = true, .locator_offset = kHuge}, "no zip64 end record"},
        HostileEnd{"Zip64RecordSizeWrong", {.zip64 = true, .record_size64 = kHuge}, "expected size 44"},
        HostileEnd{"Zip64CountsDiffer", {.zip64 = true, .entries64_here = 7}, "entry counts"},
        HostileEnd{"Zip64DisagreesAboutCount",
                   {.zip64 = true, .entries64 = 7},
                   "the number of entries is 2 in one and 7"},
        HostileEnd{
            "Zip64DisagreesAboutOffset", {.zip64 = true, .directory_offset = 5}, "the directory's offset"},
        HostileEnd{
            "Zip64DirectoryWraps", {.zip64 = true, .directory_size64 = kHuge}, "does not end at the zip64"},
        HostileEnd{
            "Zip64OffsetWraps", {.zip64 = true, .directory_offset64 = kHuge}, "does not end at the zip64"},
        HostileEnd{
            "Zip64TooManyEntries", {.zip64 = true, .entries = 0xffff, .entries64 = kHuge}, "at most 100000"},
        HostileEnd{"Zip64EntriesWithoutRows",
                   {.zip64 = true, .entries = 0xffff, .entries64 = 99'999},
                   "entry 2 is cut short"}),
    [](const auto& kind) { return kind.param.title; });

TEST(ZipArchiveTest, EveryTruncationIsRefused) {
  for (const bool zip64 : {false, true}) {
    const std::string bytes = BuildZip(TwoEntries(), {.zip64 = zip64});
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string cut = bytes.substr(0, size);
      EXPECT_THROW(ZipArchive(AsBytes(cut)), FormatError) << size << " of " << bytes.size();
    }
  }
}

TEST(ZipArchiveTest, TruncatedDownloadIsCalledThat) {
  const std::string bytes = BuildZip(TwoEntries());
  ExpectRefused(bytes.substr(0, bytes.size() / 2), "a download that stopped early");
}

TEST(ZipArchiveTest, BytesThatAreNoArchiveAreCalledThat) {
  ExpectRefused("nothing of the sort, though longer than an end record", "is not a zip archive");
}

TEST(ZipArchiveTest, AnyFlippedByteEitherReadsOrIsRefused) {
  const std::string bytes = BuildZip(TwoEntries(), {.zip64 = true});
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      try {
        const ZipArchive archive(AsBytes(changed));
        for (const ZipEntry& entry : archive.entries()) {
          const char* begin = reinterpret_cast<const char*>(entry.data.data());
          EXPECT_TRUE(begin >= changed.data() &&
                      begin + entry.data.size() <= changed.data() + changed.size());
        }
      } catch (const FormatError& error) {
        EXPECT_STRNE(error.what(), "");
      }
    }
  }
}

}  // namespace
}  // namespace puna
