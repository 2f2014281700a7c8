#include "tests/fuzz/mutate_zip.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "loaders/byte_reader.h"
#include "loaders/zip_archive.h"
#include "tests/support/zip_builder.h"

namespace puna::fuzz {
namespace {

TEST(MutateZipTest, WhatChangesInsideAnArchiveLeavesItOne) {
  const std::string archive =
      test::BuildZip({{.name = "a/data.pkl", .data = "first"}, {.name = "a/data/0", .data = "second"}});
  // Bytes become x's: raw ones would end the archive, as its end record is gone.
  const Mutate x = [](uint8_t* data, size_t size, size_t) {
    std::memset(data, 'x', size);
    return size;
  };
  int archives = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::string bytes = archive;
    bytes.resize(8192);
    const size_t size =
        MutateZip(reinterpret_cast<uint8_t*>(bytes.data()), archive.size(), bytes.size(), seed, x);
    ASSERT_LE(size, bytes.size());
    bytes.resize(size);
    EXPECT_NE(bytes, archive) << seed;
    if (bytes.find_first_not_of('x') == std::string::npos) continue;
    EXPECT_NO_THROW(ZipArchive(AsBytes(bytes))) << seed;
    ++archives;
  }
  EXPECT_GT(archives, 120);
}

}  // namespace
}  // namespace puna::fuzz
