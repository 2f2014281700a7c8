#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/hostile/kinds.h"
#include "tests/support/tiny_model.h"

namespace puna::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFiles[] = {"params.json", "tokenizer.model", "consolidated.00.pth"};

void AddKindsOfEachFile(std::vector<Kind>& kinds) {
  for (const std::string file : kFiles) {
    const auto add = [&](const std::string& name, auto spoil, const std::string& words) {
      kinds.push_back({name + " " + file, [file, spoil](const fs::path& dir) { spoil(dir / file); }, words});
    };
    add(
        "no", [](const fs::path& path) { fs::remove(path); }, "missing: " + file);
    add(
        "empty", [](const fs::path& path) { Put(path, ""); }, file + ": is empty");
    add(
        "a directory as",
        [](const fs::path& path) {
          fs::remove(path);
          fs::create_directory(path);
        },
        file + ": is a directory, expected a file");
    add(
        "a pipe as",
        [](const fs::path& path) {
          fs::remove(path);
          ::mkfifo(path.c_str(), 0600);
        },
        file + ": is not a regular file");
    add(
        "a device as",
        [](const fs::path& path) {
          fs::remove(path);
          fs::create_symlink("/dev/zero", path);
        },
        file + ": is not a regular file");
    add(
        "a link to nowhere as",
        [](const fs::path& path) {
          fs::remove(path);
          fs::create_symlink("nowhere", path);
        },
        "missing: " + file);
    add(
        "a link to itself as",
        [](const fs::path& path) {
          fs::remove(path);
          fs::create_symlink(path.filename(), path);
        },
        file);
    if (::geteuid() != 0) {  // root may read everything
      add(
          "an unreadable", [](const fs::path& path) { ::chmod(path.c_str(), 0); },
          file + ": cannot be opened for reading: Permission denied");
    }
  }
}

void AddForeignContents(std::vector<Kind>& kinds) {
  struct Foreign {
    const char* name;
    std::string bytes;
    const char* words;
  };
  const Foreign foreign[] = {
      {"a web page", "<!DOCTYPE html><html>sign in</html>", "HTML page"},
      {"a web page after blanks", "\r\n  <HTML><head>", "HTML page"},
      {"an XML error", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML error"},
      {"a git-lfs pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-lfs pointer"},
      {"a JSON answer", "{\"error\": \"gone\"}", "JSON"},
      {"zeros", std::string(5000, '\0'), "starts with zeros"},
      {"gzip", "\x1f\x8b\x08 and so on", "gzip"},
      {"a program",
       "\x7f"
       "ELF\x02\x01\x01 and so on",
       "program"},
  };
  for (const Foreign& f : foreign) {
    for (const std::string file : {"tokenizer.model", "consolidated.00.pth"})
      kinds.push_back(Content(std::string(f.name) + " as " + file, file, f.bytes, file + ": "));
  }
  kinds.push_back(Content("a web page as params.json", "params.json", foreign[0].bytes, "params.json: "));
  kinds.push_back(
      Content("a git-lfs pointer as params.json", "params.json", foreign[3].bytes, "params.json: "));
  const std::string checkpoint = "consolidated.00.pth";
  for (const Foreign& f :
       {Foreign{"GGUF", std::string("GGUF\3\0\0\0", 8), "GGUF"},
        Foreign{"safetensors", std::string("\x40\0\0\0\0\0\0\0{\"a\":{}}", 16), "safetensors"},
        Foreign{"bzip2", "BZh91AY&SY", "bzip2"},
        Foreign{"xz",
                std::string("\xfd"
                            "7zXZ\0",
                            6),
                "xz"},
        Foreign{"zstd", "\x28\xb5\x2f\xfd rest", "zstd"}, Foreign{"NumPy", "\x93NUMPY\x01", "NumPy"},
        Foreign{"words", "just some words, more than an end record has", "not a zip archive"},
        Foreign{"one byte", "P", "not a zip archive"}}) {
    kinds.push_back(Content(std::string(f.name) + " as a checkpoint", checkpoint, f.bytes, f.words));
  }
}

void Write(const fs::path& dir, TinyModel model) {
  fs::remove_all(dir);
  WriteTinyModel(dir, model);
}

void AddShards(std::vector<Kind>& kinds) {
  const TinyModel four{.dim = 96, .n_heads = 8, .n_kv_heads = 8, .shards = 4};
  kinds.push_back({"a shard missing in the middle",
                   [=](const fs::path& dir) {
                     Write(dir, four);
                     fs::remove(dir / "consolidated.01.pth");
                   },
                   "consolidated.01.pth is missing"});
  kinds.push_back({"the last shard missing",
                   [=](const fs::path& dir) {
                     Write(dir, four);
                     fs::remove(dir / "consolidated.03.pth");
                   },
                   "expected 1, 2, 4 or 8 files"});
  kinds.push_back({"half of the shards missing",
                   [=](const fs::path& dir) {
                     Write(dir, four);
                     fs::remove(dir / "consolidated.02.pth");
                     fs::remove(dir / "consolidated.03.pth");
                   },
                   "consolidated.NN.pth files missing?"});
  kinds.push_back({"all shards but the first missing",
                   [=](const fs::path& dir) {
                     Write(dir, four);
                     for (const char* shard : {"1", "2", "3"})
                       fs::remove(dir / ("consolidated.0" + std::string(shard) + ".pth"));
                   },
                   "tensor 'tok_embeddings.weight'"});
  kinds.push_back({"a truncated shard",
                   [=](const fs::path& dir) {
                     Write(dir, four);
                     fs::resize_file(dir / "consolidated.02.pth", 5000);
                   },
                   "consolidated.02.pth: "});
  kinds.push_back({"a shard of another model",
                   [=](const fs::path& dir) {
                     Write(dir, four);
                     TinyModel other = four;
                     other.seed = 2;
                     WriteTinyModel(dir / "other", other);
                     fs::rename(dir / "other/consolidated.02.pth", dir / "consolidated.02.pth");
                   },
                   "the files are of different models"});
  kinds.push_back(
      {"a whole model beside a whole model",
       [](const fs::path& dir) { fs::copy(dir / "consolidated.00.pth", dir / "consolidated.01.pth"); },
       "in 2 pieces"});
}

}  // namespace

