// Reading arguments and writing results: the argument block, and plain N-API values.
#pragma once
#include <node_api.h>

#include "addon/client.h"

namespace nt {

// What a function that returns a status says of its call. lib/binding/runtime.ts has the same list.
enum Status : int32_t { kOk, kRefused, kDisposed, kQueueFull, kNoStream, kLost };

inline napi_value status(napi_env env, Status code) {
  napi_value result;
  napi_create_int32(env, code, &result);
  return result;
}

inline napi_value refuse(napi_env env, Client* client, const char* reason) {
  client->reason = reason;
  return status(env, kRefused);
}

inline napi_value number(napi_env env, double n) {
  napi_value result;
  napi_create_double(env, n, &result);
  return result;
}

inline int32_t int_of(napi_env env, napi_value value) {
  int32_t n = 0;
  napi_get_value_int32(env, value, &n);
  return n;
}

inline double number_of(napi_env env, napi_value value) {
  double n = 0;
  napi_get_value_double(env, value, &n);
  return n;
}

// The client of a call, and its arguments.
inline Client* client_of(napi_env env, napi_callback_info info, size_t argc = 0, napi_value* argv = nullptr) {
  void* data = nullptr;
  napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
  return static_cast<Client*>(data);
}

struct Bytes {
  void* data = nullptr;
  int64_t length = 0;  // elements
  int64_t bytes = 0;
};

// The memory of a typed array; none when it is not one.
inline Bytes bytes_of(napi_env env, napi_value array) {
  static const uint8_t kSize[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  Bytes result;
  napi_typedarray_type type;
  size_t length = 0, offset = 0;
  napi_value buffer;
  if (napi_get_typedarray_info(env, array, &type, &length, &result.data, &buffer, &offset) != napi_ok) return result;
  result.length = static_cast<int64_t>(length);
  result.bytes = result.length * kSize[type];
  return result;
}

// The argument block, read and written in order.
class Words {
 public:
  explicit Words(Client* client) : words_(client->words()), numbers_(client->numbers()) {}

  int32_t next() { return words_[word_++]; }
  void put(int32_t value) { words_[word_++] = value; }
  double next_number() { return numbers_[number_++]; }
  void put_number(double value) { numbers_[number_++] = value; }
  void rewind() { word_ = number_ = 0; }

  // A dtype, a rank and dims. False for a shape that no tensor can have; `*why` then says so.
  bool spec(Spec* spec, const char** why) {
    spec->dtype = static_cast<DType>(next());
    const int32_t rank = next();
    if (rank > kMaxRank) {
      *why = "a tensor has at most 8 dimensions";
      return false;
    }
    spec->shape.rank = rank;
    for (int i = 0; i < rank; ++i) spec->shape.dims[i] = static_cast<int64_t>(next_number());
    if (fits_memory(*spec)) return true;
    *why = "the tensor would have more elements than memory has bytes";
    return false;
  }

  // A handle to `node`, followed by what it holds.
  void put_handle(Client* client, Ref<Node> node) {
    int32_t slot, generation;
    const Spec spec = node->spec();
    client->take_handle(std::move(node), &slot, &generation);
    put(slot);
    put(generation);
    put(static_cast<int32_t>(spec.dtype));
    put(spec.shape.rank);
    for (int i = 0; i < spec.shape.rank; ++i) put_number(static_cast<double>(spec.shape.dims[i]));
  }

 private:
  int32_t* words_;
  double* numbers_;
  int word_ = 0, number_ = 0;
};

// The call that commands are recorded under; a command outside any call has its own fate.
inline Ref<CallState> call_or_own(Client* client, int32_t id) {
  Ref<CallState> call = client->call(id);
  return call ? call : make_ref<CallState>();
}

}  // namespace nt
