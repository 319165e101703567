// Advisory locks of files, which Node has no call for. Python's filelock takes the same ones.
#include <cerrno>
#ifndef _WIN32
#include <sys/file.h>
#endif

#include "addon/arguments.h"
#include "addon/functions.h"

namespace nt {

// lockFile(fd) → 0 when the open file is now locked for this descriptor alone, 1 when somebody else holds it, -1 when
// the file system (or this platform) has no such locks, else the errno. Never waits; closing the file unlocks it.
napi_value lock_file(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
#ifdef _WIN32
  return number(env, -1);
#else
  int result;
  do {
    result = flock(int_of(env, argv[0]), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return number(env, 0);
  if (errno == EWOULDBLOCK || errno == EAGAIN) return number(env, 1);
  const bool unsupported = errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOTSUP || errno == ENOLCK;
  return number(env, unsupported ? -1 : errno);
#endif
}

}  // namespace nt
