#include "loaders/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "loaders/load_error.h"

namespace puna {
namespace {

// Closes on every way out; the mapping lives on without the descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string ErrnoText(int error) { return std::strerror(error); }

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer; it means nothing to a regular file.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    const int error = errno;
    if (error == ENOENT) throw LoadError(path, "no such file");
    throw LoadError(path, "cannot be opened for reading: " + ErrnoText(error));
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) throw LoadError(path, "cannot be examined: " + ErrnoText(errno));
  if (S_ISDIR(info.st_mode)) throw LoadError(path, "is a directory, expected a file");
  if (!S_ISREG(info.st_mode)) throw LoadError(path, "is not a regular file");
  if (info.st_size == 0) throw LoadError(path, "is empty");
  if (static_cast<uint64_t>(info.st_size) > std::numeric_limits<size_t>::max()) {
    throw LoadError(path, "is larger than this machine's address space");
  }
  const size_t size = static_cast<size_t>(info.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) {
    throw LoadError(path, "cannot be mapped (" + std::to_string(size) + " bytes): " + ErrnoText(errno));
  }
  data_ = static_cast<const std::byte*>(data);
  size_ = size;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace puna
