#include "engine/grammar/json_numbers.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <vector>

#include "engine/grammar/grammar_error.h"

namespace puna {
namespace {

constexpr int kIntegerDigits = 18;   // an integer without bounds: what 64 bits hold
constexpr int kFractionDigits = 17;  // of any number: more say nothing

// A decimal number without sign, "12.5": its digits and how many of them stand before the point.
struct Decimal {
  std::string whole;     // without leading zeros: "" is 0
  std::string fraction;  // without trailing zeros

  bool zero() const { return whole.empty() && fraction.empty(); }
  bool operator==(const Decimal&) const = default;
};

struct SignedDecimal {
  bool negative = false;
  Decimal size;
};

int Compare(const Decimal& a, const Decimal& b) {
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
  if (const int whole = a.whole.compare(b.whole)) return whole;
  return a.fraction.compare(b.fraction);
}

// From JSON's notation, exponent and all.
SignedDecimal ReadDecimal(const std::string& text) {
  SignedDecimal read;
  size_t at = 0;
  if (text[at] == '-') {
    read.negative = true;
    ++at;
  }
  const size_t e = std::min(text.find_first_of("eE"), text.size());
  const size_t point = std::min(text.find('.'), e);
  std::string digits = text.substr(at, point - at);
  int64_t before = static_cast<int64_t>(digits.size());
  if (point < e) digits += text.substr(point + 1, e - point - 1);
  if (e < text.size()) {
    const size_t number = text[e + 1] == '+' ? e + 2 : e + 1;
    int exponent = 0;
    std::from_chars(text.data() + number, text.data() + text.size(), exponent);
    before += exponent;
  }
  if (digits.find_first_not_of('0') == std::string::npos) return {};
  constexpr int64_t kMost = 400;
  if (before > kMost || before < -kMost) throw GrammarError("the number " + text + " is out of range");
  if (before < 0) digits.insert(0, static_cast<size_t>(-before), '0');
  before = std::max<int64_t>(before, 0);
  if (static_cast<size_t>(before) > digits.size())
    digits.append(static_cast<size_t>(before) - digits.size(), '0');
  read.size.whole = digits.substr(0, static_cast<size_t>(before));
  read.size.whole.erase(0, std::min(read.size.whole.find_first_not_of('0'), read.size.whole.size()));
  read.size.fraction = digits.substr(static_cast<size_t>(before));
  read.size.fraction.erase(read.size.fraction.find_last_not_of('0') + 1);
  return read;
}

struct Bound {
  Decimal at;
  bool exclusive = false;
};

// Numbers without sign between two bounds, digit by digit. Where a number stands after some digits is a
// state: whether it is still equal to a bound as far as that goes, and its remainder. Each state is a rule.
class DigitRules {
 public:
  DigitRules(Grammar& grammar, bool integer, int multiple_of, Bound low, std::optional<Bound> high)
      : grammar_(grammar),
        integer_(integer),
        multiple_of_(multiple_of),
        low_(std::move(low)),
        high_(std::move(high)) {}

  ExpressionId Build() {
    std::vector<ExpressionId> lengths;
    const auto low_length = static_cast<int>(low_.at.whole.size());
    const auto high_length = high_ ? static_cast<int>(high_->at.whole.size()) : kBoundedDigits;
    // Zero has no digits here but is written with one.
    if (low_length == 0)
      lengths.push_back(
          grammar_.Sequence({grammar_.Literal("0"), AfterWhole(true, high_ && high_length == 0, 0)}));
    const int most =
        std::min(high_length, multiple_of_ > kSmallMultiple ? kDigitsOfLargeMultiples : kBoundedDigits);
    for (length_ = std::max(1, low_length); length_ <= most; ++length_) {
      // Of fewer digits than a bound is less, of more is greater.
      lengths.push_back(Whole(length_, length_ == low_length, high_ && length_ == high_length, 0));
    }
    return grammar_.Choice(std::move(lengths));
  }

 private:
  // The states of a multiple are as many as its remainders, for each digit.
  static constexpr int kSmallMultiple = 100;
  static constexpr int kDigitsOfLargeMultiples = 9;

