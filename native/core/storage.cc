#include <cstring>

#include "core/node.h"
#include "core/parallel.h"
#include "cpu/gemm/pack.h"

namespace nt {

Storage::~Storage() {
  allocator().free(data_, capacity_);
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
    pack_panels_transposed(from, n, dtype, n, k, width, made->data, parallel);
  else
    pack_panels(from, dtype, n, k, width, made->data, parallel);
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
