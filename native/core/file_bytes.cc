#include "core/file_bytes.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#ifdef _WIN32
#include <io.h>
#else
#include <fcntl.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "core/gather.h"

namespace nt {
namespace {

constexpr char kOutOfMemory[] = "out of memory";
constexpr char kShorter[] = "file is shorter than when it was opened";

constexpr int64_t kReadChunk = int64_t{4} << 20;

// Fresh memory is populated so little at a time that it is still in the cache when it is read into.
constexpr int64_t kPopulateChunk = int64_t{256} << 10;

// Bytes given to one system call: between two of them an abort is heard, and the disk is set to work.
constexpr int64_t kWriteChunk = int64_t{8} << 20;

// By the name of the system's error, which lib/binding/runtime.ts reads.
const char* write_failure(int error) {
  switch (error) {
    case ENOSPC:
      return "ENOSPC: no space left on device";
#ifdef EDQUOT
    case EDQUOT:
      return "EDQUOT: disk quota exceeded";
#endif
    case EFBIG:
      return "EFBIG: file too large";
    case EIO:
      return "EIO: the device failed";
    case EBADF:
      return "EBADF: the file is not open for writing";
    default:
      return "EUNKNOWN: the file cannot be written";
  }
}

}  // namespace

const char* read_range(int file, int64_t offset, char* to, int64_t bytes) {
  while (bytes > 0) {
#ifdef _WIN32
    if (_lseeki64(file, offset, SEEK_SET) < 0) return "file cannot be read";
    const int64_t n = _read(file, to, static_cast<unsigned>(bytes));
#else
    const int64_t n = pread(file, to, static_cast<size_t>(bytes), offset);
#endif
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return "file cannot be read";
    if (n == 0) return kShorter;
    offset += n;
    to += n;
    bytes -= n;
  }
  return nullptr;
}

const char* read_ranges(int file, int64_t offset, void* to, int64_t bytes, Parallel& parallel) {
  std::atomic<const char*> trouble{nullptr};
  char* at = static_cast<char*>(to);
  parallel.ranges(bytes, kReadChunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t from = begin; from < end; from += kPopulateChunk) {
      const int64_t length = std::min(end - from, kPopulateChunk);
      populate(at + from, length);
      if (const char* reason = read_range(file, offset + from, at + from, length)) return trouble.store(reason);
    }
  });
  return trouble.load();
}

const char* read_strided(int file, int64_t offset, const double* strides, const Spec& spec, void* to,
                         Parallel& parallel) {
  int64_t steps[kMaxRank] = {};
  for (int i = 0; i < spec.shape.rank; ++i) steps[i] = static_cast<int64_t>(strides[i]);
  const int64_t item = static_cast<int64_t>(item_size(spec.dtype));
  const int64_t bytes = strided_extent(spec.shape, steps) * item;
  Ref<Storage> block = make_ref<Storage>();
  if (!block->reserve(bytes)) return kOutOfMemory;
  const void* from = block->data();
  if (const char* reason = read_ranges(file, offset, block->data(), bytes, parallel)) return reason;
  const auto as = [&](auto type) {
    using T = decltype(type);
    gather(static_cast<const T*>(from), spec.shape, steps, static_cast<T*>(to), parallel);
  };
  if (item == 1) as(uint8_t{});
  if (item == 2) as(uint16_t{});
  if (item == 4) as(uint32_t{});
  if (item == 8) as(uint64_t{});
  return nullptr;
}

void populate(void* begin, int64_t bytes) {
#ifdef __linux__
  constexpr int kPopulateWrite = 23;  // since Linux 5.14; an older one refuses, and pages come one by one as ever
  static const uintptr_t last = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)) - 1;
  const uintptr_t at = reinterpret_cast<uintptr_t>(begin), first = (at + last) & ~last;
  const uintptr_t end = (at + static_cast<uintptr_t>(bytes)) & ~last;
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, kPopulateWrite);
#else
  (void)begin;
  (void)bytes;
#endif
}

const char* map_bytes(int file, int64_t offset, const Spec& spec, Storage& storage, bool* mapped) {
  if (spec.bytes() == 0 || offset % static_cast<int64_t>(item_size(spec.dtype)) != 0) return nullptr;
  Ref<Mapping> mapping = Mapping::of(file);
  if (!mapping) return nullptr;
  if (offset > mapping->size() - spec.bytes()) return kShorter;
  storage.map(std::move(mapping), offset);
  *mapped = true;
  return nullptr;
}

const char* write_range(int file, int64_t offset, const char* from, int64_t bytes, const CallState& call) {
  while (bytes > 0 && !call.stopped()) {
    const int64_t length = std::min(bytes, kWriteChunk);
#ifdef _WIN32
    if (_lseeki64(file, offset, SEEK_SET) < 0) return write_failure(errno);
    const int64_t n = _write(file, from, static_cast<unsigned>(length));
#else
    const int64_t n = pwrite(file, from, static_cast<size_t>(length), offset);
#endif
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return write_failure(errno);
#ifdef SYNC_FILE_RANGE_WRITE
    sync_file_range(file, offset, n, SYNC_FILE_RANGE_WRITE);  // the disk works while the next bytes are copied
#endif
    offset += n;
    from += n;
    bytes -= n;
  }
  return nullptr;
}

}  // namespace nt
