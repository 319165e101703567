// The functions that JS sees, by file (format.h has one more). lib/binding/addon.ts describes them.
#pragma once
#include <node_api.h>

namespace nt {

// record.cc
napi_value record(napi_env env, napi_callback_info info);
napi_value upload(napi_env env, napi_callback_info info);
napi_value load(napi_env env, napi_callback_info info);
napi_value keep(napi_env env, napi_callback_info info);
napi_value write(napi_env env, napi_callback_info info);
napi_value release(napi_env env, napi_callback_info info);

// read.cc
napi_value read(napi_env env, napi_callback_info info);
napi_value wait(napi_env env, napi_callback_info info);
napi_value when_below(napi_env env, napi_callback_info info);

// control.cc
napi_value submit(napi_env env, napi_callback_info info);
napi_value discard(napi_env env, napi_callback_info info);
napi_value create_stream(napi_env env, napi_callback_info info);
napi_value close_stream(napi_env env, napi_callback_info info);
napi_value begin_call(napi_env env, napi_callback_info info);
napi_value abort_call(napi_env env, napi_callback_info info);
napi_value end_call(napi_env env, napi_callback_info info);
napi_value reason(napi_env env, napi_callback_info info);
napi_value stats(napi_env env, napi_callback_info info);
napi_value hold(napi_env env, napi_callback_info info);

// files.cc
napi_value exchange(napi_env env, napi_callback_info info);
napi_value lock(napi_env env, napi_callback_info info);
napi_value read_cached(napi_env env, napi_callback_info info);
napi_value crc32c(napi_env env, napi_callback_info info);

// info.cc
napi_value describe(napi_env env, napi_callback_info info);
napi_value profile(napi_env env, napi_callback_info info);

}  // namespace nt
