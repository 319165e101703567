// The N-API surface: numbers, handles and status. lib/binding/addon.ts describes each function; defaults, checks and
// wording are there too. Hot calls use the C interface, which costs half of what a C++ wrapper around it does.
#include "addon/client.h"
#include "addon/format.h"
#include "addon/functions.h"

namespace nt {
namespace {

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

void set_function(napi_env env, napi_value object, const char* name, napi_callback callback, void* data) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  set(env, object, name, function);
}

void close_client(void* data) {
  static_cast<Client*>(data)->close();
}

void client_collected(napi_env env, void* data, void*) {
  Client* client = static_cast<Client*>(data);
  if (!client->closed()) {
    napi_remove_env_cleanup_hook(env, close_client, client);
    client->close();
  }
  if (client->release()) delete client;
}

void keep_memory(napi_env, void*, void*) {}

napi_value block(napi_env env, napi_typedarray_type type, void* data, size_t count, size_t item) {
  napi_value buffer, array;
  napi_create_external_arraybuffer(env, data, count * item, keep_memory, nullptr, &buffer);
  napi_create_typedarray(env, type, count, buffer, 0, &array);
  return array;
}

// open(finished) → the client's functions and its argument block
napi_value open(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  napi_value object;
  napi_create_object(env, &object);
  Client* client = new Client(env, object);
  set(env, object, Client::kFinished, argv[0]);
  set(env, object, "words", block(env, napi_int32_array, client->words(), kWords, sizeof(int32_t)));
  set(env, object, "numbers", block(env, napi_float64_array, client->numbers(), kNumbers, sizeof(double)));
  const struct {
    const char* name;
    napi_callback callback;
  } functions[] = {{"record", record},
                   {"upload", upload},
                   {"load", load},
                   {"keep", keep},
                   {"write", write},
                   {"release", release},
                   {"submit", submit},
                   {"discard", discard},
                   {"read", read},
                   {"wait", wait},
                   {"whenBelow", when_below},
                   {"createStream", create_stream},
                   {"closeStream", close_stream},
                   {"beginCall", begin_call},
                   {"abortCall", abort_call},
                   {"endCall", end_call},
                   {"reason", reason},
                   {"stats", stats},
                   {"hold", hold},
                   {"formatRows", format_rows}};
  for (const auto& f : functions) set_function(env, object, f.name, f.callback, client);
  napi_wrap(env, object, client, client_collected, nullptr, nullptr);
  napi_add_env_cleanup_hook(env, close_client, client);
  return object;
}

}  // namespace
}  // namespace nt

NAPI_MODULE_INIT() {
  using namespace nt;
  set_function(env, exports, "open", open, nullptr);
  set_function(env, exports, "info", describe, nullptr);
  set_function(env, exports, "profile", profile, nullptr);
  set_function(env, exports, "exchange", exchange, nullptr);
  set_function(env, exports, "lock", lock, nullptr);
  set_function(env, exports, "readCached", read_cached, nullptr);
  set_function(env, exports, "crc32c", crc32c, nullptr);
  return exports;
}