  // With so many of length_ digits before the point still to come. `low_equal`: the digits so far are those
  // of the bound; else they are within it whatever follows.
  ExpressionId Whole(int left, bool low_equal, bool high_equal, int remainder) {
    if (left == 0) return AfterWhole(low_equal, high_equal, remainder);
    const bool first = left == length_;
    const bool any_length = integer_ && !low_equal && !high_equal;
    const auto key = std::tuple(first, left, low_equal, high_equal, remainder, any_length ? 0 : length_);
    if (const auto found = known_.find(key); found != known_.end()) return grammar_.Use(found->second);
    const RuleId rule = grammar_.AddRule();
    known_.emplace(key, rule);
    const auto place = static_cast<size_t>(length_ - left);
    const int least = low_equal ? low_.at.whole[place] - '0' : first ? 1 : 0;
    const int most = high_equal ? high_->at.whole[place] - '0' : 9;
    std::vector<ExpressionId> choices;
    for (int digit = least; digit <= most;) {
      const bool low_stays = low_equal && digit == least;
      const bool high_stays = high_equal && digit == most;
      // Digits that lead to one state are one range.
      const bool alone = low_stays || high_stays || multiple_of_ > 1;
      const int last = alone ? digit : high_equal ? most - 1 : 9;
      choices.push_back(
          grammar_.Sequence({Digits(digit, last), Whole(left - 1, low_stays, high_stays,
                                                        (remainder * 10 + digit) % multiple_of_)}));
      digit = last + 1;
    }
    grammar_.Define(rule, grammar_.Choice(std::move(choices)));
    return grammar_.Use(rule);
  }

  ExpressionId AfterWhole(bool low_equal, bool high_equal, int remainder) {
    if (remainder != 0) return grammar_.Never();
    std::vector<ExpressionId> choices;
    if (MayEnd(low_equal, high_equal, 0)) choices.push_back(grammar_.Empty());
    const int room = kBoundedDigits - std::max(length_, 1);
    if (!integer_ && room > 0)
      choices.push_back(grammar_.Sequence({grammar_.Literal("."), Fraction(0, room, low_equal, high_equal)}));
    return grammar_.Choice(std::move(choices));
  }

  // Whether a number may end after so many digits of the fraction.
  bool MayEnd(bool low_equal, bool high_equal, size_t digits) const {
    if (low_equal && (low_.exclusive || low_.at.fraction.size() > digits)) return false;
    return !(high_equal && high_->exclusive && high_->at.fraction.size() <= digits);
  }

  // At least one more digit after the point, at most `room`.
  ExpressionId Fraction(size_t place, int room, bool low_equal, bool high_equal) {
    const auto key = std::tuple(place, room, low_equal, high_equal);
    if (const auto found = fractions_.find(key); found != fractions_.end())
      return grammar_.Use(found->second);
    const RuleId rule = grammar_.AddRule();
    fractions_.emplace(key, rule);
    const auto digit_of = [place](const Bound& bound) {
      return place < bound.at.fraction.size() ? bound.at.fraction[place] - '0' : 0;
    };
    const int least = low_equal ? digit_of(low_) : 0;
    const int most = high_equal ? digit_of(*high_) : 9;
    std::vector<ExpressionId> choices;
    for (int digit = least; digit <= most;) {
      const bool low_stays = low_equal && digit == least;
      const bool high_stays = high_equal && digit == most;
      const int last = low_stays || high_stays ? digit : high_equal ? most - 1 : 9;
      std::vector<ExpressionId> ends;
      if (MayEnd(low_stays, high_stays, place + 1)) ends.push_back(grammar_.Empty());
      if (room > 1) ends.push_back(Fraction(place + 1, room - 1, low_stays, high_stays));
      choices.push_back(grammar_.Sequence({Digits(digit, last), grammar_.Choice(std::move(ends))}));
      digit = last + 1;
    }
    grammar_.Define(rule, grammar_.Choice(std::move(choices)));
    return grammar_.Use(rule);
  }

  ExpressionId Digits(int first, int last) {
    return grammar_.Byte(static_cast<uint8_t>('0' + first), static_cast<uint8_t>('0' + last));
  }

