#include <array>

#include "engine/base/check.h"
#include "loaders/byte_reader.h"
#include "loaders/load_error.h"
#include "loaders/params_json.h"
#include "loaders/pickle.h"
#include "loaders/pth_checkpoint.h"
#include "loaders/tensor_records.h"
#include "loaders/zip_archive.h"
#include "tests/fuzz/fuzz_targets.h"

namespace puna::fuzz {
namespace {

using Bytes = std::span<const std::byte>;

bool Inside(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void Zip(Bytes input) {
  try {
    const ZipArchive archive(input);
    for (const ZipEntry& entry : archive.entries()) {
      CHECK(Inside(entry.data, input)) << entry.name;
      CHECK(archive.Find(entry.name) == &entry) << entry.name;
    }
  } catch (const FormatError&) {
  }
}

void Pickle(Bytes input) {
  try {
    const PickleDocument document = ReadPickle(input);
    const PickleNode& root = document.root();
    uint32_t entries = 0;
    for (uint32_t e = root.first_entry; e != PickleNode::kNoEntry; e = document.entry(e).next) ++entries;
    CHECK(entries == root.entry_count) << entries;
    for (const PickleId id : document.Items(root)) CHECK(document.node(id).depth <= 8);
  } catch (const FormatError&) {
  }
}

// Any window that the reader lets through must lie inside its storage, by arithmetic of its own.
void Records(Bytes input) {
  try {
    for (const TensorRecord& record : ReadTensorRecords(input)) {
      long double last = static_cast<long double>(record.storage_offset);  // cannot wrap
      bool empty = false;
      for (size_t axis = 0; axis < record.shape.size(); ++axis) {
        CHECK(record.shape[axis] >= 0 && record.strides[axis] >= 0) << axis;
        empty = empty || record.shape[axis] == 0;
        last +=
            static_cast<long double>(record.shape[axis] - 1) * static_cast<long double>(record.strides[axis]);
      }
      CHECK(!record.name.empty() && record.shape.size() <= 8);
      CHECK(empty || last < static_cast<long double>(record.storage_size)) << record.storage_size;
    }
  } catch (const FormatError&) {
  }
}

void Checkpoint(Bytes input) {
  try {
    for (const NamedTensor& tensor : ReadPthCheckpoint(input)) {
      const size_t bytes = static_cast<size_t>(tensor.view.NumElements()) * SizeOf(tensor.view.dtype);
      CHECK(Inside({tensor.view.data, bytes}, input)) << tensor.name;
      CHECK(tensor.view.IsContiguous()) << tensor.name;
    }
  } catch (const FormatError&) {
  }
}

void Params(Bytes input) {
  try {
    for (const LlamaGeneration generation : {LlamaGeneration::kThree, LlamaGeneration::kOneOrTwo}) {
      const ModelConfig c = ReadParamsJson(AsText(input), generation).config;
      CHECK(c.dim == c.n_heads * c.head_dim && c.n_heads % c.n_kv_heads == 0) << c.dim;
      CHECK(c.hidden_dim > 0 && c.n_layers > 0 && c.vocab_size >= 0 && c.norm_eps > 0.0f) << c.hidden_dim;
      CHECK(c.rope_theta >= 1.0f && c.max_context > 0) << c.rope_theta;
    }
  } catch (const FormatError&) {
  }
}

constexpr std::array<Target, 5> kTargets{{{"zip", Zip, true},
                                          {"pickle", Pickle},
                                          {"tensor_records", Records},
                                          {"pth_checkpoint", Checkpoint, true},
                                          {"params_json", Params}}};

}  // namespace

std::span<const Target> LoaderTargets() { return kTargets; }

}  // namespace puna::fuzz
