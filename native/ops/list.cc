#include "ops/op.h"

namespace nt {

#define OP(name) OpDef name##_op();
#define UNARY(name, Functor) OpDef name##_op();
#define BINARY(name, Functor) OpDef name##_op();
#include "ops/list.def"

namespace {

struct List {
  const OpDef* defs;
  int count;
};

const List& list() {
  static const OpDef defs[] = {
#define OP(name) name##_op(),
#define UNARY(name, Functor) name##_op(),
#define BINARY(name, Functor) name##_op(),
#include "ops/list.def"
  };
  static const List all = {defs, static_cast<int>(sizeof defs / sizeof *defs)};
  return all;
}

}  // namespace

const OpDef* ops() {
  return list().defs;
}

int op_count() {
  return list().count;
}

}  // namespace nt
