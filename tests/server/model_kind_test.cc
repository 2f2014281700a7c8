#include "server/model_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "engine/base/error.h"
#include "tests/support/tiny_model.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

class ModelKindTest : public testing::Test {
 protected:
  ModelKindTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-model-kind-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~ModelKindTest() override { fs::remove_all(root_); }

  ModelKind Detect(const std::string& name, const test::TinyModel& model,
                   std::optional<ChatFormat> wanted = std::nullopt) const {
    test::WriteTinyModel(root_ / name, model);
    const ModelDir dir = OpenModelDir(root_ / name);
    return DetectModelKind(dir, *LoadTokenizer(dir), wanted);
  }

  fs::path root_;
};

TEST_F(ModelKindTest, TheTokenizerDecidesTheChatFormat) {
  const ModelKind three = Detect("Llama3.1-8B-Instruct", {});
  EXPECT_EQ(three.chat_format, ChatFormat::kLlama3);
  EXPECT_EQ(three.tokenizer, "tiktoken (Llama 3), 512 tokens, 256 of them special");
  const ModelKind two = Detect("llama-2-7b-chat", {.sentencepiece = true});
  EXPECT_EQ(two.chat_format, ChatFormat::kLlama2);
  EXPECT_EQ(two.tokenizer, "sentencepiece (Llama 1 and 2), 272 tokens, 3 of them special");
}

TEST_F(ModelKindTest, ABaseModelIsKnownByItsName) {
  const ModelKind kind = Detect("Meta-Llama-3-8B", {});
  EXPECT_EQ(kind.chat_format, ChatFormat::kNone);
  EXPECT_THAT(kind.chat_reason, HasSubstr("'Meta-Llama-3-8B' is the name of a base model"));
}

TEST_F(ModelKindTest, ABaseModelIsKnownByEmbeddingsThatWereNeverTrained) {
  const ModelKind kind = Detect("mine", {.untrained_headers = true});
  EXPECT_EQ(kind.chat_format, ChatFormat::kNone);
  EXPECT_THAT(kind.chat_reason, HasSubstr("untrained"));
  EXPECT_EQ(Detect("mine-too", {}).chat_format, ChatFormat::kLlama3);
}

TEST_F(ModelKindTest, MetasNamesOfBaseModelsAreKnown) {
  for (const char* name : {"Llama3.1-8B", "Llama3.2-1B", "Meta-Llama-3-70B", "llama-2-7b",
                           "CodeLlama-34b-Python", "CodeLlama-7b", "Meta-Llama-3.1-405B-MP8"})
    EXPECT_TRUE(IsNameOfBaseModel(name)) << name;
  for (const char* name : {"Llama3.3-70B-Instruct", "llama-2-70b-chat", "CodeLlama-13b-Instruct", "demo",
                           "my-8B", "Llama-Guard-3-8B", "llama", "tiny-llama-8bit"})
    EXPECT_FALSE(IsNameOfBaseModel(name)) << name;
}

TEST_F(ModelKindTest, WhatTheUserSaysCountsMore) {
  EXPECT_EQ(Detect("Meta-Llama-3-8B", {}, ChatFormat::kLlama3).chat_format, ChatFormat::kLlama3);
  EXPECT_EQ(Detect("demo", {}, ChatFormat::kNone).chat_format, ChatFormat::kNone);
  EXPECT_THAT([&] { Detect("llama-2-7b", {.sentencepiece = true}, ChatFormat::kLlama3); },
              ThrowsMessage<Error>(HasSubstr("--chat-format llama3: the tokenizer of")));
}

TEST_F(ModelKindTest, ATokenizerOfAnotherModelIsRefused) {
  test::WriteTinyModel(root_ / "m", {});
  test::WriteTinyModel(root_ / "other", {.sentencepiece = true});
  fs::copy_file(root_ / "other/tokenizer.model", root_ / "m/tokenizer.model",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(
      [&] { LoadTokenizer(OpenModelDir(root_ / "m")); },
      ThrowsMessage<Error>(HasSubstr("the tokenizer has 272 tokens, but the model has embeddings for 512")));
}

}  // namespace
}  // namespace puna
