#include "server/model_file_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "engine/base/check.h"
#include "engine/base/error.h"

namespace puna {
namespace {

// What the signal handler reads: nothing of it is allocated or changed while it may run.
struct MappedRange {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  size_t length = 0;
  std::array<char, 704> sentence{};  // what is said when it cannot be read any more
};

constexpr size_t kMaxFiles = 256;
std::array<MappedRange, kMaxFiles> g_ranges;
std::atomic<size_t> g_count{0};
struct sigaction g_before;
std::atomic_flag g_ending = ATOMIC_FLAG_INIT;

// Several threads find the file changed at the same time: the first one says so and ends the process, the
// others wait for that.
void BeTheOneThatEnds() {
  while (g_ending.test_and_set()) pause();
}

// All that it calls is allowed in a signal handler.
void OnBusError(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (size_t i = 0; i < g_count.load(); ++i) {
    const MappedRange& range = g_ranges[i];
    if (address < range.begin || address >= range.end) continue;
    BeTheOneThatEnds();
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, range.sentence.data(), range.length);
    _exit(kExitModelFileChanged);
  }
  // Not ours: what would have happened without us happens when the access is repeated.
  sigaction(SIGBUS, &g_before, nullptr);
}

void Register(const MappedFile& file) {
  const size_t count = g_count.load();
  CHECK(count < kMaxFiles) << count << " mapped files";
  MappedRange& range = g_ranges[count];
  range.begin = reinterpret_cast<uintptr_t>(file.bytes().data());
  // The last page is mapped as a whole.
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  range.end = (range.begin + file.bytes().size() + page - 1) / page * page;
  const std::string sentence = fmt::format(
      "puna: {}: cannot be read any more where it was mapped: it was shortened while in use, or its disk "
      "fails; replace model files by renaming\n",
      Printable(file.path().string(), 504));
  CHECK(sentence.size() <= range.sentence.size()) << sentence.size();
  range.length = sentence.copy(range.sentence.data(), range.sentence.size());
  g_count = count + 1;
}

bool SameTime(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

struct ModelFileWatch::File {
  const MappedFile* mapped;
  int fd;
  timespec written;
};

ModelFileWatch::ModelFileWatch(const ModelDir& dir) {
  CHECK(g_count == 0) << "a second watch";
  const auto watch = [this](const MappedFile& mapped) {
    const int fd = open(mapped.path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) throw Error(Printable(mapped.path().string(), 1000) + ": " + std::strerror(errno));
    struct stat info {};
    const bool known = fstat(fd, &info) == 0;
    files_.push_back({&mapped, fd, info.st_mtim});
    if (!known || static_cast<size_t>(info.st_size) != mapped.bytes().size())
      throw Error(Printable(mapped.path().string(), 1000) + ": changed while it was read");
    Register(mapped);
  };
  try {
    for (const MappedFile& file : dir.files) watch(file);
    watch(dir.tokenizer_file);
  } catch (...) {
    for (const File& file : files_) close(file.fd);
    g_count = 0;
    throw;
  }
  struct sigaction action {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  CHECK(sigaction(SIGBUS, &action, &g_before) == 0) << std::strerror(errno);
}

ModelFileWatch::~ModelFileWatch() {
  sigaction(SIGBUS, &g_before, nullptr);
  g_count = 0;
  for (const File& file : files_) close(file.fd);
}

std::optional<std::string> ModelFileWatch::Changed() const {
  for (const File& file : files_) {
    struct stat info {};
    const bool known = fstat(file.fd, &info) == 0;
    const size_t size = file.mapped->bytes().size();
    if (known && static_cast<size_t>(info.st_size) == size && SameTime(info.st_mtim, file.written)) continue;
    const std::string path = Printable(file.mapped->path().string(), 1000);
    if (!known) return fmt::format("{}: cannot be examined any more: {}", path, std::strerror(errno));
    return fmt::format(
        "{}: was written to while in use ({} bytes, at the start {}): no more answers are made from it; "
        "replace model files by renaming",
        path, info.st_size, size);
  }
  return std::nullopt;
}

void ModelFileWatch::EndIfChanged() const {
  if (const auto changed = Changed()) {
    BeTheOneThatEnds();
    fmt::print(stderr, "puna: {}\n", *changed);
    // Nothing else is brought to an end: what is computed now must not reach anybody.
    _exit(kExitModelFileChanged);
  }
}

}  // namespace puna
