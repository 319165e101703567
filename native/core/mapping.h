// Files mapped into memory, read-only. Weights that lie in a file as they are computed with need no memory of their
// own: they are values over the mapping, and what others map of the same file is the same memory.
//
// Someone else may truncate or rewrite a file meanwhile. Reading what is no longer there raises SIGBUS: the handler
// puts zeros in its place and notes it, so that the command that read them fails, and nothing else.
#pragma once
#include <atomic>
#include <cstdint>

#include "core/reference.h"

namespace nt {

struct MappedRange;

// For threads that read mapped values: where SIGBUS is blocked, it ends the process.
void hear_bus_errors();

class Mapping : public Counted {
 public:
  // The whole of an open regular file. Who asks for a file that is mapped already gets the same mapping. Null where
  // files cannot be mapped: then it must be read.
  static Ref<Mapping> of(int file);

  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* at(int64_t offset) const { return data_ + offset; }
  int64_t size() const { return identity_.size; }

  // Null while the file is what was mapped, else why what has just been read may be wrong: text that lives for ever.
  const char* trouble();

  // Bytes of all files that are mapped now.
  static int64_t total();

 private:
  // What tells a file from another, and from what it was before somebody wrote to it.
  struct Identity {
    uint64_t device, number;
    int64_t size, seconds, nanoseconds;

    bool operator==(const Identity& other) const {
      return device == other.device && number == other.number && size == other.size && seconds == other.seconds &&
             nanoseconds == other.nanoseconds;
    }
  };
  static bool identify(int file, Identity* identity);

  Mapping(int file, const Identity& identity, char* data);

  const int file_;  // a descriptor of its own
  const Identity identity_;
  char* const data_;
  MappedRange* range_;
  std::atomic<const char*> trouble_{nullptr};
};

}  // namespace nt
