// Meta's Llama 2 tokenizer file and the ids that sentencepiece itself gives. The file may not be copied into
// the project: the test needs it beside it.

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
    std::filesystem::path(PUNA_SOURCE_DIR) / ".." / "shared" / "llama2-tokenizer";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string FromHex(const std::string& hex) {
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(nibble(hex[i]) * 16 + nibble(hex[i + 1]));
  return bytes;
}

class Llama2CasesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData / "cases.json")) {
      GTEST_SKIP() << "Meta's tokenizer is not beside the project (../shared/llama2-tokenizer)";
    }
    tokenizer_ = Tokenizer::FromSentencePiece(ReadFile(kData / "tokenizer.model"), "tokenizer.model");
    cases_ = nlohmann::json::parse(ReadFile(kData / "cases.json"));
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  nlohmann::json cases_;
};

TEST_F(Llama2CasesTest, EveryStringHasTheIdsOfSentencePieceAndComesBack) {
  ASSERT_GE(cases_["cases"].size(), 300u);
  for (const auto& c : cases_["cases"]) {
    const auto text = c["s"].get<std::string>();
    EXPECT_EQ(tokenizer_->Encode(text), c["ids"].get<std::vector<TokenId>>())
        << c["c"] << ": " << c["s"].dump();
    if (text.find("\xE2\x96\x81") != std::string::npos) continue;  // U+2581 is how pieces write a space
    EXPECT_EQ(tokenizer_->Decode(tokenizer_->Encode(text)), text);
  }
}

TEST_F(Llama2CasesTest, EveryIdSequenceHasItsBytes) {
  ASSERT_GE(cases_["decode"].size(), 30u);
  for (const auto& c : cases_["decode"]) {
    const auto ids = c["ids"].get<std::vector<TokenId>>();
    const std::string bytes = FromHex(c["hex"].get<std::string>());
    std::string pieces;
    for (const TokenId id : ids) pieces += tokenizer_->Bytes(id);
    EXPECT_EQ(pieces, bytes) << c.dump();
    // As sentencepiece, one space less in front.
    EXPECT_EQ(tokenizer_->Decode(ids), bytes.starts_with(' ') ? bytes.substr(1) : bytes) << c.dump();
  }
}

TEST_F(Llama2CasesTest, SpecialTokensAreTheFirstThree) {
  EXPECT_EQ(tokenizer_->vocab_size(), 32000);
  EXPECT_EQ(tokenizer_->bos(), 1);
  EXPECT_EQ(tokenizer_->Special("</s>"), 2);
  EXPECT_EQ(tokenizer_->Special("hello"), std::nullopt);
  EXPECT_TRUE(tokenizer_->IsSpecial(0));
  EXPECT_FALSE(tokenizer_->IsSpecial(3));
  EXPECT_EQ(tokenizer_->Bytes(3), std::string(1, '\0'));
  EXPECT_EQ(tokenizer_->Encode(""), std::vector<TokenId>());
}

TEST_F(Llama2CasesTest, AMegabyteOfOneCharacterComesBack) {
  for (const std::string unit : {"a", " ", ".", "\n", "\xF0\x9F\x97\xBD", "e\xCC\x81", "\xFF"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    EXPECT_EQ(tokenizer_->Decode(tokenizer_->Encode(text)), text) << unit;
  }
}

}  // namespace
}  // namespace puna
