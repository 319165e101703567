#include <algorithm>
#include <atomic>

#include "core/file_bytes.h"
#include "core/node.h"
#include "core/parallel.h"
#include "cpu/gemm/pack.h"
#include "cpu/kernels.h"

namespace nt {
namespace {

// Reads a weight from a file into panels, some rows at a time: they are turned while they are in the cache, and of
// fresh memory only the panels themselves are written.
class PanelReader {
 public:
  PanelReader(int file, int64_t offset, DType dtype, int64_t n, int64_t k, bool transposed, const Kernels* kernels)
      : file_(file), offset_(offset), n_(n), k_(k), transposed_(transposed), kernels_(kernels) {
    item_ = static_cast<int64_t>(item_size(dtype));
    width_ = panel_width(kernels);
    const int64_t row_bytes = (transposed ? n : k) * item_, step = transposed ? 1 : width_;
    height_ = transposed ? k : n;
    rows_ = std::min(std::max<int64_t>(1, kBytes / std::max<int64_t>(1, row_bytes * step)) * step, height_);
    row_bytes_ = row_bytes;
  }

  int64_t scratch_bytes() const { return (rows_ * row_bytes_ / kPage + 3) * kPage; }

  const char* read(void* panels, char* scratch, Parallel& parallel) const {
    std::atomic<const char*> trouble{nullptr};
    if (n_ == 0 || k_ == 0) return nullptr;
    parallel.ranges(height_, rows_, [&](int64_t first, int64_t last, int worker) {
      char* const rows = place(scratch + worker * scratch_bytes(), offset_ + first * row_bytes_);
      const char* reason = read_range(file_, offset_ + first * row_bytes_, rows, (last - first) * row_bytes_);
      if (reason) return trouble.store(reason);
      if (!transposed_) populate(static_cast<char*>(panels) + first * k_ * item_, (last - first) * k_ * item_);
      for (int64_t p = transposed_ ? 0 : first / width_; p * width_ < (transposed_ ? n_ : last); ++p)
        turn(rows, first, last, p, static_cast<char*>(panels));
    });
    return trouble.load();
  }

 private:
  static constexpr int64_t kBytes = 1024 << 10, kPage = 4096;

  // As far into a page as the bytes lie in the file: on some CPUs the system copies many times slower to an address a
  // few bytes further into its page than where it copies from.
  static char* place(char* scratch, int64_t offset) {
    const int64_t at = static_cast<int64_t>(reinterpret_cast<uintptr_t>(scratch));
    return scratch + ((offset - at) % kPage + kPage) % kPage;
  }

  // What the rows [first, last) hold of panel p.
  void turn(const char* rows, int64_t first, int64_t last, int64_t p, char* panels) const {
    const int64_t column = p * width_, columns = std::min(width_, n_ - column);
    const char* from = rows + (transposed_ ? column : (column - first) * k_) * item_;
    const int64_t k0 = transposed_ ? first : 0, k1 = transposed_ ? last : k_;
    kernels_->matmul.pack({from, transposed_ ? n_ : k_, static_cast<int>(item_), transposed_}, columns, k1 - k0,
                          panels + (column * k_ + k0 * width_) * item_);
  }

  const int file_;
  const int64_t offset_, n_, k_;
  const bool transposed_;
  const Kernels* kernels_;
  int64_t item_, width_, height_, rows_, row_bytes_;
};

}  // namespace

Storage::~Storage() {
  if (!mapping_) allocator().free(data_, capacity_);
  for (Panels* p = panels_.get(); p; p = p->next.get()) allocator().free(p->data, p->capacity);
}

bool Storage::reserve(int64_t bytes) {
  data_ = allocator().take(bytes, &capacity_);
  return data_ != nullptr;
}

bool Storage::pack(DType dtype, int64_t rows, int64_t columns, const Kernels* kernels, Parallel& parallel) {
  if (!panels_for(dtype, rows, columns, kernels, parallel)) return false;
  std::lock_guard<std::mutex> lock(mutex_);
  allocator().free(data_, capacity_);
  data_ = nullptr;
  capacity_ = 0;
  return true;
}

const char* Storage::read_packed(int file, int64_t offset, DType dtype, int64_t rows, int64_t columns,
                                 const Kernels* kernels, Parallel& parallel) {
  const int64_t n = transposed ? columns : rows, k = transposed ? rows : columns;
  const PanelReader reader(file, offset, dtype, n, k, transposed, kernels);
  auto made = std::make_unique<Panels>();
  made->width = panel_width(kernels);
  made->data = allocator().take(panel_bytes(dtype, n, k, made->width), &made->capacity);
  int64_t capacity = 0;
  char* const scratch = static_cast<char*>(allocator().take(reader.scratch_bytes() * parallel.workers(), &capacity));
  const char* reason = made->data && scratch ? reader.read(made->data, scratch, parallel) : "out of memory";
  allocator().free(scratch, capacity);
  if (reason) {
    allocator().free(made->data, made->capacity);
    return reason;
  }
  panels_ = std::move(made);
  return nullptr;
}

const void* Storage::panels_for(DType dtype, int64_t rows, int64_t columns, const Kernels* kernels,
                                Parallel& parallel) {
  const int64_t n = transposed ? columns : rows, k = transposed ? rows : columns;
  const int width = panel_width(kernels);
  Ref<Storage> unpacked;
  const void* from = data_;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const Panels* p = panels_.get(); p; p = p->next.get())
      if (p->width == width) return p->data;
  }
  if (!from) {
    unpacked = this->rows(dtype, rows, columns, parallel);
    if (!unpacked) return nullptr;
    from = unpacked->data();
  }
  auto made = std::make_unique<Panels>();
  made->width = width;
  made->data = allocator().take(panel_bytes(dtype, n, k, width), &made->capacity);
  if (!made->data) return nullptr;
  if (transposed)
    pack_panels_transposed(from, n, dtype, n, k, kernels, made->data, parallel);
  else
    pack_panels(from, dtype, n, k, kernels, made->data, parallel);
  std::lock_guard<std::mutex> lock(mutex_);
  for (const Panels* p = panels_.get(); p; p = p->next.get()) {
    if (p->width != width) continue;  // another stream was first
    allocator().free(made->data, made->capacity);
    return p->data;
  }
  made->next = std::move(panels_);
  panels_ = std::move(made);
  return panels_->data;
}

Ref<Storage> Storage::rows(DType dtype, int64_t rows, int64_t columns, Parallel& parallel) {
  const Panels* panels;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    panels = panels_.get();
  }
  Ref<Storage> made = make_ref<Storage>();
  if (!made->reserve(rows * columns * static_cast<int64_t>(item_size(dtype)))) return Ref<Storage>();
  if (transposed)
    unpack_panels_transposed(panels->data, dtype, columns, rows, panels->width, made->data(), parallel);
  else
    unpack_panels(panels->data, dtype, rows, columns, panels->width, made->data(), parallel);
  return made;
}

}  // namespace nt