std::vector<Kind> DirectoryKinds() {
  std::vector<Kind> kinds;
  kinds.push_back({"nothing", [](const fs::path& dir) { fs::remove_all(dir); }, "no such directory"});
  kinds.push_back({"an empty directory",
                   [](const fs::path& dir) {
                     fs::remove_all(dir);
                     fs::create_directory(dir);
                   },
                   "missing: params.json, tokenizer.model, consolidated.00.pth"});
  kinds.push_back({"a file",
                   [](const fs::path& dir) {
                     fs::remove_all(dir);
                     Put(dir, "x");
                   },
                   "is a file, expected the directory"});
  kinds.push_back({"a link to itself",
                   [](const fs::path& dir) {
                     fs::remove_all(dir);
                     fs::create_symlink(dir.filename(), dir);
                   },
                   "cannot be examined"});
  kinds.push_back({"a Hugging Face directory",
                   [](const fs::path& dir) {
                     fs::remove(dir / "consolidated.00.pth");
                     Put(dir / "config.json", "{}");
                   },
                   "is a Hugging Face directory"});
  kinds.push_back({"a Hugging Face directory with Meta's files inside",
                   [](const fs::path& dir) {
                     fs::create_directory(dir / "original");
                     fs::rename(dir / "consolidated.00.pth", dir / "original/consolidated.00.pth");
                   },
                   "Meta's files are in its folder"});
  kinds.push_back({"safetensors",
                   [](const fs::path& dir) {
                     fs::remove(dir / "consolidated.00.pth");
                     Put(dir / "model-00001-of-00004.safetensors", "x");
                   },
                   "*.safetensors"});
  kinds.push_back({"GGUF",
                   [](const fs::path& dir) {
                     fs::remove(dir / "consolidated.00.pth");
                     Put(dir / "model.gguf", "GGUF");
                   },
                   "holds GGUF files"});
  AddKindsOfEachFile(kinds);
  AddForeignContents(kinds);
  AddShards(kinds);
  return kinds;
}

}  // namespace puna::test
