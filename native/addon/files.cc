// What Node's own modules lack: exchanging two paths in one step, locks that end with their process, reads that never
// wait for a disk, and CRC-32C.
#include <cerrno>
#include <string>
#ifdef _WIN32
#elif defined(__linux__)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#else
#include <stdio.h>
#include <sys/file.h>
#endif

#include "addon/arguments.h"
#include "addon/functions.h"
#include "cpu/kernels.h"

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

// Bytes of a file that the system has in memory, without waiting for a disk: as many as there are, or -1.
int64_t read_in_memory(int file, void* to, int64_t length, int64_t position) {
#if defined(__linux__) && defined(SYS_preadv2)
  constexpr int kNoWait = 8;  // RWF_NOWAIT of linux/fs.h, since Linux 4.14; file systems without it refuse
  const iovec place{to, static_cast<size_t>(length)};
  const uint64_t at = static_cast<uint64_t>(position);
  // The position comes in two halves, of which a 64-bit system reads the first alone.
  return syscall(SYS_preadv2, file, &place, 1, at, at >> 32, kNoWait);
#else
  (void)file;
  (void)to;
  (void)length;
  (void)position;
  return -1;
#endif
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

// readCached(file, array, offset, length, position) → bytes of the file that were in memory and are in the array now,
// from `offset` on; -1 when a read has to wait for them, or the system does not say.
napi_value read_cached(napi_env env, napi_callback_info info) {
  size_t argc = 5;
  napi_value argv[5];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  const Bytes array = bytes_of(env, argv[1]);
  const int64_t offset = static_cast<int64_t>(number_of(env, argv[2]));
  const int64_t length = static_cast<int64_t>(number_of(env, argv[3]));
  const int64_t position = static_cast<int64_t>(number_of(env, argv[4]));
  if (offset < 0 || length < 0 || position < 0 || offset > array.bytes - length) return number(env, -1);
  char* const to = static_cast<char*>(array.data) + offset;
  return number(env, static_cast<double>(read_in_memory(int_of(env, argv[0]), to, length, position)));
}

// crc32c(array, before) → the CRC-32C of the bytes, behind others whose sum is `before`.
napi_value crc32c(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  const char* problem;
  static const Kernels* const chosen = default_kernels(&problem);
  const Kernels* const kernels = chosen ? chosen : kernels_for("generic");
  const Bytes array = bytes_of(env, argv[0]);
  const uint32_t before = static_cast<uint32_t>(number_of(env, argv[1]));
  return number(env, kernels->crc32c(static_cast<const uint8_t*>(array.data), array.bytes, before));
}

}  // namespace nt
