#include "server/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

namespace puna {
namespace {

ModelDir Demo() { return OpenModelDir(PUNA_SOURCE_DIR "/models/demo"); }

TEST(FingerprintTest, TheSameModelHasTheSameWheneverItIsOpened) {
  const std::string fingerprint = SystemFingerprint(Demo());
  EXPECT_EQ(fingerprint.size(), 13u);
  EXPECT_EQ(fingerprint.substr(0, 3), "fp_");
  EXPECT_EQ(fingerprint, SystemFingerprint(Demo()));
}

TEST(FingerprintTest, WhatMayChangeAnAnswerChangesIt) {
  const std::vector<std::function<void(ModelConfig&)>> changes = {
      [](ModelConfig& c) { c.norm_eps *= 2; },
      [](ModelConfig& c) { c.rope_theta += 1; },
      [](ModelConfig& c) {
        c.rope_scaling = c.rope_scaling ? std::nullopt : std::optional<RopeScaling>(RopeScaling{});
      },
      [](ModelConfig& c) { c.n_heads /= 2; },
  };
  std::set<std::string> seen = {SystemFingerprint(Demo())};
  for (const auto& change : changes) {
    ModelDir changed = Demo();
    change(changed.config);
    EXPECT_TRUE(seen.insert(SystemFingerprint(changed)).second);
  }
}

TEST(FingerprintTest, OtherWeightsChangeIt) {
  const std::string fingerprint = SystemFingerprint(Demo());
  for (size_t i = 0; i < Demo().tensors.size(); ++i) {
    ModelDir changed = Demo();
    TensorInfo& tensor = changed.tensors[i];
    std::vector<std::byte> bytes(tensor.view.data, tensor.view.data + tensor.bytes);
    for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      std::vector<std::byte> other = bytes;
      other[at] ^= std::byte{1};
      tensor.view.data = other.data();
      EXPECT_NE(SystemFingerprint(changed), fingerprint) << tensor.name << " byte " << at;
    }
  }
}

TEST(FingerprintTest, WhereTheModelLiesAndWhatItIsCalledDoNotMatter) {
  ModelDir renamed = Demo();
  renamed.name = "other";
  renamed.path = "elsewhere";
  EXPECT_EQ(SystemFingerprint(renamed), SystemFingerprint(Demo()));
}

}  // namespace
}  // namespace puna
