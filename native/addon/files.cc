// What Node's fs module lacks: exchanging two paths in one step, and locks that end with their process.
#include <cerrno>
#include <string>
#ifdef _WIN32
#elif defined(__linux__)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <stdio.h>
#include <sys/file.h>
#endif

#include "addon/arguments.h"
#include "addon/functions.h"

namespace nt {
namespace {

// 0, or the error's number.
int exchange_paths(const char* a, const char* b) {
#if defined(__linux__) && defined(SYS_renameat2)
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE of linux/fs.h
  return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, kExchange) == 0 ? 0 : errno;
#elif defined(__APPLE__) && defined(RENAME_SWAP)
  return renamex_np(a, b, RENAME_SWAP) == 0 ? 0 : errno;
#else
  (void)a;
  (void)b;
  return ENOSYS;
#endif
}

std::string text_of(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, &text[0], length + 1, &length);
  return text;
}

struct Exchange {
  std::string a, b;
  int error = 0;
  napi_async_work work = nullptr;
  napi_ref done = nullptr;
};

void run(napi_env, void* data) {
  Exchange* exchange = static_cast<Exchange*>(data);
  exchange->error = exchange_paths(exchange->a.c_str(), exchange->b.c_str());
}

void finish(napi_env env, napi_status ended, void* data) {
  Exchange* exchange = static_cast<Exchange*>(data);
  napi_value done, global, ignored;
  napi_get_reference_value(env, exchange->done, &done);
  napi_get_global(env, &global);
  const napi_value argument = number(env, ended == napi_ok ? exchange->error : ECANCELED);
  napi_delete_reference(env, exchange->done);
  napi_delete_async_work(env, exchange->work);
  delete exchange;
  napi_call_function(env, global, done, 1, &argument, &ignored);
}

}  // namespace

// exchange(a, b, done): done(error) hears 0, or the number of the system's error, when the two paths have changed
// places.
napi_value exchange(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  Exchange* exchange = new Exchange;
  exchange->a = text_of(env, argv[0]);
  exchange->b = text_of(env, argv[1]);
  napi_create_reference(env, argv[2], 1, &exchange->done);
  napi_value name;
  napi_create_string_utf8(env, "native-transformers", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, run, finish, exchange, &exchange->work);
  napi_queue_async_work(env, exchange->work);
  return nullptr;
}

// lock(file) → 0, or the number of the system's error: EWOULDBLOCK when another has it. Ends when the file is closed.
napi_value lock(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
#ifdef _WIN32
  return number(env, ENOSYS);
#else
  return number(env, flock(int_of(env, argv[0]), LOCK_EX | LOCK_NB) == 0 ? 0 : errno);
#endif
}

}  // namespace nt
