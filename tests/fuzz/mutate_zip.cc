#include "tests/fuzz/mutate_zip.h"

#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "loaders/load_error.h"
#include "loaders/zip_archive.h"
#include "tests/support/zip_builder.h"

namespace puna::fuzz {
namespace {

std::vector<test::ZipSpec> EntriesOf(std::span<const std::byte> bytes) {
  std::vector<test::ZipSpec> entries;
  try {
    const ZipArchive archive(bytes);
    for (const ZipEntry& entry : archive.entries()) {
      test::ZipSpec spec;
      spec.name = std::string(entry.name);
      spec.data.assign(reinterpret_cast<const char*>(entry.data.data()), entry.data.size());
      entries.push_back(std::move(spec));
    }
  } catch (const FormatError&) {
    entries.clear();
  }
  return entries;
}

}  // namespace

size_t MutateZip(uint8_t* data, size_t size, size_t max_size, unsigned seed, const Mutate& mutate) {
  std::mt19937 random(seed);
  std::vector<test::ZipSpec> entries;
  if (random() % 4 != 0) entries = EntriesOf(std::as_bytes(std::span(data, size)));
  if (entries.empty()) return mutate(data, size, max_size);
  test::ZipSpec& chosen = entries[random() % entries.size()];
  switch (random() % 8) {
    case 0:
      chosen.name.resize(64);
      chosen.name.resize(mutate(reinterpret_cast<uint8_t*>(chosen.name.data()), chosen.name.size(), 64));
      break;
    case 1:
      entries.push_back(chosen);
      entries.back().name += std::to_string(random() % 10);
      break;
    case 2:
      std::swap(chosen, entries.back());
      entries.pop_back();
      break;
    default: {
      const size_t old = chosen.data.size();
      const size_t room = old + 64;
      chosen.data.resize(room);
      chosen.data.resize(mutate(reinterpret_cast<uint8_t*>(chosen.data.data()), old, room));
    }
  }
  const std::string archive = test::BuildZip(entries, {.zip64 = random() % 8 == 0});
  if (archive.size() > max_size) return mutate(data, size, max_size);
  std::memcpy(data, archive.data(), archive.size());
  return archive.size();
}

}  // namespace puna::fuzz
