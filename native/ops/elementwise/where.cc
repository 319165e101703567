// where(cond, a, b): out = cond ? a : b, elementwise, with NumPy's broadcasting of all three.
//   inputs  cond: bool or uint8; a, b: any dtype, the same
//   attrs   none
//   output  the broadcast shape, the dtype of a
#include "ops/check.h"
#include "ops/elementwise/broadcast.h"

namespace nt {
namespace {

const char* where_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1) || !has_input(call, 2)) return "needs three inputs";
  if (call.in[0].dtype != DType::kBool && call.in[0].dtype != DType::kU8) return "the condition must be bool or uint8";
  if (call.in[1].dtype != call.in[2].dtype) return "dtypes differ";
  call.out[0].dtype = call.in[1].dtype;
  return broadcast_shape(call.in, 3, &call.out[0].shape);
}

template <class Item>
const char* choose(OpCall& call) {
  const Broadcast walk(call.out[0].shape, call.in, 3);
  Item* out = call.out[0].as<Item>();
  call.parallel->ranges(call.out[0].shape.size(), 8192, [&](int64_t begin, int64_t end, int) {
    walk.rows(begin, end, [&](int64_t at, const int64_t* offsets, int64_t n) {
      const uint8_t* cond = call.in[0].as<uint8_t>() + offsets[0];
      const Item* a = call.in[1].as<Item>() + offsets[1];
      const Item* b = call.in[2].as<Item>() + offsets[2];
      for (int64_t i = 0; i < n; ++i) out[at + i] = cond[i * walk.step(0)] ? a[i * walk.step(1)] : b[i * walk.step(2)];
    });
  });
  return nullptr;
}

// Moves items by their size alone: one routine serves as kernel and as reference.
const char* where_run(OpCall& call) {
  switch (item_size(call.out[0].dtype)) {
    case 1:
      return choose<uint8_t>(call);
    case 2:
      return choose<uint16_t>(call);
    case 4:
      return choose<uint32_t>(call);
    default:
      return choose<uint64_t>(call);
  }
}

}  // namespace

OpDef where_op() {
  return {"where", where_infer, where_run, where_run, -1};
}

}  // namespace nt
