// What this build and this machine are.
#include <napi.h>

#include "addon/functions.h"
#include "core/allocator.h"
#include "core/stream.h"
#include "core/thread_pool.h"
#include "cpu/kernels.h"
#include "math/activation.h"

#ifdef __clang__
#define NT_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define NT_COMPILER "gcc " __VERSION__
#else
#define NT_COMPILER "unknown"
#endif

namespace nt {
namespace {

template <class NameOf>
Napi::Array names(Napi::Env env, int count, NameOf name_of) {
  Napi::Array array = Napi::Array::New(env, static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) array.Set(static_cast<uint32_t>(i), Napi::String::New(env, name_of(i)));
  return array;
}

}  // namespace

// info()
napi_value describe(napi_env raw, napi_callback_info) {
  const Napi::Env env(raw);
  Napi::Object object = Napi::Object::New(env);
  int levels = 0;
  while (available_kernels()[levels]) ++levels;
  object.Set("ops", names(env, op_count(), [](int i) { return ops()[i].name; }));
  object.Set("activations", names(env, kActivationCount, activation_name));
  object.Set("levels", names(env, levels, [](int i) { return available_kernels()[i]->isa; }));
  const char* problem = nullptr;
  const Kernels* chosen = default_kernels(&problem);
  object.Set("isa", chosen ? chosen->isa : "");
  object.Set("isaProblem", problem ? problem : "");
  object.Set("threads", thread_pool().threads());
  object.Set("threadsSetting", threads_setting());
  object.Set("niceSetting", nice_setting());
  object.Set("cores", usable_cores());
  object.Set("memoryLimit", static_cast<double>(allocator().stats().limit));
  object.Set("memorySetting", static_cast<double>(memory_setting()));
  object.Set("buildTool", NT_BUILD_TOOL);
  object.Set("compiler", NT_COMPILER);
  return object;
}

// profile() → for each op, nanoseconds and calls since the process began
napi_value profile(napi_env raw, napi_callback_info) {
  const Napi::Env env(raw);
  Napi::Array array = Napi::Array::New(env);
  for (uint32_t i = 0; i < static_cast<uint32_t>(op_count()); ++i) {
    array.Set(2 * i, static_cast<double>(op_profile()[i].nanoseconds));
    array.Set(2 * i + 1, static_cast<double>(op_profile()[i].calls));
  }
  return array;
}

}  // namespace nt
