#include "engine/grammar/token_constraint.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/grammar/grammar_error.h"

namespace puna {
namespace {

// Bounds on one walk through the vocabulary. Walks over JSON stay an order of magnitude below.
constexpr size_t kMaxWork = 20'000'000;        // sum of the steps' costs
constexpr size_t kMaxConfigurations = 30'000;  // distinct ones met

void Allow(TokenMask& mask, int32_t token) {
  mask[static_cast<size_t>(token) / 64] |= uint64_t{1} << (static_cast<size_t>(token) % 64);
}

}  // namespace

TokenConstraint::TokenConstraint(std::shared_ptr<const TokenTrie> trie, const Grammar& grammar)
    : trie_(std::move(trie)),
      automaton_(std::make_shared<const PushdownAutomaton>(grammar)),
      configurations_(automaton_) {
  if (configurations_.start() == Configurations::kDead)
    throw GrammarError("it can begin in too many ways at once");
}

TokenConstraint::Id TokenConstraint::StepBytes(Id from, std::string_view bytes) {
  for (const char c : bytes) {
    if (from == Configurations::kDead) break;
    from = configurations_.Next(from, automaton_->ClassOfByte(static_cast<uint8_t>(c)));
  }
  return from;
}

TokenConstraint::Id TokenConstraint::StepToken(Id from, int32_t token) {
  const auto symbols = trie_->symbols();
  const auto symbol = std::ranges::find(symbols, token);
  if (symbol == symbols.end()) return StepBytes(from, trie_->Bytes(token));
  return configurations_.Next(from, automaton_->ClassOfSymbol(static_cast<int>(symbol - symbols.begin())));
}

bool TokenConstraint::Matches(std::string_view bytes) {
  const std::lock_guard lock(mu_);
  BoundMemory();
  const Id at = StepBytes(configurations_.start(), bytes);
  return at != Configurations::kDead && configurations_.Accepts(at);
}

size_t TokenConstraint::configurations() const {
  const std::lock_guard lock(mu_);
  return configurations_.size();
}

std::shared_ptr<const TokenMask> TokenConstraint::MaskOf(Id at) {
  const auto place = static_cast<size_t>(at);
  if (place >= masks_.size()) masks_.resize(configurations_.size());
  if (masks_[place] == nullptr) {
    auto mask = ComputeMask(at);  // meets new configurations
    masks_.resize(configurations_.size());
    masks_[place] = std::move(mask);
    ++mask_count_;
  }
  return masks_[place];
}

std::shared_ptr<const TokenMask> TokenConstraint::ComputeMask(Id at) {
  TokenMask mask((trie_->vocab_size() + 63) / 64, 0);
  AllowBytes(at, mask);
  const auto symbols = trie_->symbols();
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i] < 0) continue;
    const auto symbol = automaton_->ClassOfSymbol(static_cast<int>(i));
    if (configurations_.Next(at, symbol) != Configurations::kDead) Allow(mask, symbols[i]);
  }
  if (configurations_.Accepts(at))
    for (const int32_t end : trie_->end_tokens()) Allow(mask, end);
  return std::make_shared<const TokenMask>(std::move(mask));
}

// Walks the trie as far as the configurations go.
void TokenConstraint::AllowBytes(Id at, TokenMask& mask) {
  const auto nodes = trie_->nodes();
  const auto size = static_cast<int32_t>(nodes.size());
  // First the single bytes, so that there is a way on whatever the bounds cut off.
  for (int32_t i = 0; i < size;) {
    const TokenTrie::Node& node = nodes[static_cast<size_t>(i)];
    if (node.token >= 0 &&
        configurations_.Next(at, automaton_->ClassOfByte(node.byte)) != Configurations::kDead)
      Allow(mask, node.token);
    i = node.subtree_end;
  }
  size_t work = 0;
  size_t met = 0;
  ++walk_;
  path_.assign(1, at);
  for (int32_t i = 0; i < size;) {
    const TokenTrie::Node& node = nodes[static_cast<size_t>(i)];
    const Id from = path_[node.depth - 1u];
    const auto input = automaton_->ClassOfByte(node.byte);
    const Id next = configurations_.Next(from, input);
    work += configurations_.Cost(from, input);
    if (next == Configurations::kDead) {
      i = node.subtree_end;
      continue;
    }
    if (static_cast<size_t>(next) >= met_in_.size()) met_in_.resize(configurations_.size(), 0);
    if (std::exchange(met_in_[static_cast<size_t>(next)], walk_) != walk_) ++met;
    if (work > kMaxWork || met > kMaxConfigurations) return;
    if (node.token >= 0) Allow(mask, node.token);
    if (node.depth >= path_.size()) path_.resize(node.depth + 1u);
    path_[node.depth] = next;
    ++i;
  }
}

void TokenConstraint::BoundMemory() {
  const size_t mask_bytes = trie_->vocab_size() / 8;
  if (configurations_.MemoryBytes() + mask_count_ * mask_bytes <= kMaxMemory) return;
  std::vector<Id> kept;
  for (const TokenMatcher* matcher : matchers_) kept.push_back(matcher->at_);
  const std::vector<Id> renamed = configurations_.KeepOnly(kept);
  size_t next = 0;
  for (TokenMatcher* matcher : matchers_) matcher->at_ = renamed[next++];
  masks_.clear();
  mask_count_ = 0;
  met_in_.clear();
  walk_ = 0;
}

TokenMatcher::TokenMatcher(std::shared_ptr<TokenConstraint> constraint) : constraint_(std::move(constraint)) {
  const std::lock_guard lock(constraint_->mu_);
  at_ = constraint_->configurations_.start();
  constraint_->matchers_.insert(this);
}

TokenMatcher::~TokenMatcher() {
  const std::lock_guard lock(constraint_->mu_);
  constraint_->matchers_.erase(this);
}

std::shared_ptr<const TokenMask> TokenMatcher::Allowed() {
  const std::lock_guard lock(constraint_->mu_);
  constraint_->BoundMemory();
  return constraint_->MaskOf(at_);
}

void TokenMatcher::Accept(int32_t token) {
  const std::lock_guard lock(constraint_->mu_);
  const Configurations::Id next = constraint_->StepToken(at_, token);
  CHECK(next != Configurations::kDead) << "token " << token << " was not allowed";
  at_ = next;
}

bool TokenMatcher::finished() {
  const std::lock_guard lock(constraint_->mu_);
  return !constraint_->configurations_.GoesOn(at_);
}

}  // namespace puna
