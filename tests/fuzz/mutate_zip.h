#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace puna::fuzz {

// Changes `size` bytes at `data` in place, which may grow to `max_size`; returns the new size.
using Mutate = std::function<size_t(uint8_t* data, size_t size, size_t max_size)>;

// If the bytes are an archive, lets `mutate` change one of its entries, or adds or removes one, and puts an
// archive around them again whose headers, sizes and offsets are right: so what is inside is reached, which a
// change of raw bytes almost never does. (The reader computes no checksums, so none have to be right.) Now
// and then, and for bytes that are no archive, `mutate` changes the raw bytes. Returns the new size, at most
// `max_size`.
size_t MutateZip(uint8_t* data, size_t size, size_t max_size, unsigned seed, const Mutate& mutate);

}  // namespace puna::fuzz
