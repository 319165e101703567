// Bytes between open files and memory, at positions, on the stream's threads. What fails gives a static reason, which
// lib/binding/runtime.ts reads; null is success.
#pragma once
#include <cstdint>

#include "core/call.h"
#include "core/node.h"
#include "core/parallel.h"
#include "core/tensor.h"

namespace nt {

const char* read_range(int file, int64_t offset, char* to, int64_t bytes);

// The same on all threads.
const char* read_ranges(int file, int64_t offset, void* to, int64_t bytes, Parallel& parallel);

// A view of `spec` whose elements lie apart: reads all that it touches, then brings them side by side.
const char* read_strided(int file, int64_t offset, const double* strides, const Spec& spec, void* to,
                         Parallel& parallel);

// Has the system give fresh pages their memory all at once, for who is about to fill them: a fault a page costs more
// than the bytes do. Pages that have memory keep it, and their contents.
void populate(void* begin, int64_t bytes);

// Lays `storage` over the bytes where they lie; `*mapped` stays false where that cannot be, and they must be read.
const char* map_bytes(int file, int64_t offset, const Spec& spec, Storage& storage, bool* mapped);

// Stops without a word when the call is stopped.
const char* write_range(int file, int64_t offset, const char* from, int64_t bytes, const CallState& call);

}  // namespace nt
