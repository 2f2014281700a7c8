#pragma once

#include <cstddef>
#include <functional>

#include "loaders/mapped_file.h"

namespace puna {

// Where the pages of a mapped file are before anybody reads them. Views into the file stay valid throughout:
// what is mapped changes, addresses do not. Each may take as long as reading the file takes.
//
// Throws LoadError: what the system refused, and what would allow it.

// Called with the bytes that are done, now and then.
using ResidenceProgress = std::function<void(size_t)>;

// Reads every page once, so that no request waits for the disk. The system may drop them again.
void Preload(const MappedFile& file, const ResidenceProgress& progress);

// Puts a private copy of the file into anonymous memory, in huge pages where the system has them, in place of
// the mapping: fewer address translations, and what happens to the file from then on changes nothing. Costs
// memory of the file's size. `available`: bytes that may be taken; 0 if unknown.
void CopyIntoMemory(const MappedFile& file, size_t available, const ResidenceProgress& progress);

// Keeps all pages in memory until the file is unmapped (mlock).
void LockInMemory(const MappedFile& file);

}  // namespace puna
