#include "tokenizer/tiktoken_file.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"

namespace puna {
namespace {

constexpr size_t kLongestToken = 1024;  // bytes; Meta's longest has 128
constexpr size_t kMostTokens = size_t{1} << 24;

constexpr std::array<int8_t, 256> MakeBase64Values() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  int8_t value = 0;
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
    values[static_cast<unsigned char>(c)] = value++;
  }
  return values;
}
constexpr std::array<int8_t, 256> kBase64Values = MakeBase64Values();

// Appends what `text` stands for. False if it is not padded base64 (RFC 4648, section 4).
bool AppendBase64(std::string_view text, std::string& out) {
  if (text.empty() || text.size() % 4 != 0) return false;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  for (size_t at = 0; at < text.size(); at += 4) {
    const size_t digits = at + 4 == text.size() ? 4 - padding : 4;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; ++i) {
      const int value = i < digits ? kBase64Values[static_cast<unsigned char>(text[at + i])] : 0;
      if (value < 0) return false;
      bits = bits << 6 | static_cast<uint32_t>(value);
    }
    for (size_t i = 0; i + 1 < digits; ++i) out += static_cast<char>(bits >> (16 - 8 * i) & 0xFF);
    if (digits < 4 && (bits & (digits == 3 ? 0xFFu : 0xFFFFu)) != 0)
      return false;  // padding bits must be zero
  }
  return true;
}

// What kind of file this is instead, or nothing.
std::string_view OtherKind(std::string_view bytes) {
  const size_t start = bytes.find_first_not_of(" \t\r\n");
  const std::string_view text = start == std::string_view::npos ? "" : bytes.substr(start);
  if (text.starts_with('<')) return "an HTML page; the download went wrong";
  if (text.starts_with("version https://git-lfs"))
    return "a git-lfs pointer; the real file has not been fetched (git lfs pull)";
  if (text.starts_with('{')) return "JSON (a Hugging Face tokenizer.json?); Meta's tokenizer.model is needed";
  // A sentencepiece model is a protobuf message that begins with the piece "<unk>".
  if (bytes.starts_with('\n') && bytes.substr(0, 32).find("<unk>") != std::string_view::npos) {
    return "a sentencepiece model, as Llama 2 has";
  }
  return {};
}

class Parser {
 public:
  Parser(std::string_view bytes, std::string_view where) : rest_(bytes), where_(where) {}

  Vocabulary Parse() {
    if (rest_.empty()) throw Error(fmt::format("{}: the tokenizer file is empty", where_));
    if (const std::string_view kind = OtherKind(rest_); !kind.empty()) {
      throw Error(fmt::format("{}: expected lines of base64 and rank, found {}", where_, kind));
    }
    while (!rest_.empty()) ParseLine(NextLine());
    Vocabulary vocabulary(std::move(bytes_), std::move(ends_));
    CheckTokens(vocabulary);
    return vocabulary;
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw Error(fmt::format("{}: line {}: {}", where_, line_, what));
  }

  std::string_view NextLine() {
    ++line_;
    const size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  void ParseLine(std::string_view line) {
    if (line.empty() && rest_.empty()) return;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos)
      Fail(fmt::format("expected base64, a space and a rank, found '{}'", Printable(line, 40)));
    const size_t before = bytes_.size();
    if (!AppendBase64(line.substr(0, space), bytes_)) {
      Fail(fmt::format("expected base64, found '{}'", Printable(line.substr(0, space), 40)));
    }
    if (bytes_.size() - before > kLongestToken) {
      Fail(fmt::format("expected a token of at most {} bytes, found {}", kLongestToken,
                       bytes_.size() - before));
    }
    const std::string_view rank_text = line.substr(space + 1);
    uint64_t rank = 0;
    const auto [end, error] = std::from_chars(rank_text.data(), rank_text.data() + rank_text.size(), rank);
    if (error != std::errc() || end != rank_text.data() + rank_text.size() || rank != ends_.size()) {
      Fail(fmt::format("expected rank {}, found '{}'", ends_.size(), Printable(rank_text, 40)));
    }
    if (ends_.size() == kMostTokens) Fail(fmt::format("more than {} tokens", kMostTokens));
    ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  }

  void CheckTokens(const Vocabulary& vocabulary) const {
    for (TokenId id = 0; id < vocabulary.size(); ++id) {
      const TokenId first = vocabulary.Find(vocabulary.Bytes(id));
      if (first != id) {
        throw Error(fmt::format("{}: line {}: the token of line {} again", where_, id + 1, first + 1));
      }
    }
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      if (vocabulary.Find({&c, 1}) < 0) {
        throw Error(
            fmt::format("{}: expected a token for every single byte, found none for 0x{:02X}", where_, byte));
      }
    }
  }

  std::string_view rest_;
  std::string_view where_;
  size_t line_ = 0;
  std::string bytes_;
  std::vector<uint32_t> ends_;
};

}  // namespace

Vocabulary ParseTiktoken(std::string_view bytes, std::string_view where) {
  return Parser(bytes, where).Parse();
}

}  // namespace puna
