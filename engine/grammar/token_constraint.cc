#include "engine/grammar/token_constraint.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/grammar/grammar_error.h"

namespace puna {
namespace {

// Bounds on one walk through the vocabulary. Walks over JSON stay an order of magnitude below.
constexpr size_t kMaxWork = 8'000'000;         // sum of the steps' costs
constexpr size_t kMaxConfigurations = 30'000;  // distinct ones met
constexpr size_t kMaxPlainWork = 1'000'000;    // to look where plain characters lead

}  // namespace

TokenConstraint::TokenConstraint(std::shared_ptr<const TokenTrie> trie, const Grammar& grammar)
    : trie_(std::move(trie)),
      automaton_(std::make_shared<const PushdownAutomaton>(grammar)),
      plain_(*automaton_),
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
  const size_t vocab_size = trie_->vocab_size();
  TokenMask mask(vocab_size / 64 + 1, 0);
  AllowBytes(at, mask);
  // Nodes where no token ends have set the bit after the last token's.
  mask[vocab_size / 64] &= (uint64_t{1} << (vocab_size % 64)) - 1;
  mask.resize((vocab_size + 63) / 64);
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

void TokenConstraint::AllowBytes(Id at, TokenMask& mask) {
  const auto nodes = trie_->nodes();
  // First the single bytes, so that there is a way on whatever the bounds cut off.
  for (size_t i = 0; i < nodes.size(); i = static_cast<size_t>(nodes[i].subtree_end)) {
    if (configurations_.Next(at, automaton_->ClassOfByte(nodes[i].byte)) != Configurations::kDead)
      Allow(mask, nodes[i].token);
  }
  const auto reach = plain_.Reach(configurations_, at, TokenTrie::kMostPlain, kMaxPlainWork);
  if (reach) trie_->AllowPlain(*reach, mask);
  AllowByWalk(at, reach ? trie_->other_nodes() : nodes, mask);
}

// Goes through a tree of tokens as far as the configurations go.
void TokenConstraint::AllowByWalk(Id at, std::span<const TokenTrie::Node> nodes, TokenMask& mask) {
  size_t work = 0;
  size_t met = 0;
  ++walk_;
  path_.assign(1, at);
  for (size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const Configurations::Step step =
        configurations_.Take(path_[node.depth - 1u], automaton_->ClassOfByte(node.byte));
    work += step.cost;
    if (step.next == Configurations::kDead) {
      i = static_cast<size_t>(node.subtree_end);
      continue;
    }
    const auto next = static_cast<size_t>(step.next);
    if (next >= met_in_.size()) met_in_.resize(configurations_.size(), 0);
    met += met_in_[next] != walk_;
    met_in_[next] = walk_;
    if (work > kMaxWork || met > kMaxConfigurations) return;
    Allow(mask, node.token);
    if (node.depth >= path_.size()) path_.resize(node.depth + 1u);
    path_[node.depth] = step.next;
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