  Grammar& grammar_;
  const bool integer_;
  const int multiple_of_;
  const Bound low_;
  const std::optional<Bound> high_;
  int length_ = 0;  // digits before the point
  std::map<std::tuple<bool, int, bool, bool, int, int>, RuleId> known_;
  std::map<std::tuple<size_t, int, bool, bool>, RuleId> fractions_;
};

ExpressionId AnyNumber(Grammar& grammar, bool integer) {
  const auto digits = [&grammar](int min, int max) {
    return grammar.Repeat(grammar.Byte('0', '9'), min, max);
  };
  const ExpressionId whole = grammar.Choice(
      {grammar.Literal("0"), grammar.Sequence({grammar.Byte('1', '9'), digits(0, kIntegerDigits - 1)})});
  const ExpressionId sign = grammar.Optional(grammar.Literal("-"));
  if (integer) return grammar.Sequence({sign, whole});
  // Exponents as far as every reader's doubles go.
  const ExpressionId exponent = grammar.Sequence(
      {grammar.Choice({grammar.Literal("e"), grammar.Literal("E")}),
       grammar.Optional(grammar.Choice({grammar.Literal("+"), grammar.Literal("-")})),
       grammar.Choice({digits(1, 2), grammar.Sequence({grammar.Byte('1', '1'), digits(2, 2)}),
                       grammar.Sequence({grammar.Literal("2"), grammar.Byte('0', '8'), digits(1, 1)})})});
  return grammar.Sequence(
      {sign, whole, grammar.Optional(grammar.Sequence({grammar.Literal("."), digits(1, kFractionDigits)})),
       grammar.Optional(exponent)});
}

void CheckDigits(const SignedDecimal& bound, const std::string& text) {
  if (bound.size.whole.size() + bound.size.fraction.size() > kBoundedDigits) {
    throw GrammarError("the bound " + text + " has more than " + std::to_string(kBoundedDigits) +
                       " digits, which is not supported");
  }
}

}  // namespace

ExpressionId JsonNumber(Grammar& grammar, const NumberLimits& limits) {
  if (!limits.bounded()) return grammar.AsRule(AnyNumber(grammar, limits.integer));
  std::optional<SignedDecimal> low;
  std::optional<SignedDecimal> high;
  if (limits.minimum) {
    low = ReadDecimal(*limits.minimum);
    // A bound no number of so few digits is beyond is none.
    if (low->negative && low->size.whole.size() > kBoundedDigits) low.reset();
    if (low) CheckDigits(*low, *limits.minimum);
  }
  if (limits.maximum) {
    high = ReadDecimal(*limits.maximum);
    if (!high->negative && high->size.whole.size() > kBoundedDigits) high.reset();
    if (high) CheckDigits(*high, *limits.maximum);
  }
  const bool integer = limits.integer || limits.multiple_of > 1;
  const auto between = [&](Bound from, std::optional<Bound> to) {
    if (to) {
      const int order = Compare(from.at, to->at);
      if (order > 0 || (order == 0 && (from.exclusive || to->exclusive))) return grammar.Never();
    }
    return DigitRules(grammar, integer, limits.multiple_of, std::move(from), std::move(to)).Build();
  };
  std::vector<ExpressionId> choices;
  if (!high || !high->negative) {
    Bound from;
    if (low && !low->negative) from = {low->size, limits.exclusive_minimum};
    std::optional<Bound> to;
    if (high) to = Bound{high->size, limits.exclusive_maximum};
    choices.push_back(between(std::move(from), std::move(to)));
  }
  if (!low || low->negative) {
    // Below zero, mirrored; zero itself has no sign.
    Bound from{{}, /*exclusive=*/true};
    if (high && (high->negative || high->size.zero())) {
      from = {high->size, limits.exclusive_maximum || high->size.zero()};
    }
    std::optional<Bound> to;
    if (low) to = Bound{low->size, limits.exclusive_minimum};
    choices.push_back(grammar.Sequence({grammar.Literal("-"), between(std::move(from), std::move(to))}));
  }
  return grammar.AsRule(grammar.Choice(std::move(choices)));
}

}  // namespace puna
