#include <fmt/format.h>

#include <array>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pre_split.h"
#include "tokenizer/tiktoken_file.h"
#include "tokenizer/tokenizer.h"
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

class TiktokenTokenizer final : public Tokenizer {
 public:
  explicit TiktokenTokenizer(Vocabulary vocabulary)
      : vocabulary_(std::move(vocabulary)), special_names_(SpecialNames()) {
    for (size_t i = 0; i < special_names_.size(); ++i) {
      special_ids_.emplace(special_names_[i], vocabulary_.size() + static_cast<TokenId>(i));
    }
    stop_tokens_ = {special_ids_.at("<|end_of_text|>"), special_ids_.at("<|eom_id|>"),
                    special_ids_.at("<|eot_id|>")};
  }

  std::vector<TokenId> Encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    ids.reserve(text.size() / 3);
    BytePairMerger merger(vocabulary_);
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

  std::string_view Bytes(TokenId id) const override {
    CHECK(id >= 0 && id < vocab_size()) << "token " << id << " of " << vocab_size();
    return IsSpecial(id) ? special_names_[static_cast<size_t>(id - vocabulary_.size())]
                         : vocabulary_.Bytes(id);
  }

  int vocab_size() const override { return vocabulary_.size() + kSpecialTokens; }
  bool IsSpecial(TokenId id) const override { return id >= vocabulary_.size(); }

  std::optional<TokenId> Special(std::string_view name) const override {
    const auto found = special_ids_.find(name);
    if (found == special_ids_.end()) return {};
    return found->second;
  }

  TokenId bos() const override { return vocabulary_.size(); }
  std::span<const TokenId> stop_tokens() const override { return stop_tokens_; }
  bool puts_space_in_front() const override { return false; }

 private:
  const Vocabulary vocabulary_;
  const std::vector<std::string> special_names_;
  std::unordered_map<std::string_view, TokenId> special_ids_;  // views of special_names_
  std::array<TokenId, 3> stop_tokens_;
};

}  // namespace

std::unique_ptr<Tokenizer> Tokenizer::FromTiktoken(std::string_view bytes, std::string_view where) {
  return std::make_unique<TiktokenTokenizer>(ParseTiktoken(bytes, where));
}

}  // namespace puna
