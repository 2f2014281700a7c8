#include "engine/grammar/json_strings.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "engine/grammar/char_set.h"
#include "engine/grammar/code_points.h"
#include "engine/grammar/grammar_error.h"
#include "engine/grammar/regex.h"

namespace puna {
namespace {

// RFC 3339, with the days that each month has; 29 February only in leap years.
constexpr std::string_view kDate =
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]"
    "|2[0-8]))"
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)";
constexpr std::string_view kTime =
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
constexpr std::string_view kDuration =
    "P([0-9]{1,9}W|([0-9]{1,9}Y([0-9]{1,9}M([0-9]{1,9}D)?)?|[0-9]{1,9}M([0-9]{1,9}D)?|[0-9]{1,9}D)"
    "(T([0-9]{1,9}H([0-9]{1,9}M([0-9]{1,9}S)?)?|[0-9]{1,9}M([0-9]{1,9}S)?|[0-9]{1,9}S))?"
    "|T([0-9]{1,9}H([0-9]{1,9}M([0-9]{1,9}S)?)?|[0-9]{1,9}M([0-9]{1,9}S)?|[0-9]{1,9}S))";
// RFC 1123: labels of at most 63 characters, here at most four long ones or ten short ones.
constexpr std::string_view kHostname =
    "([A-Za-z0-9]([A-Za-z0-9-]{0,22}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,22}[A-Za-z0-9])?){0,9}"
    "|[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?){0,2})";
// Of RFC 5322 what is in use: an unquoted name at a host with a dot.
constexpr std::string_view kEmail =
    "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,32}(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,15}){0,2}"
    "@([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\\.){1,5}[A-Za-z]([A-Za-z0-9-]{0,22}[A-Za-z0-9])?";
constexpr std::string_view kOctet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
constexpr std::string_view kUuid =
    "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}";
// With a scheme and a host; RFC 3986 knows others.
constexpr std::string_view kUri =
    "[A-Za-z][A-Za-z0-9+.-]*://"
    "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?){0,5}"
    "(:[1-9][0-9]{0,3})?(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*"
    "(\\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?(#([A-Za-z0-9._~!$&'()*+,;=:@/"
    "?-]|%[0-9A-Fa-f]{2})*)?";
constexpr std::string_view kJsonPointer = "(/([^~/]|~[01])*)*";

std::string Ipv4() {
  const std::string octet(kOctet);
  return "(" + octet + "\\.){3}" + octet;
}

// All places of the "::" that stands for groups of zeros.
std::string Ipv6() {
  const std::string group = "[0-9A-Fa-f]{1,4}";
  std::string all = "((" + group + ":){7}" + group;
  for (int before = 0; before <= 7; ++before) {
    const int after = 7 - before;
    all += "|";
    if (before > 0) all += group + "(:" + group + "){" + std::to_string(before - 1) + "}";
    all += "::";
    if (after > 0) all += "(" + group + "(:" + group + "){0," + std::to_string(after - 1) + "})?";
  }
  return all + ")";
}

const std::map<std::string, std::string, std::less<>>& Formats() {
  static const std::map<std::string, std::string, std::less<>> formats = {
      {"date", std::string(kDate)},
      {"time", std::string(kTime)},
      {"date-time", std::string(kDate) + "T" + std::string(kTime)},
      {"duration", std::string(kDuration)},
      {"email", std::string(kEmail)},
      {"hostname", std::string(kHostname)},
      {"ipv4", Ipv4()},
      {"ipv6", Ipv6()},
      {"uuid", std::string(kUuid)},
      {"uri", std::string(kUri)},
      {"json-pointer", std::string(kJsonPointer)},
  };
  return formats;
}

ExpressionId Quoted(Grammar& grammar, ExpressionId content) {
  return grammar.Sequence({grammar.Literal("\""), content, grammar.Literal("\"")});
}

