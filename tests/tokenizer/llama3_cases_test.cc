// Meta's own tokenizer file and the ids its code gives. The file may not be copied into the project: the test
// needs it beside it.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

const std::filesystem::path kData =
    std::filesystem::path(PUNA_SOURCE_DIR) / ".." / "shared" / "llama3-tokenizer";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Llama3CasesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData / "cases.json")) {
      GTEST_SKIP() << "Meta's tokenizer is not beside the project (../shared/llama3-tokenizer)";
    }
    tokenizer_ = Tokenizer::FromTiktoken(ReadFile(kData / "tokenizer.model"), "tokenizer.model");
    cases_ = nlohmann::json::parse(ReadFile(kData / "cases.json"));
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  nlohmann::json cases_;
};

TEST_F(Llama3CasesTest, EveryStringHasTheIdsOfMetasCode) {
  ASSERT_GT(cases_["cases"].size(), 300u);
  for (const auto& c : cases_["cases"]) {
    const auto text = c["s"].get<std::string>();
    EXPECT_EQ(tokenizer_->Encode(text), c["ids"].get<std::vector<TokenId>>())
        << c["c"] << ": " << c["s"].dump();
    EXPECT_EQ(tokenizer_->Decode(tokenizer_->Encode(text)), text);
  }
}

TEST_F(Llama3CasesTest, EveryIdSequenceHasItsBytes) {
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  ASSERT_GT(cases_["decode"].size(), 20u);
  for (const auto& c : cases_["decode"]) {
    const auto hex = c["hex"].get<std::string>();
    std::string bytes;
    for (size_t i = 0; i < hex.size(); i += 2)
      bytes += static_cast<char>(nibble(hex[i]) * 16 + nibble(hex[i + 1]));
    std::string decoded;
    for (const TokenId id : c["ids"].get<std::vector<TokenId>>()) decoded += tokenizer_->Bytes(id);
    EXPECT_EQ(decoded, bytes) << c.dump();
  }
}

TEST_F(Llama3CasesTest, SpecialTokensHaveTheIdsOfLlama31) {
  EXPECT_EQ(tokenizer_->vocab_size(), 128256);
  EXPECT_EQ(tokenizer_->bos(), 128000);
  EXPECT_EQ(tokenizer_->Special("<|eom_id|>"), 128008);
  EXPECT_EQ(tokenizer_->Special("<|eot_id|>"), 128009);
  EXPECT_EQ(tokenizer_->Special("<|python_tag|>"), 128010);
  EXPECT_EQ(tokenizer_->Special("<|reserved_special_token_245|>"), 128255);
  EXPECT_EQ(tokenizer_->Special("<|no_such_token|>"), std::nullopt);
}

}  // namespace
}  // namespace puna
