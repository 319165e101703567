// Streams, calls and accounts.
#include <cstring>

#include "addon/arguments.h"
#include "addon/functions.h"
#include "cpu/kernels.h"

namespace nt {

// submit(stream)
napi_value submit(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  Client* client = client_of(env, info, 1, argv);
  if (Stream* stream = client->stream(int_of(env, argv[0]))) stream->submit();
  return nullptr;
}

// discard(stream)
napi_value discard(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  Client* client = client_of(env, info, 1, argv);
  if (Stream* stream = client->stream(int_of(env, argv[0]))) stream->discard();
  return nullptr;
}

// createStream(isa, singleThread) → id, or -1 when this CPU has no such level
napi_value create_stream(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  Client* client = client_of(env, info, 2, argv);
  char name[32] = "";
  size_t length = 0;
  napi_get_value_string_utf8(env, argv[0], name, sizeof name, &length);
  bool single = false;
  napi_get_value_bool(env, argv[1], &single);
  const bool reference = std::strcmp(name, "reference") == 0;
  const char* problem = nullptr;
  const Kernels* kernels = length == 0 ? default_kernels(&problem) : kernels_for(reference ? "generic" : name);
  if (!kernels) return number(env, -1);
  return number(env, client->add_stream(make_ref<Stream>(kernels, reference, single)));
}

// closeStream(stream)
napi_value close_stream(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  Client* client = client_of(env, info, 1, argv);
  client->remove_stream(int_of(env, argv[0]));
  return nullptr;
}

// beginCall() → id
napi_value begin_call(napi_env env, napi_callback_info info) {
  return number(env, client_of(env, info)->begin_call());
}

// abortCall(id)
napi_value abort_call(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  Client* client = client_of(env, info, 1, argv);
  const Ref<CallState> call = client->call(int_of(env, argv[0]));
  if (call) call->abort();
  return nullptr;
}

// endCall(id)
napi_value end_call(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  Client* client = client_of(env, info, 1, argv);
  client->end_call(int_of(env, argv[0]));
  return nullptr;
}

// reason() → of the last call that was refused or lost
napi_value reason(napi_env env, napi_callback_info info) {
  napi_value text;
  napi_create_string_utf8(env, client_of(env, info)->reason, NAPI_AUTO_LENGTH, &text);
  return text;
}

// stats(): numbers: live, pooled, peak, limit and mapped bytes, handles
napi_value stats(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  const MemoryStats memory = allocator().stats();
  words.put_number(static_cast<double>(memory.live));
  words.put_number(static_cast<double>(memory.pooled));
  words.put_number(static_cast<double>(memory.peak));
  words.put_number(static_cast<double>(memory.limit));
  words.put_number(static_cast<double>(Mapping::total()));
  words.put_number(static_cast<double>(client->handles()));
  return nullptr;
}

// hold(bytes): how much more native memory the garbage collector would free by collecting what JS holds
napi_value hold(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  client_of(env, info, 1, argv);
  int64_t total;
  napi_adjust_external_memory(env, static_cast<int64_t>(number_of(env, argv[0])), &total);
  return nullptr;
}

}  // namespace nt
