#include <cstdint>

#include "tests/hostile/kinds.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/zip_builder.h"

namespace puna::test {
namespace {

namespace fs = std::filesystem;

const std::string kFile = "consolidated.00.pth";
constexpr uint64_t kHuge = 0xfffffffffffffff0;
constexpr int64_t kBig = int64_t{1} << 62;

std::vector<ZipSpec> TwoEntries() {
  return {{.name = "a/data.pkl", .data = "one"}, {.name = "a/data/0", .data = "three"}};
}

Kind Archive(std::string name, std::string bytes, std::string words) {
  return Content("zip: " + std::move(name), kFile, std::move(bytes), kFile + ": " + std::move(words));
}

Kind Entry(const std::string& name, const std::function<void(ZipSpec&)>& spoil, const std::string& words) {
  std::vector<ZipSpec> entries = TwoEntries();
  spoil(entries[1]);
  return Archive(name, BuildZip(entries), words);
}

void AddEntries(std::vector<Kind>& kinds) {
  kinds.push_back(Entry(
      "compressed", [](ZipSpec& e) { e.method = 8; }, ""));
  kinds.push_back(Entry(
      "an unknown method", [](ZipSpec& e) { e.method = 99; }, ""));
  kinds.push_back(Entry(
      "encrypted", [](ZipSpec& e) { e.flags = 1; }, ""));
  kinds.push_back(Entry(
      "strongly encrypted", [](ZipSpec& e) { e.flags = 1 << 6; }, ""));
  kinds.push_back(Entry(
      "a patch", [](ZipSpec& e) { e.flags = 1 << 5; }, ""));
  kinds.push_back(Entry(
      "on another disk", [](ZipSpec& e) { e.central_disk = 1; }, ""));
  kinds.push_back(Entry(
      "a name twice", [](ZipSpec& e) { e.name = "a/data.pkl"; }, ""));
  kinds.push_back(Entry(
      "no name", [](ZipSpec& e) { e.name = ""; }, ""));
  kinds.push_back(Entry(
      "a zero byte in a name", [](ZipSpec& e) { e.name = std::string("a\0b", 3); }, ""));
  kinds.push_back(Entry(
      "control bytes in a name",
      [](ZipSpec& e) {
        e.name = "\x1b[31m\n";
        e.method = 8;
      },
      ""));
  kinds.push_back(Entry(
      "another name in front", [](ZipSpec& e) { e.local_name = "a/data/9"; }, ""));
  kinds.push_back(Entry(
      "other flags in front", [](ZipSpec& e) { e.local_flags = 1; }, ""));
  kinds.push_back(Entry(
      "another method in front", [](ZipSpec& e) { e.local_method = 8; }, ""));
  kinds.push_back(Entry(
      "another size in front", [](ZipSpec& e) { e.local_size = 4; }, ""));
  kinds.push_back(Entry(
      "two sizes", [](ZipSpec& e) { e.central_uncompressed = 6; }, ""));
  kinds.push_back(Entry(
      "a size past the end", [](ZipSpec& e) { e.central_size = e.local_size = 5000; }, ""));
  kinds.push_back(Entry(
      "an offset past the end", [](ZipSpec& e) { e.central_offset = 1u << 30; }, ""));
  kinds.push_back(Entry(
      "an offset into data", [](ZipSpec& e) { e.central_offset = 40; }, ""));
  kinds.push_back(Entry(
      "the header of another", [](ZipSpec& e) { e.central_offset = 0; }, ""));
  kinds.push_back(Entry(
      "a size that wraps",
      [](ZipSpec& e) {
        e.zip64 = true;
        e.central_size = kHuge;
      },
      ""));
  kinds.push_back(Entry(
      "an offset that wraps",
      [](ZipSpec& e) {
        e.zip64 = true;
        e.central_offset = kHuge;
      },
      ""));
  kinds.push_back(Entry(
      "no zip64 field",
      [](ZipSpec& e) {
        e.zip64 = true;
        e.central_extra = "";
      },
      ""));
  kinds.push_back(Entry(
      "an extra field too long", [](ZipSpec& e) { e.central_extra = std::string("\x77\x00\xff\x00", 4); },
      ""));
  kinds.push_back(Entry(
      "two zip64 fields",
      [](ZipSpec& e) { e.central_extra = std::string("\x01\x00\x00\x00\x01\x00\x00\x00", 8); }, ""));
}

void AddEnds(std::vector<Kind>& kinds) {
  const auto add = [&](const std::string& name, const ZipEnd& end) {
    kinds.push_back(Archive(name, BuildZip(TwoEntries(), end), ""));
  };
  add("bytes behind", {.behind = "x"});
  add("bytes between", {.between = "x"});
  add("split", {.disk = 1});
  add("entries elsewhere", {.entries = 2, .entries_here = 1});
  add("more entries than rows", {.entries = 3});
  add("fewer entries than rows", {.entries = 1});
  add("a directory past the end", {.directory_offset = 1u << 30});
  add("a directory too large", {.directory_size = 1u << 30});
  add("saturated without zip64", {.directory_offset = 0xffffffff});
  add("zip64 of many disks", {.zip64 = true, .locator_disks = 2});
  add("a locator to nowhere", {.zip64 = true, .locator_offset = 3});
  add("a locator that wraps", {.zip64 = true, .locator_offset = kHuge});
  add("a record of another size", {.zip64 = true, .record_size64 = kHuge});
  add("counts that differ", {.zip64 = true, .entries64 = 7});
  add("a zip64 directory that wraps", {.zip64 = true, .directory_size64 = kHuge});
  add("a zip64 offset that wraps", {.zip64 = true, .directory_offset64 = kHuge});
  add("2^64 entries", {.zip64 = true, .entries = 0xffff, .entries64 = kHuge});
  add("99,999 entries without rows", {.zip64 = true, .entries = 0xffff, .entries64 = 99'999});
  for (const int part : {1, 2, 3}) {
    kinds.push_back({"zip: a download that stopped at " + std::to_string(part) + "/4",
                     [part](const fs::path& dir) {
                       fs::resize_file(dir / kFile,
                                       fs::file_size(dir / kFile) * static_cast<size_t>(part) / 4);
                     },
                     "a download that stopped early"});
  }
  kinds.push_back(Archive("nothing inside", BuildZip({}), "is a zip archive without a data.pkl record"));
}

// A checkpoint of one f32 tensor [2, 3].
struct Parts {
  PickledTensor tensor{.name = "w", .storage_size = 6, .shape = {2, 3}, .strides = {3, 1}};
  std::string pickle;  // instead of the tensor's, when not empty
  std::vector<ZipSpec> records{{.name = "x/data/0", .data = std::string(24, '\0')}};
  std::string pickle_name = "x/data.pkl";
};

Kind Record(const std::string& name, const std::function<void(Parts&)>& spoil, const std::string& words) {
  Parts parts;
  spoil(parts);
  const std::string data = parts.pickle.empty() ? PickleTensors(std::vector{parts.tensor}) : parts.pickle;
  std::vector<ZipSpec> all{{.name = parts.pickle_name, .data = data}};
  all.insert(all.end(), parts.records.begin(), parts.records.end());
  return Content("record: " + name, kFile, BuildZip(all), words);
}

}  // namespace

std::vector<Kind> ContainerKinds() {
  std::vector<Kind> kinds;
  AddEntries(kinds);
  AddEnds(kinds);
  return kinds;
}

std::vector<Kind> RecordKinds() {
  std::vector<Kind> kinds;
  const auto add = [&](const std::string& name, const std::function<void(Parts&)>& spoil,
                       const std::string& words) { kinds.push_back(Record(name, spoil, words)); };
  add(
      "no pickle", [](Parts& p) { p.pickle_name = "x/other.pkl"; }, "without a data.pkl");
  add(
      "two pickles", [](Parts& p) { p.records.push_back({.name = "y/data.pkl", .data = "N."}); },
      "two data.pkl");
  add(
      "no storage", [](Parts& p) { p.records.clear(); }, "'x/data/0' is not in the archive");
  add(
      "a key with dots", [](Parts& p) { p.tensor.key = "../../etc/passwd"; }, "is not in the archive");
  add(
      "an absolute key", [](Parts& p) { p.tensor.key = "/etc/passwd"; }, "is not in the archive");
  add(
      "control bytes in a key", [](Parts& p) { p.tensor.key = "\x1b[31m\n"; }, "is not in the archive");
  add(
      "a storage too short", [](Parts& p) { p.records[0].data.resize(23); }, "has 23 bytes, expected 24");
  add(
      "a storage too long", [](Parts& p) { p.records[0].data.resize(28); }, "has 28 bytes, expected 24");
  add(
      "another type", [](Parts& p) { p.tensor.storage_type = "HalfStorage"; },
      "expected 12 (6 elements of f16)");
  add(
      "integers", [](Parts& p) { p.tensor.storage_type = "LongStorage"; },
      "torch.LongStorage is not supported");
  add(
      "f64", [](Parts& p) { p.tensor.storage_type = "DoubleStorage"; },
      "torch.DoubleStorage is not supported");
  add(
      "quantized", [](Parts& p) { p.tensor.storage_type = "QInt8Storage"; },
      "torch.QInt8Storage is not supported");
  add(
      "big-endian", [](Parts& p) { p.records.push_back({.name = "x/byteorder", .data = "big"}); },
      "byte order");
  add(
      "TorchScript", [](Parts& p) { p.records.push_back({.name = "x/constants.pkl", .data = "N."}); },
      "TorchScript");
  add(
      "a negative offset", [](Parts& p) { p.tensor.offset = -1; }, "the storage offset is -1");
  add(
      "an offset past the storage", [](Parts& p) { p.tensor.offset = 1; },
      "reaches element 6 of a storage of 6");
  add(
      "an offset that wraps", [](Parts& p) { p.tensor.offset = INT64_MAX; }, "overflow 64 bits");
  add(
      "a shape too large",
      [](Parts& p) {
        p.tensor.shape = {3, 3};
      },
      "reaches element 8 of a storage of 6");
  add(
      "a negative extent",
      [](Parts& p) {
        p.tensor.shape = {-2, 3};
      },
      "the shape is -2");
  add(
      "a negative stride",
      [](Parts& p) {
        p.tensor.strides = {-3, 1};
      },
      "the strides is -3");
  add(
      "extents that wrap",
      [](Parts& p) {
        p.tensor.shape = {kBig, kBig};
        p.tensor.strides = {0, 0};
      },
      "overflow");
  add(
      "strides that wrap",
      [](Parts& p) {
        p.tensor.strides = {kBig, kBig};
        p.tensor.shape = {3, 3};
      },
      "overflow");
  add(
      "a storage size that wraps", [](Parts& p) { p.tensor.storage_size = kBig; }, "overflow 64 bits");
  add(
      "a negative storage size", [](Parts& p) { p.tensor.storage_size = -6; }, "number of elements is -6");
  add(
      "zero strides",
      [](Parts& p) {
        p.tensor.shape = {1000, 1000};
        p.tensor.strides = {0, 0};
      },
      "not contiguous");
  add(
      "a transposed tensor",
      [](Parts& p) {
        p.tensor.shape = {3, 2};
        p.tensor.strides = {1, 3};
      },
      "not contiguous");
  add(
      "fewer strides than axes", [](Parts& p) { p.tensor.strides = {1}; }, "2 axes have 1 strides");
  add(
      "nine axes", [](Parts& p) { p.tensor.shape.assign(9, 1); }, "at most 8");
  add(
      "a name twice",
      [](Parts& p) {
        p.pickle = PickleTensors(std::vector{p.tensor, p.tensor});
      },
      "described twice");
  add(
      "an empty name", [](Parts& p) { p.tensor.name = ""; }, "found an empty text");
  add(
      "control bytes in a name",
      [](Parts& p) {
        p.tensor.name = "\x1b[31m\n";
        p.tensor.offset = 1;
      },
      "\\x1B[31m\\x0A");
  add(
      "an empty key", [](Parts& p) { p.tensor.key = ""; }, "storage key is not a text");
  add(
      "no tensors", [](Parts& p) { p.pickle = "\x80\x02}."; }, "holds no tensors");
  add(
      "a number as a name", [](Parts& p) { p.pickle = "\x80\x02}K\x01Ns."; }, "expected a tensor's name");
  add(
      "a tensor of another model", [](Parts&) {}, "tensor 'tok_embeddings.weight' is missing");
  add(
      "Hugging Face's names", [](Parts& p) { p.tensor.name = "model.embed_tokens.weight"; },
      "Hugging Face's names");
  add(
      "a vision model", [](Parts& p) { p.tensor.name = "vision_model.x"; }, "image input");
  return kinds;
}

}  // namespace puna::test
