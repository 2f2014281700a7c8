#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/dtype.h"

namespace puna::test {

struct PthTensor {
  std::string name{};
  DType dtype = DType::kBF16;
  std::vector<int64_t> shape{};

  int shares = -1;  // index of an earlier tensor whose storage this one shows again; -1: its own

  uint64_t Bytes() const;
};

// Writes a checkpoint as torch.save does (zip64, stored records aligned to 64 bytes, pickle protocol 2) from
// front to back, so that a file may be larger than memory. Every tensor fills its storage.
//
//   PthWriter writer(path, tensors);
//   for each tensor with a storage of its own: writer.Append(bytes) as often as needed, or
//   writer.SkipStorage() for a hole of zeros; writer.Finish();
//
// Throws Error if the file cannot be written. Breaking the order or the sizes is a CHECK.
class PthWriter {
 public:
  PthWriter(const std::filesystem::path& path, std::vector<PthTensor> tensors,
            std::string archive_name = "consolidated.00");

  void Append(std::span<const std::byte> bytes);
  // Leaves the current storage as a hole. Its checksum stays zero: a reader that computes it will object.
  void SkipStorage();
  void Finish();

 private:
  struct Entry {
    std::string name;
    uint64_t offset = 0;
    uint64_t size = 0;
    uint32_t crc = 0;
  };

  void BeginEntry(const std::string& name, uint64_t size);
  void EndEntry();
  void WriteRecord(const std::string& name, std::string_view data);
  void BeginNextStorage();
  void Write(std::string_view bytes);

  std::filesystem::path path_;
  std::ofstream out_;
  std::vector<PthTensor> tensors_;
  std::string prefix_;
  std::vector<Entry> entries_;
  size_t next_storage_ = 0;
  uint64_t position_ = 0;   // in the file
  uint64_t remaining_ = 0;  // bytes of the current storage
  bool storage_open_ = false;
};

// CRC-32 (IEEE 802.3, reflected), continued from `crc`; start with 0.
uint32_t Crc32(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace puna::test
