#include "addon/format.h"

#include <atomic>
#include <cmath>
#include <cstring>

#include "addon/client.h"
#include "core/float_text.h"

namespace nt {
namespace {

struct Bytes {
  void* data = nullptr;
  size_t length = 0;  // elements
};

Bytes array(napi_env env, napi_value value) {
  Bytes bytes;
  napi_typedarray_type type;
  napi_value buffer;
  size_t offset;
  napi_get_typedarray_info(env, value, &type, &bytes.length, &bytes.data, &buffer, &offset);
  return bytes;
}

struct Rows final : Task {
  const float* vectors = nullptr;
  const char* prefixes = nullptr;
  const double* prefix_ends = nullptr;
  const char* suffix = nullptr;
  int64_t suffix_length = 0;
  char* out = nullptr;
  double* out_ends = nullptr;
  int64_t rows = 0, dim = 0;

  int64_t prefix_begin(int64_t row) const { return row == 0 ? 0 : static_cast<int64_t>(prefix_ends[row - 1]); }
  // Where row `row` would begin if every number took its longest form.
  int64_t widest(int64_t row) const { return prefix_begin(row) + row * (dim * kFloatText + suffix_length); }

  const char* run(Parallel& parallel) override {
    std::atomic<bool> finite{true};
    parallel.ranges(rows, 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        char* to = out + widest(row);
        const int64_t prefix_length = prefix_begin(row + 1) - prefix_begin(row);
        std::memcpy(to, prefixes + prefix_begin(row), static_cast<size_t>(prefix_length));
        to += prefix_length;
        for (int64_t i = 0; i < dim; ++i) {
          if (i > 0) *to++ = ',';
          const float value = vectors[row * dim + i];
          if (!std::isfinite(value)) finite.store(false, std::memory_order_relaxed);
          to = write_float(to, value);
        }
        std::memcpy(to, suffix, static_cast<size_t>(suffix_length));
        out_ends[row] = static_cast<double>(to + suffix_length - out);
      }
    });
    int64_t end = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t begin = widest(row), length = static_cast<int64_t>(out_ends[row]) - begin;
      std::memmove(out + end, out + begin, static_cast<size_t>(length));
      end += length;
      out_ends[row] = static_cast<double>(end);
    }
    return finite.load() ? nullptr : "a vector holds a value that is not finite";
  }
};

}  // namespace

napi_value format_rows(napi_env env, napi_callback_info info) {
  size_t argc = 7;
  napi_value argv[7];
  void* data = nullptr;
  napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
  Client* client = static_cast<Client*>(data);
  const int32_t* words = client->words();
  napi_value result;
  Stream* stream = client->stream(words[0]);
  if (!stream) {
    napi_create_int32(env, 4, &result);
    return result;
  }
  Ref<Rows> task = make_ref<Rows>();
  task->rows = words[2];
  task->dim = words[3];
  const Bytes vectors = array(env, argv[1]), prefixes = array(env, argv[2]), ends = array(env, argv[3]),
              suffix = array(env, argv[4]), out = array(env, argv[5]), out_ends = array(env, argv[6]);
  task->vectors = static_cast<const float*>(vectors.data);
  task->prefixes = static_cast<const char*>(prefixes.data);
  task->prefix_ends = static_cast<const double*>(ends.data);
  task->suffix = static_cast<const char*>(suffix.data);
  task->suffix_length = static_cast<int64_t>(suffix.length);
  task->out = static_cast<char*>(out.data);
  task->out_ends = static_cast<double*>(out_ends.data);
  const bool fits = static_cast<int64_t>(vectors.length) == task->rows * task->dim &&
                    static_cast<int64_t>(ends.length) == task->rows &&
                    static_cast<int64_t>(out_ends.length) == task->rows &&
                    (task->rows == 0 || task->prefix_begin(task->rows) == static_cast<int64_t>(prefixes.length)) &&
                    static_cast<int64_t>(out.length) >= task->widest(task->rows);
  if (!fits) {
    client->reason = "the arrays' lengths disagree";
    napi_create_int32(env, 1, &result);
    return result;
  }
  Command command;
  command.kind = Command::kRead;
  command.op = CallState::kRead;
  const Ref<CallState> call = client->call(words[1]);
  command.call = call ? call : make_ref<CallState>();
  double id = 0;
  napi_get_value_double(env, argv[0], &id);
  command.id = static_cast<uint32_t>(id);
  command.first_node = static_cast<int>(stream->recording().nodes.size());
  task->retain();
  command.task = Ref<Task>(task.get());
  napi_value keep;
  napi_create_array(env, &keep);
  for (uint32_t i = 1; i < 7; ++i) napi_set_element(env, keep, i - 1, argv[i]);
  napi_ref reference;
  napi_create_reference(env, keep, 1, &reference);
  client->expect(command.id, reference);
  client->retain();
  command.listener = Ref<Listener>(client);
  stream->recording().commands.push_back(std::move(command));
  napi_create_int32(env, 0, &result);
  return result;
}

}  // namespace nt
