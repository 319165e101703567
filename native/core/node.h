// A node is one value of the program: the tensor that a command will make, or an upload made. Commands hold references
// to the nodes they read and write and drop them when they have run, so a value's memory is returned behind its last
// reader, whenever JS let go of it.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>

#include "core/allocator.h"
#include "core/call.h"
#include "core/mapping.h"
#include "core/reference.h"
#include "core/tensor.h"

namespace nt {

struct Kernels;

// Memory of one or several nodes (a reshape shares it).
class Storage : public Counted {
 public:
  Storage() = default;
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  // False when memory is out.
  bool reserve(int64_t bytes);
  void* data() const { return data_; }

  // Lays this over bytes of a mapped file: they are read only, and no panels are made of them.
  void map(Ref<Mapping> mapping, int64_t offset) {
    data_ = mapping->at(offset);
    mapping_ = std::move(mapping);
  }
  // The file that this lies in, or null.
  Mapping* mapping() const { return mapping_.get(); }

  // Parameters are immutable; one that is a GEMM operand may be held as panels only, or keep panels beside its rows.
  bool parameter = false;
  // The panels are those of the transposed matrix: what is multiplied with is [K, N] and not [N, K].
  bool transposed = false;

  // Turns the rows [N, K] (transposed: [K, N], and so below) into panels for `kernels` and frees the rows. False when
  // memory is out.
  bool pack(DType dtype, int64_t rows, int64_t columns, const Kernels* kernels, class Parallel& parallel);

  // Reads the rows from a file into panels, without holding them in between. Null, or why not.
  const char* read_packed(int file, int64_t offset, DType dtype, int64_t rows, int64_t columns, const Kernels* kernels,
                          class Parallel& parallel);

  // Panels for `kernels`, derived and kept when there are none yet; null when memory is out.
  const void* panels_for(DType dtype, int64_t rows, int64_t columns, const Kernels* kernels, class Parallel& parallel);

  // The rows, unpacked into a new storage when only panels are held; this when the rows are here. Null: memory is out.
  Ref<Storage> rows(DType dtype, int64_t rows, int64_t columns, class Parallel& parallel);

 private:
  struct Panels {
    int width = 0;
    void* data = nullptr;
    int64_t capacity = 0;
    std::unique_ptr<Panels> next;
  };
  void* data_ = nullptr;
  int64_t capacity_ = 0;
  Ref<Mapping> mapping_;
  std::mutex mutex_;
  std::unique_ptr<Panels> panels_;
};

class Node : public Counted {
 public:
  explicit Node(const Spec& spec) : spec_(spec) {}

  const Spec& spec() const { return spec_; }
  Storage* storage() const { return storage_.get(); }
  const Ref<Storage>& storage_ref() const { return storage_; }
  // The call whose end took this value with it, or null.
  const Ref<CallState>& lost_to() const { return lost_to_; }

  bool ready() const { return ready_.load(std::memory_order_acquire); }
  void give(Ref<Storage> storage) {
    storage_ = std::move(storage);
    finish();
  }
  void lose(const Ref<CallState>& call) {
    lost_to_ = call;
    finish();
  }

  // Set by a stream that found the value not ready and parked; see stream.cc.
  std::atomic<bool> awaited{false};

 private:
  void finish();

  Spec spec_;
  Ref<Storage> storage_;
  Ref<CallState> lost_to_;
  std::atomic<bool> ready_{false};
};

}  // namespace nt