// All names but some, character by character. Recursive: names are of bounded length.
class NamesExcept {
 public:
  NamesExcept(Grammar& grammar, std::vector<std::vector<uint32_t>> taken)
      : grammar_(grammar), taken_(std::move(taken)) {
    std::ranges::sort(taken_);
    const ExpressionId c = OneOf(grammar_, Plain(), TextEncoding::kPlain);
    anything_ = grammar_.AsRule(grammar_.Repeat(c, 0, Grammar::kUnbounded));
    beyond_ascii_ = grammar_.AsRule(OneOf(grammar_, Ascii().Inverted(), TextEncoding::kPlain));
  }

  ExpressionId All() { return After(0, taken_.size(), 0); }

 private:
  static CharSet Plain() { return CharSet({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}).Inverted(); }

  static CharSet Ascii() { return CharSet({{0, 0x7F}}); }

  // One of a set that usually has all characters beyond ASCII.
  ExpressionId One(const CharSet& set) {
    if (set.Intersected(Ascii().Inverted()) != Ascii().Inverted())
      return OneOf(grammar_, set, TextEncoding::kPlain);
    return grammar_.Choice({OneOf(grammar_, set.Intersected(Ascii()), TextEncoding::kPlain), beyond_ascii_});
  }

  ExpressionId After(size_t from, size_t to, size_t depth) {
    std::vector<ExpressionId> choices;
    // The name that ends here is taken.
    const bool ends = from < to && taken_[from].size() == depth;
    while (from < to && taken_[from].size() == depth) ++from;
    if (!ends) choices.push_back(grammar_.Empty());
    CharSet others = Plain();
    while (from < to) {
      const uint32_t c = taken_[from][depth];
      size_t next = from;
      while (next < to && taken_[next][depth] == c) ++next;
      others = others.Intersected(CharSet::Of(c).Inverted());
      // Written otherwise than as itself it cannot be met here.
      if (Plain().Contains(c)) {
        choices.push_back(grammar_.Sequence(
            {OneOf(grammar_, CharSet::Of(c), TextEncoding::kPlain), After(from, next, depth + 1)}));
      }
      from = next;
    }
    choices.push_back(grammar_.Sequence({One(others), anything_}));
    return grammar_.Choice(std::move(choices));
  }

  Grammar& grammar_;
  std::vector<std::vector<uint32_t>> taken_;
  ExpressionId anything_;
  ExpressionId beyond_ascii_;
};

}  // namespace

bool IsKnownFormat(std::string_view format) { return Formats().contains(format); }

ExpressionId JsonString(Grammar& grammar, const StringLimits& limits) {
  const bool length = limits.min_length > 0 || limits.max_length;
  if (int{length} + int{limits.pattern.has_value()} + int{limits.format.has_value()} > 1)
    throw GrammarError("'pattern', 'format' and a length at the same time are not supported");
  if (limits.max_length && *limits.max_length < limits.min_length) return grammar.Never();
  ExpressionId content = -1;
  if (limits.pattern) {
    content = Regex(grammar, *limits.pattern, RegexMatch::kAnywhere, TextEncoding::kJsonString);
  } else if (limits.format) {
    const auto format = Formats().find(*limits.format);
    if (format == Formats().end())
      throw GrammarError("the format '" + Printable(*limits.format, 40) + "' is not supported");
    content = Regex(grammar, format->second, RegexMatch::kWhole, TextEncoding::kJsonString);
  } else {
    content = grammar.Repeat(AnyJsonStringChar(grammar), limits.min_length,
                             limits.max_length.value_or(Grammar::kUnbounded));
  }
  return grammar.AsRule(Quoted(grammar, content));
}

ExpressionId JsonStringExcept(Grammar& grammar, const std::vector<std::string>& taken) {
  std::vector<std::vector<uint32_t>> names;
  for (const std::string& name : taken)
    if (auto points = CodePoints(name)) names.push_back(*std::move(points));
  return grammar.AsRule(Quoted(grammar, NamesExcept(grammar, std::move(names)).All()));
}

}  // namespace puna
