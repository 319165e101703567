// Activations by number, for kernels that apply one to a result still in registers or cache.
#pragma once
#include <cstring>

#include "math/unary.h"

namespace nt {

enum Activation : int {
  kActivation_none,
#define ACTIVATION(name, Functor) kActivation_##name,
#include "math/activation.def"
  kActivationCount
};

inline const char* activation_name(int id) {
  static const char* const kNames[] = {
      "none",
#define ACTIVATION(name, Functor) #name,
#include "math/activation.def"
  };
  return kNames[id];
}

// The number of an activation, "none" and "linear" included; -1 when there is none of that name.
inline int activation_id(const char* name) {
  for (int i = 0; i < kActivationCount; ++i)
    if (!std::strcmp(name, activation_name(i))) return i;
  return std::strcmp(name, "linear") ? -1 : static_cast<int>(kActivation_none);
}

namespace math {

struct Identity {
  template <class V>
  static V apply(V x) {
    return x;
  }
};

// with_activation(id, [&](auto f) { … f.apply(v) … }): the choice stands outside of the loop. Unknown numbers are none.
template <class Body>
inline void with_activation(int id, const Body& body) {
  switch (id) {
#define ACTIVATION(name, Functor) \
  case kActivation_##name:        \
    return body(Functor());
#include "math/activation.def"
    default:
      return body(Identity());
  }
}

// One vector at a time; the choice is made at every call.
template <class V>
inline V activate(int id, V x) {
  switch (id) {
#define ACTIVATION(name, Functor) \
  case kActivation_##name:        \
    return Functor::apply(x);
#include "math/activation.def"
    default:
      return x;
  }
}

}  // namespace math
}  // namespace nt
