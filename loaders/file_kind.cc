#include "loaders/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "loaders/byte_reader.h"

namespace puna {
namespace {

// torch.save before 1.6 starts with a pickled magic number: PROTO 2, LONG1 of ten bytes.
constexpr std::string_view kLegacyTorchMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14);

struct Signature {
  std::string_view prefix;
  std::string_view meaning;
};

constexpr std::array<Signature, 10> kSignatures{{
    {kLegacyTorchMagic,
     "is torch.save's format from before PyTorch 1.6, which is not a zip archive; rewrite it with Python: "
     "import torch; torch.save(torch.load(\"old.pth\", map_location=\"cpu\", weights_only=True), "
     "\"new.pth\")"},
    {"\x80",
     "starts like a bare pickle; expected the zip archive that torch.save has written since PyTorch 1.6"},
    {"version https://git-lfs", "is a git-lfs pointer, not the file itself; fetch it with: git lfs pull"},
    {"GGUF", "is a GGUF file (llama.cpp's format); expected Meta's original consolidated.00.pth"},
    {"\x1f\x8b", "is compressed with gzip; unpack it first"},
    {"BZh", "is compressed with bzip2; unpack it first"},
    {"\xfd"
     "7zXZ",
     "is compressed with xz; unpack it first"},
    {"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it first"},
    {"\x93NUMPY", "is a NumPy array"},
    {"\x7f"
     "ELF",
     "is a program"},
}};

bool StartsWithIgnoringCase(std::string_view text, std::string_view lower_prefix) {
  if (text.size() < lower_prefix.size()) return false;
  return std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(), [](char want, char got) {
    return want == static_cast<char>(std::tolower(static_cast<unsigned char>(got)));
  });
}

std::string_view SkipBlanks(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

bool LooksLikeSafetensors(std::string_view head) {
  // An eight-byte length, then a JSON object.
  return head.size() > 9 && head[8] == '{' && head[9] == '"' && head[6] == 0 && head[7] == 0;
}

}  // namespace

std::optional<std::string> RecogniseForeignFile(std::span<const std::byte> file) {
  const std::string_view head = AsText(file.first(std::min<size_t>(file.size(), 512)));
  for (const Signature& signature : kSignatures) {
    if (head.starts_with(signature.prefix)) return std::string(signature.meaning);
  }
  const std::string_view text = SkipBlanks(head);
  if (StartsWithIgnoringCase(text, "<!doctype") || StartsWithIgnoringCase(text, "<html")) {
    return "starts like an HTML page: the download saved a web page (often an expired link or a login) "
           "instead of "
           "the file";
  }
  if (StartsWithIgnoringCase(text, "<?xml") || StartsWithIgnoringCase(text, "<error")) {
    return "starts like an XML error answer: the download link has expired or was refused";
  }
  if (LooksLikeSafetensors(head)) {
    return "is a safetensors file (Hugging Face's format); expected Meta's original consolidated.00.pth";
  }
  if (text.starts_with('{'))
    return "starts like JSON: the download saved a server's answer instead of the file";
  if (head.size() >= 4 && head.find_first_not_of('\0') == std::string_view::npos) {
    return "starts with zeros: an interrupted or preallocated download";
  }
  return std::nullopt;
}

}  // namespace puna
