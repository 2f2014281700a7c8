#include "engine/grammar/configurations.h"

#include <algorithm>
#include <utility>

namespace puna {
namespace {

uint64_t Mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 32);
}

}  // namespace

size_t Configurations::FrameHash::operator()(const Frame& frame) const {
  return Mixed(Mixed(Mixed(0, static_cast<uint32_t>(frame.where)), static_cast<uint32_t>(frame.count)),
               static_cast<uint32_t>(frame.below));
}

size_t Configurations::EntryHash::operator()(Id id) const {
  uint64_t hash = all->At(id).accepts;
  for (const Place& place : all->PlacesOf(id))
    hash = Mixed(Mixed(hash, static_cast<uint32_t>(place.state)), static_cast<uint32_t>(place.frame));
  return hash;
}

bool Configurations::EntryEqual::operator()(Id a, Id b) const {
  return all->At(a).accepts == all->At(b).accepts && std::ranges::equal(all->PlacesOf(a), all->PlacesOf(b));
}

Configurations::Configurations(std::shared_ptr<const PushdownAutomaton> automaton)
    : automaton_(std::move(automaton)),
      classes_(automaton_->classes()),
      entry_ids_(16, EntryHash{this}, EntryEqual{this}) {
  Clear();
}

void Configurations::Clear() {
  entry_ids_.clear();
  frame_ids_.clear();
  steps_.clear();
  frames_.clear();
  entries_.clear();
  places_.clear();
  todo_ = {{automaton_->start(), kBottom}};
  start_ = Close();
}

size_t Configurations::MemoryBytes() const {
  constexpr size_t kMapOverhead = 48;
  return frames_.size() * (2 * sizeof(Frame) + kMapOverhead) +
         entries_.size() * (sizeof(Entry) + kMapOverhead) + places_.size() * sizeof(Place) +
         steps_.size() * sizeof(Step);
}

Configurations::Step Configurations::FindStep(Id from, PushdownAutomaton::InputClass input_class) {
  todo_.clear();
  for (const Place& place : PlacesOf(from))
    for (const auto& move : automaton_->Moves(place.state))
      if (move.input_class == input_class) todo_.push_back({move.target, place.frame});
  const size_t places = At(from).count;
  const Id found = Close();
  // A configuration has at most kMaxPlaces places, and so many more are looked at.
  const Step step{found, static_cast<uint32_t>(1 + places + seen_.size())};
  steps_[static_cast<size_t>(from) * classes_ + input_class] = step;
  return step;
}

Configurations::Id Configurations::Close() {
  seen_.clear();
  found_.clear();
  found_end_ = false;
  while (!todo_.empty()) {
    if (seen_.size() > kMaxPlaces) return kDead;
    const Place place = todo_.back();
    todo_.pop_back();
    const auto key = uint64_t{static_cast<uint32_t>(place.state)} << 32 | static_cast<uint32_t>(place.frame);
    if (seen_.insert(key).second) Visit(place);
  }
  return found_.empty() && !found_end_ ? kDead : Intern(found_end_);
}

void Configurations::Visit(Place place) {
  const PushdownAutomaton& automaton = *automaton_;
  if (automaton.ReadsInput(place.state)) found_.push_back(place);
  if (automaton.IsFinal(place.state)) Return(place.frame);
  for (const StateId free : automaton.Free(place.state)) todo_.push_back({free, place.frame});
  for (const auto& call : automaton.Calls(place.state)) {
    const bool last = automaton.IsOnlyFinal(call.target);
    const FrameId frame = last ? place.frame : Push(call.target, kReturn, place.frame);
    if (frame != kTooDeep) todo_.push_back({call.rule_start, frame});
  }
  for (const int32_t repetition : automaton.Repetitions(place.state)) Repeat(repetition, 0, place.frame);
}

void Configurations::Return(FrameId frame) {
  if (frame == kBottom) {
    found_end_ = true;
    return;
  }
  const Frame& ended = frames_[static_cast<size_t>(frame)];
  if (ended.count == kReturn) {
    todo_.push_back({ended.where, ended.below});
  } else {
    Repeat(ended.where, ended.count, ended.below);
  }
}

void Configurations::Repeat(int32_t index, int32_t count, FrameId below) {
  const auto& repetition = automaton_->repetition(index);
  if (count >= repetition.min) todo_.push_back({repetition.target, below});
  const bool unbounded = repetition.max == Grammar::kUnbounded;
  if (!unbounded && count >= repetition.max) return;
  // Beyond the least number an unbounded one need not be counted.
  const FrameId frame = Push(index, unbounded ? std::min(count + 1, repetition.min) : count + 1, below);
  if (frame != kTooDeep) todo_.push_back({repetition.rule_start, frame});
}

Configurations::FrameId Configurations::Push(int32_t where, int32_t count, FrameId below) {
  const int32_t depth = below == kBottom ? 1 : frames_[static_cast<size_t>(below)].depth + 1;
  if (depth > kMaxDepth) return kTooDeep;
  const Frame frame{where, count, below, depth};
  const auto [place, fresh] = frame_ids_.emplace(frame, static_cast<FrameId>(frames_.size()));
  if (fresh) frames_.push_back(frame);
  return place->second;
}

Configurations::Id Configurations::Intern(bool accepts) {
  std::ranges::sort(found_);
  const auto id = static_cast<Id>(entries_.size());
  entries_.push_back({places_.size(), static_cast<uint32_t>(found_.size()), accepts});
  places_.insert(places_.end(), found_.begin(), found_.end());
  const auto [place, fresh] = entry_ids_.insert(id);
  if (fresh) {
    steps_.resize(steps_.size() + classes_, Step{kUnknown, 0});
  } else {
    places_.resize(entries_.back().first);
    entries_.pop_back();
  }
  return *place;
}

std::vector<Configurations::Id> Configurations::KeepOnly(std::span<const Id> kept) {
  const std::vector<Frame> old_frames = std::move(frames_);
  const std::vector<Entry> old_entries = std::move(entries_);
  const std::vector<Place> old_places = std::move(places_);
  entries_.clear();
  // The table of ids looks into entries; it is emptied before they are filled anew.
  Clear();
  std::unordered_map<FrameId, FrameId> moved = {{kBottom, kBottom}};
  const auto move_frame = [&](FrameId frame) {
    std::vector<FrameId> chain;
    for (; !moved.contains(frame); frame = old_frames[static_cast<size_t>(frame)].below)
      chain.push_back(frame);
    FrameId now = moved.at(frame);
    for (; !chain.empty(); chain.pop_back()) {
      const Frame& old = old_frames[static_cast<size_t>(chain.back())];
      now = Push(old.where, old.count, now);
      moved.emplace(chain.back(), now);
    }
    return now;
  };
  std::vector<Id> renamed;
  for (const Id id : kept) {
    const Entry& entry = old_entries[static_cast<size_t>(id)];
    found_.clear();
    for (size_t i = 0; i < entry.count; ++i) {
      const Place& place = old_places[entry.first + i];
      found_.push_back({place.state, move_frame(place.frame)});
    }
    renamed.push_back(Intern(entry.accepts));
  }
  return renamed;
}

}  // namespace puna
