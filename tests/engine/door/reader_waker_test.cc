// Who is woken in spite of a rest. A reader that nobody wakes would hold its test up for ever.

#include "engine/reader_waker.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <vector>

namespace puna {
namespace {

constexpr std::chrono::hours kEndless{24};

std::shared_ptr<RequestOutput> NewOutput() { return std::make_shared<RequestOutput>(); }

// What the reader of `output` gets next, read by a thread that waits for it.
std::future<TokenEvent> NextOf(const std::shared_ptr<RequestOutput>& output) {
  return std::async(std::launch::async, [output] { return output->Next(); });
}

void Deliver(ReaderWaker& waker, const std::shared_ptr<RequestOutput>& output, int32_t token,
             bool at_once = false) {
  TokenEvent event;
  event.token = token;
  output->Deliver(event);
  waker.Note(output, at_once);
  waker.WakeNoted();
}

// Its reader is woken, and the rest after that begins.
void BeginRest(ReaderWaker& waker) {
  const auto output = NewOutput();
  std::future<TokenEvent> first = NextOf(output);
  Deliver(waker, output, 1);
  EXPECT_EQ(first.get().token, 1);
}

TEST(ReaderWakerTest, EveryTokenArrivesThoughNothingFollowsIt) {
  ReaderWaker waker;
  const auto output = NewOutput();
  for (int token = 0; token < 20; ++token) {
    std::future<TokenEvent> next = NextOf(output);
    Deliver(waker, output, token);
    EXPECT_EQ(next.get().token, token);
  }
}

TEST(ReaderWakerTest, WhatIsToBeReadAtOnceEndsARestForAll) {
  ReaderWaker waker(kEndless);
  BeginRest(waker);
  const auto patient = NewOutput(), urgent = NewOutput();
  std::future<TokenEvent> of_patient = NextOf(patient), of_urgent = NextOf(urgent);
  Deliver(waker, patient, 2);
  Deliver(waker, urgent, 3, /*at_once=*/true);
  EXPECT_EQ(of_urgent.get().token, 3);
  EXPECT_EQ(of_patient.get().token, 2);
}

TEST(ReaderWakerTest, NobodyIsForgottenAtTheEnd) {
  const auto handed_over = NewOutput(), noted = NewOutput();
  std::future<TokenEvent> of_handed_over = NextOf(handed_over), of_noted = NextOf(noted);
  {
    ReaderWaker waker(kEndless);
    BeginRest(waker);
    Deliver(waker, handed_over, 2);
    noted->Deliver(TokenEvent());
    waker.Note(noted, /*at_once=*/false);
  }
  EXPECT_EQ(of_handed_over.get().token, 2);
  of_noted.get();
}

TEST(ReaderWakerTest, AllReadersOfSeveralStepsAreWoken) {
  ReaderWaker waker;
  std::vector<std::shared_ptr<RequestOutput>> outputs;
  std::vector<std::future<TokenEvent>> next;
  for (int i = 0; i < 8; ++i) next.push_back(NextOf(outputs.emplace_back(NewOutput())));
  for (int step = 0; step < 3; ++step) {
    for (const auto& output : outputs) {
      output->Deliver(TokenEvent());
      waker.Note(output, /*at_once=*/false);
    }
    waker.WakeNoted();
  }
  for (auto& event : next) event.get();
}

}  // namespace
}  // namespace puna
