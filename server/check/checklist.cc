#include "server/check/checklist.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>

#include "engine/base/error.h"

namespace puna {
namespace {

constexpr size_t kSumDigits = 32;
constexpr size_t kPiece = 4 << 20;  // bytes between two reports of progress

std::string_view WithoutBlanks(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return "";
  return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
}

bool IsSum(std::string_view text) {
  return text.size() == kSumDigits &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool IsFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

std::vector<ChecklistEntry> ParseChecklist(std::string_view text) {
  std::vector<ChecklistEntry> entries;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = WithoutBlanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string_view sum = line.substr(0, std::min(line.find_first_of(" \t"), line.size()));
    std::string_view name = WithoutBlanks(line.substr(sum.size()));
    // md5sum's mark of a file that was read as binary, and the way a sum of "./*" names its files.
    if (name.starts_with('*')) name.remove_prefix(1);
    if (name.starts_with("./")) name.remove_prefix(2);
    if (!IsSum(sum) || !IsFileName(name)) {
      throw Error(fmt::format("line {}: expected an MD5 sum and the name of a file, found '{}'", number,
                              Printable(line)));
    }
    ChecklistEntry entry{std::string(sum), std::string(name)};
    for (char& c : entry.md5) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string Md5(std::span<const std::byte> bytes, Progress& progress) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool good = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) == 1;
  while (good && !bytes.empty()) {
    const std::span<const std::byte> piece = bytes.first(std::min(kPiece, bytes.size()));
    good = EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
    progress.Add(piece.size());
    bytes = bytes.subspan(piece.size());
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  good = good && EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1;
  if (!good) throw Error("OpenSSL computes no MD5 sums on this machine");
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace puna
