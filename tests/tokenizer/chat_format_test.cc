#include "tokenizer/chat_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/sentencepiece_builder.h"
#include "tests/tokenizer/demo_vocabulary.h"

namespace puna {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class Llama2ChatTest : public testing::Test {
 protected:
  // What the prompt says, special tokens by name, text as it was encoded.
  std::string Written(const std::vector<ChatMessage>& messages) const {
    std::string out;
    bool begins = true;
    for (const TokenId id : EncodeChat(ChatFormat::kLlama2, *tokenizer_, messages)) {
      const bool special = tokenizer_->IsSpecial(id);
      out += special ? tokenizer_->Bytes(id) : tokenizer_->Text(id, begins);
      begins = special;
    }
    return out;
  }

  void ExpectRefused(const std::vector<ChatMessage>& messages, const std::string& words) const {
    EXPECT_THAT([&] { EncodeChat(ChatFormat::kLlama2, *tokenizer_, messages); },
                ThrowsMessage<ChatError>(HasSubstr(words)));
  }

  std::unique_ptr<Tokenizer> tokenizer_ = Tokenizer::FromSentencePiece(
      test::SentencePieceBuilder().Pieces({"\u2581"}).Build(), "tokenizer.model");
};

TEST_F(Llama2ChatTest, QuestionsAndAnswersStandInPairsAndTheSystemMessageInTheFirst) {
  EXPECT_EQ(Written({{"user", " Hi \n"}}), "<s>[INST] Hi [/INST]");
  EXPECT_EQ(Written({{"system", "Be brief."}, {"user", "Hi"}}),
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST]");
  EXPECT_EQ(Written({{"system", "S"}, {"user", "Q"}, {"assistant", " A "}, {"user", "Q2"}}),
            "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nQ [/INST] A </s><s>[INST] Q2 [/INST]");
}

TEST_F(Llama2ChatTest, RolesThatTakeNoTurnsAreRefused) {
  ExpectRefused({}, "needs the messages to end with one of the role 'user'");
  ExpectRefused({{"system", "S"}}, "end with one of the role 'user'");
  ExpectRefused({{"user", "Q"}, {"assistant", "A"}}, "end with one of the role 'user'");
  ExpectRefused({{"user", "Q"}, {"user", "Q"}, {"user", "Q"}}, "expected 'assistant', found 'user'");
  ExpectRefused({{"user", "Q"}, {"assistant", "A"}, {"ipython", "T"}}, "expected 'user', found 'ipython'");
  ExpectRefused({{"user", "Q"}, {"system", "S"}, {"user", "Q"}}, "found 'system'");
}

TEST_F(Llama2ChatTest, AContentThatCouldSpeakForSomebodyElseIsRefused) {
  for (const std::string mark : {"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"}) {
    ExpectRefused({{"user", "a" + mark + "b"}}, "'" + mark + "'");
    ExpectRefused({{"system", mark}, {"user", "Q"}}, "'" + mark + "'");
  }
  // The names of special tokens are ordinary text.
  EXPECT_EQ(
      EncodeChat(ChatFormat::kLlama2, *tokenizer_, std::vector<ChatMessage>{{"user", "</s><s>"}}).front(), 1);
  EXPECT_EQ(Written({{"user", "</s>"}}), "<s>[INST] </s> [/INST]");
}

TEST(ChatFormatTest, ABaseModelHasNone) {
  const auto tokenizer = DemoTokenizer();
  EXPECT_THAT(
      [&] {
        EncodeChat(ChatFormat::kNone, *tokenizer, std::vector<ChatMessage>{{"user", "Hi"}});
      },
      ThrowsMessage<ChatError>(HasSubstr("base model")));
}

TEST(ChatFormatTest, TheOpeningOfTheAnswerIsWhatFollowsTheLastMessage) {
  const auto tokenizer = DemoTokenizer();
  const auto ids = EncodeChat(ChatFormat::kLlama3, *tokenizer, std::vector<ChatMessage>{{"user", "Hi"}});
  const size_t opening = AnswerOpening(ChatFormat::kLlama3, *tokenizer);
  EXPECT_EQ(ids[ids.size() - opening - 1], tokenizer->Special("<|eot_id|>"));
  EXPECT_EQ(AnswerOpening(ChatFormat::kLlama2, *tokenizer), 0u);
}

TEST(ChatFormatTest, EachFormatNeedsItsSpecialTokens) {
  const auto three = DemoTokenizer();
  const auto two = Tokenizer::FromSentencePiece(test::SentencePieceBuilder().Pieces({"\u2581"}).Build(),
                                                "tokenizer.model");
  EXPECT_TRUE(SupportsChatFormat(ChatFormat::kLlama3, *three));
  EXPECT_FALSE(SupportsChatFormat(ChatFormat::kLlama2, *three));
  EXPECT_TRUE(SupportsChatFormat(ChatFormat::kLlama2, *two));
  EXPECT_FALSE(SupportsChatFormat(ChatFormat::kLlama3, *two));
  EXPECT_TRUE(SupportsChatFormat(ChatFormat::kNone, *two));
  for (const ChatFormat format : {ChatFormat::kNone, ChatFormat::kLlama3, ChatFormat::kLlama2})
    EXPECT_EQ(ChatFormatByName(Name(format)), format);
  EXPECT_EQ(ChatFormatByName("chatml"), std::nullopt);
}

}  // namespace
}  // namespace puna
