#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "tests/support/sentencepiece_builder.h"
#include "tokenizer/sentencepiece_file.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

using test::ProtobufFloat;
using test::ProtobufNumber;
using test::ProtobufText;
using test::SentencePieceBuilder;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr TokenId kFirst = 259;  // after <unk>, <s>, </s> and the bytes

std::unique_ptr<Tokenizer> Make(const SentencePieceBuilder& builder) {
  return Tokenizer::FromSentencePiece(builder.Build(), "tokenizer.model");
}

std::string WhatIsWrong(const std::string& bytes) {
  try {
    ParseSentencePiece(bytes, "x/tokenizer.model");
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

std::string WhatIsWrong(const SentencePieceBuilder& builder) { return WhatIsWrong(builder.Build()); }

TEST(SentencePieceTest, TheHighestScoreMergesFirstAndOfEqualsTheLeftmost) {
  SentencePieceBuilder builder;
  builder.space_in_front = false;
  builder.Pieces({"a", "b", "c"}).Piece("bc", -4).Piece("ab", -5).Piece("aa", -6);
  const auto tokenizer = Make(builder);
  EXPECT_EQ(tokenizer->Encode("abc"), (std::vector<TokenId>{kFirst, kFirst + 3}));  // a bc
  EXPECT_EQ(tokenizer->Encode("aaa"), (std::vector<TokenId>{kFirst + 5, kFirst}));  // aa a
  EXPECT_EQ(tokenizer->Encode("aabb"), (std::vector<TokenId>{kFirst, kFirst + 4, kFirst + 1}));
}

TEST(SentencePieceTest, APieceThatNoMergeReachesIsNotUsed) {
  SentencePieceBuilder builder;
  builder.space_in_front = false;
  builder.Pieces({"a", "b", "c", "abc"});
  EXPECT_EQ(Make(builder)->Encode("abc"), (std::vector<TokenId>{kFirst, kFirst + 1, kFirst + 2}));
}

TEST(SentencePieceTest, WhatIsNoPieceBecomesItsBytesEvenIfItIsNoUtf8) {
  SentencePieceBuilder builder;
  builder.space_in_front = false;
  const auto tokenizer = Make(builder);
  EXPECT_EQ(tokenizer->Encode("\xC3\xA9\xFF"), (std::vector<TokenId>{3 + 0xC3, 3 + 0xA9, 3 + 0xFF}));
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode("\xC3\xA9\xFF")), "\xC3\xA9\xFF");
}

TEST(SentencePieceTest, OneSpaceIsPutInFrontAndTakenAwayAgain) {
  SentencePieceBuilder builder;
  builder.Pieces({"\u2581", "a", "\u2581a", "\u2581\u2581"});
  const auto tokenizer = Make(builder);
  EXPECT_EQ(tokenizer->Encode("a"), std::vector<TokenId>{kFirst + 2});
  EXPECT_EQ(tokenizer->Encode(" a"), (std::vector<TokenId>{kFirst, kFirst + 2}));
  for (const std::string text : {"a", " a", "  a  a ", " ", "   "})
    EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text) << "'" << text << "'";
  EXPECT_EQ(tokenizer->Text(kFirst + 2, /*begins_text=*/false), " a");
  EXPECT_EQ(tokenizer->Text(kFirst + 2, /*begins_text=*/true), "a");
  EXPECT_EQ(tokenizer->Decode(std::vector<TokenId>{1, kFirst + 2, 2}), "a");
}

TEST(SentencePieceTest, UserDefinedPiecesAreFoundFirstAndNeverMerged) {
  SentencePieceBuilder builder;
  builder.space_in_front = false;
  builder.Pieces({"a", "b", "ab"}).Piece("<fim>", 0, 4).Piece("<fim>a", 0, 4);
  const auto tokenizer = Make(builder);
  EXPECT_EQ(tokenizer->Encode("a<fim>b"), (std::vector<TokenId>{kFirst, kFirst + 3, kFirst + 1}));
  EXPECT_EQ(tokenizer->Encode("<fim>ab"), (std::vector<TokenId>{kFirst + 4, kFirst + 1}));
}

TEST(SentencePieceTest, PiecesThatReachFromWordToWordAreMerged) {
  SentencePieceBuilder builder;
  builder.space_in_front = false;
  builder.Pieces({"a", "\u2581", "a\u2581", "a\u2581a"});
  EXPECT_EQ(Make(builder)->Encode("a a"), std::vector<TokenId>{kFirst + 3});
}

TEST(SentencePieceTest, TextNeverBecomesASpecialToken) {
  const auto tokenizer = Make(SentencePieceBuilder().Pieces({"\u2581"}));
  for (const TokenId id : tokenizer->Encode("<s></s><unk><0x41>")) EXPECT_FALSE(tokenizer->IsSpecial(id));
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode("<s></s>")), "<s></s>");
}

