#include "server/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>

namespace puna {
namespace {

using Strings = std::vector<std::string>;

// All that comes out when `text` arrives in pieces of `size` bytes.
std::string TextOf(const Strings& stops, const std::string& text, size_t size, bool* matched = nullptr) {
  StopMatcher matcher(stops);
  std::string out;
  for (size_t i = 0; i < text.size(); i += size) out += matcher.Push(text.substr(i, size));
  if (!matcher.matched()) out += matcher.Finish();
  if (matched != nullptr) *matched = matcher.matched();
  return out;
}

TEST(StopMatcherTest, WithoutStopStringsEverythingLeavesAtOnce) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.Push("Hello"), "Hello");
  EXPECT_EQ(matcher.Finish(), "");
  EXPECT_FALSE(matcher.matched());
}

TEST(StopMatcherTest, NoByteOfAStopStringLeavesBeforeItIsKnownNotToBeOne) {
  StopMatcher matcher({"STOP"});
  EXPECT_EQ(matcher.Push("go ST"), "go ");
  EXPECT_EQ(matcher.Push("O"), "");
  EXPECT_EQ(matcher.Push("RM"), "STORM");
  EXPECT_EQ(matcher.Push("STO"), "");
  EXPECT_EQ(matcher.Push("P and more"), "");
  EXPECT_TRUE(matcher.matched());
  EXPECT_EQ(matcher.match(), "STOP");
  EXPECT_EQ(matcher.Push("nothing follows"), "");
  EXPECT_EQ(matcher.Finish(), "");
}

TEST(StopMatcherTest, TextThatHalfMatchesAtTheEndIsNotLost) {
  StopMatcher matcher({"\n\nUser:"});
  EXPECT_EQ(matcher.Push("bye\n\nUse"), "bye");
  EXPECT_EQ(matcher.Finish(), "\n\nUse");
}

TEST(StopMatcherTest, AStopStringThatBeginsInsideAnAlmostMatchIsFound) {
  bool matched = false;
  EXPECT_EQ(TextOf({"aab"}, "aaab", 1, &matched), "a");
  EXPECT_TRUE(matched);
  EXPECT_EQ(TextOf({"ababc"}, "xabababcy", 1, &matched), "xab");
  EXPECT_TRUE(matched);
}

TEST(StopMatcherTest, TheStopStringThatIsCompleteFirstCounts) {
  EXPECT_EQ(TextOf({"bcd", "c"}, "abcd", 4), "ab");
  EXPECT_EQ(TextOf({"c", "bcd"}, "abcd", 1), "ab");
}

TEST(StopMatcherTest, OfTwoCompleteAtTheSameByteTheLongerCounts) {
  EXPECT_EQ(TextOf({"c", "abc"}, "xabc", 4), "x");
  EXPECT_EQ(TextOf({"abc", "c"}, "xabc", 1), "x");
}

TEST(StopMatcherTest, CharactersOfSeveralBytesAreMatchedWhole) {
  EXPECT_EQ(TextOf({"🗽"}, "🇨🇳✈️🇺🇸🗽!", 4), "🇨🇳✈️🇺🇸");
  // U+1F5FC shares three bytes with U+1F5FD.
  EXPECT_EQ(TextOf({"🗽"}, "🗼!", 4), "🗼!");
}

// The definition, slowly: the first byte at which some stop string is complete.
std::string Definition(const Strings& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops)
      if (std::string_view(text).substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    if (longest > 0) return text.substr(0, end - longest);
  }
  return text;
}

TEST(StopMatcherTest, EqualsTheDefinitionHoweverTheTextIsCut) {
  std::mt19937 random(7);
  const auto word = [&random](size_t longest) {
    std::string text(1 + random() % longest, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 2);
    return text;
  };
  int cut = 0;
  for (int round = 0; round < 3000; ++round) {
    Strings stops;
    for (size_t i = 0; i < 1 + random() % 4; ++i) stops.push_back(word(6));
    const std::string text = word(24);
    const std::string want = Definition(stops, text);
    cut += want != text ? 1 : 0;
    for (const size_t size : {1u, 2u, 3u, 7u, 24u})
      EXPECT_EQ(TextOf(stops, text, size), want) << text << " by " << size;
  }
  EXPECT_GT(cut, 1000);
}

TEST(StopMatcherTest, LongStopStringsStayLinear) {
  const std::string stop = std::string(200'000, 'a') + "b";
  const std::string text(400'000, 'a');
  EXPECT_EQ(TextOf({stop}, text, 1), text);
}

}  // namespace
}  // namespace puna
