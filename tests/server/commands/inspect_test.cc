#include "server/commands/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>

namespace puna {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Inspection(const std::string& fixture) {
  const std::filesystem::path path = std::filesystem::path(PUNA_SOURCE_DIR) / fixture;
  std::ostringstream out;
  PrintInspection(out, OpenModelDir(path), {"a tokenizer", ChatFormat::kLlama2, "for a reason"});
  return out.str();
}

TEST(InspectTest, ParametersAndSumsAreInDigitsAndInWords) {
  const std::string text = Inspection("models/demo");
  EXPECT_THAT(text, HasSubstr("parameters    2,361,024 (2.36 million)"));
  EXPECT_THAT(text, HasSubstr("weights       4,722,048 bytes (4.72 MB)"));
  EXPECT_THAT(text, HasSubstr("theta 500000, scaled by 8 from 8192 positions"));
  EXPECT_THAT(text, HasSubstr("bf16: 39 tensors, 2,361,024 elements, 4,722,048 bytes"));
  EXPECT_THAT(text, HasSubstr("all: 39 tensors"));
  EXPECT_THAT(text, HasSubstr("tokenizer     a tokenizer\n"));
  EXPECT_THAT(text, HasSubstr("chat format   llama2: for a reason\n"));
  EXPECT_THAT(text, Not(HasSubstr("note:")));
}

TEST(InspectTest, EveryTensorHasARowWithTypeShapeBytesAndFile) {
  const std::string text = Inspection("models/demo");
  EXPECT_THAT(
      text, HasSubstr("layers.3.feed_forward.w2.weight  bf16  [192, 512]   196,608  consolidated.00.pth\n"));
  EXPECT_THAT(
      text, HasSubstr("norm.weight                      bf16  [192]            384  consolidated.00.pth\n"));
}

TEST(InspectTest, EachTypeIsSummedAndNoticesAreShown) {
  const std::string mixed = Inspection("tests/loaders/fixtures/tiny_bf16");
  EXPECT_THAT(mixed, HasSubstr("bf16: 21 tensors, 7,504 elements, 15,008 bytes"));
  EXPECT_THAT(mixed, HasSubstr("f32: 1 tensors, 2 elements, 8 bytes"));
  EXPECT_THAT(Inspection("tests/loaders/fixtures/tiny_f16_tied"), HasSubstr("note: output.weight is absent"));
}

}  // namespace
}  // namespace puna