TEST(SentencePieceFileTest, AModelOfAnotherKindIsNamedByItsField) {
  SentencePieceBuilder unigram;
  unigram.model_type = 1;
  EXPECT_THAT(WhatIsWrong(unigram), AllOf(StartsWith("x/tokenizer.model: "), HasSubstr("'model_type'")));
  SentencePieceBuilder no_bytes;
  no_bytes.byte_fallback = false;
  EXPECT_THAT(WhatIsWrong(no_bytes), HasSubstr("'byte_fallback'"));
  SentencePieceBuilder removes;
  removes.removes_spaces = true;
  EXPECT_THAT(WhatIsWrong(removes), HasSubstr("'remove_extra_whitespaces'"));
  SentencePieceBuilder plain;
  plain.escapes_spaces = false;
  EXPECT_THAT(WhatIsWrong(plain), HasSubstr("'escape_whitespaces'"));
  SentencePieceBuilder after;
  after.space_after = true;
  EXPECT_THAT(WhatIsWrong(after), HasSubstr("'treat_whitespace_as_suffix'"));
  SentencePieceBuilder maps;
  maps.charsmap = "nfkc";
  EXPECT_THAT(WhatIsWrong(maps), HasSubstr("normalizer_spec"));
}

TEST(SentencePieceFileTest, EachBadPieceIsNamed) {
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("", -1)), HasSubstr("piece 259: is empty"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("a", -1).Piece("a", -2)),
              HasSubstr("piece 260: 'a' again"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("a", NAN)), HasSubstr("score"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("a", -INFINITY)), HasSubstr("score"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("a", -1, 5)), HasSubstr("found 5"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("a", -1, 7)), HasSubstr("found 7"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("<0xZZ>", 0, 6)), HasSubstr("expected a byte"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece("<0x4a>", 0, 6)), HasSubstr("byte <0x4a> again"));
  EXPECT_THAT(WhatIsWrong(SentencePieceBuilder().Piece(std::string(1025, 'a'), 0)), HasSubstr("1024 bytes"));
}

TEST(SentencePieceFileTest, WhatIsMissingIsNamed) {
  SentencePieceBuilder none;
  none.NoPieces();
  EXPECT_THAT(WhatIsWrong(none), HasSubstr("holds no pieces"));
  EXPECT_THAT(WhatIsWrong(none.Piece("a", -1)), HasSubstr("'<s>'"));
  EXPECT_THAT(WhatIsWrong(none.Piece("<s>", 0, 3)), HasSubstr("'</s>'"));
  EXPECT_THAT(WhatIsWrong(none.Piece("</s>", 0, 3)), HasSubstr("byte 0x00"));
  EXPECT_THAT(WhatIsWrong(std::string()), HasSubstr("holds no pieces"));
}

TEST(SentencePieceFileTest, BytesThatAreNoMessageAreRefusedWithTheirOffset) {
  EXPECT_THAT(WhatIsWrong("\n"), HasSubstr("offset 1: a number is cut short"));
  EXPECT_THAT(WhatIsWrong("\n\x05"), HasSubstr("a field of 5 bytes, 0 are left"));
  EXPECT_THAT(WhatIsWrong("\x0F"), HasSubstr("wire type 7"));
  EXPECT_THAT(WhatIsWrong(std::string(1, '\0') + "\x01"), HasSubstr("field number 0"));
  EXPECT_THAT(WhatIsWrong("\x08" + std::string(11, '\xFF')), HasSubstr("more than 64 bits"));
  EXPECT_THAT(WhatIsWrong("\x0D\x01"), HasSubstr("cut short"));
  EXPECT_THAT(WhatIsWrong(ProtobufNumber(1, 5)), HasSubstr("'pieces': expected a text, found a number"));
  EXPECT_THAT(WhatIsWrong(ProtobufText(1, ProtobufNumber(1, 5))), HasSubstr("'piece': expected a text"));
  EXPECT_THAT(WhatIsWrong(ProtobufText(1, ProtobufText(2, "x"))), HasSubstr("'score'"));
  EXPECT_THAT(WhatIsWrong(ProtobufText(2, ProtobufFloat(3, 1))), HasSubstr("'model_type'"));
}

TEST(SentencePieceFileTest, FieldsOfLaterVersionsAndSelfTestsAreSkipped) {
  SentencePieceBuilder builder;
  const std::string more = ProtobufText(4, "self test") + ProtobufNumber(200, 7) + ProtobufFloat(201, 1) +
                           "\xD1\x0C" + std::string(8, 'x');
  EXPECT_EQ(ParseSentencePiece(builder.Build() + more, "x").pieces.size(), 259u);
}

TEST(SentencePieceFileTest, EveryTruncationIsRefusedOrReadWithoutHarm) {
  const std::string whole = SentencePieceBuilder().Pieces({"a", "b"}).Build();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(WhatIsWrong(whole.substr(0, size)), "nothing") << size;
  EXPECT_EQ(WhatIsWrong(whole), "nothing");
}

}  // namespace
}  // namespace puna
