#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pre_split.h"
#include "tokenizer/tiktoken_file.h"
#include "tokenizer/vocabulary.h"

namespace puna {
namespace {

constexpr int kSpecialTokens = 256;

// Llama 3.1's names in the order of their ids, which begin after the last ordinary token. The first release
// and others number the reserved ones differently; those this program uses are the same everywhere.
std::vector<std::string> SpecialNames() {
  std::vector<std::string> names = {"<|begin_of_text|>",
                                    "<|end_of_text|>",
                                    "<|reserved_special_token_0|>",
                                    "<|reserved_special_token_1|>",
                                    "<|finetune_right_pad_id|>",
                                    "<|step_id|>",
                                    "<|start_header_id|>",
                                    "<|end_header_id|>",
                                    "<|eom_id|>",
                                    "<|eot_id|>",
                                    "<|python_tag|>",
                                    "<|image|>"};
  for (int i = 2; names.size() < kSpecialTokens; ++i)
    names.push_back(fmt::format("<|reserved_special_token_{}|>", i));
  return names;
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(Vocabulary vocabulary_in)
      : vocabulary(std::move(vocabulary_in)), special_names(SpecialNames()) {
    for (size_t i = 0; i < special_names.size(); ++i) {
      special_ids.emplace(special_names[i], vocabulary.size() + static_cast<TokenId>(i));
    }
    stop_tokens = {special_ids.at("<|end_of_text|>"), special_ids.at("<|eom_id|>"),
                   special_ids.at("<|eot_id|>")};
  }

  const Vocabulary vocabulary;
  const std::vector<std::string> special_names;
  std::unordered_map<std::string_view, TokenId> special_ids;  // views of special_names
  std::array<TokenId, 3> stop_tokens;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

std::unique_ptr<Tokenizer> Tokenizer::FromTiktoken(std::string_view bytes, std::string_view where) {
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::make_unique<Impl>(ParseTiktoken(bytes, where))));
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3);
  BytePairMerger merger(impl_->vocabulary);
  LongTextCutter cutter(text);
  for (std::string_view part = cutter.Next(); !part.empty(); part = cutter.Next()) {
    while (!part.empty()) {
      const size_t length = FirstPiece(part);
      merger.Encode(part.substr(0, length), ids);
      part.remove_prefix(length);
    }
  }
  return ids;
}

std::string_view Tokenizer::Bytes(TokenId id) const {
  CHECK(id >= 0 && id < vocab_size()) << "token " << id << " of " << vocab_size();
  return IsSpecial(id) ? impl_->special_names[static_cast<size_t>(id - base_vocab())]
                       : impl_->vocabulary.Bytes(id);
}

std::string Tokenizer::Decode(std::span<const TokenId> ids) const {
  std::string bytes;
  for (const TokenId id : ids) {
    if (!IsSpecial(id)) bytes += Bytes(id);
  }
  return bytes;
}

int Tokenizer::vocab_size() const { return base_vocab() + kSpecialTokens; }
int Tokenizer::base_vocab() const { return impl_->vocabulary.size(); }

std::optional<TokenId> Tokenizer::Special(std::string_view name) const {
  const auto found = impl_->special_ids.find(name);
  if (found == impl_->special_ids.end()) return {};
  return found->second;
}

TokenId Tokenizer::bos() const { return base_vocab(); }
std::span<const TokenId> Tokenizer::stop_tokens() const { return impl_->stop_tokens; }

}  // namespace puna
