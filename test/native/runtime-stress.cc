// The runtime without Node, for the sanitizers: several threads submit, read, abort, hand values from stream to stream,
// close streams in the middle of work, and lose a file that is mapped. Prints what it checked; exits with 1 at the
// first wrong value.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <unistd.h>
#endif

#include "core/stream.h"
#include "core/thread_pool.h"
#include "cpu/kernels.h"
#include "ops/op.h"

namespace nt {
namespace {

constexpr int kSubmitters = 4;
constexpr int64_t kSize = 100000;

void check(bool truth, const char* claim) {
  if (truth) return;
  std::fprintf(stderr, "not true: %s\n", claim);
  std::_Exit(1);
}

int op_named(const char* name) {
  for (int i = 0; i < op_count(); ++i)
    if (!std::strcmp(ops()[i].name, name)) return i;
  check(false, name);
  return -1;
}

// Counts finished reads, as a client does.
class Reader final : public Listener {
 public:
  void expect(int n) {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ += n;
  }
  void finished(uint32_t, const Ref<CallState>& lost) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (lost) ++lost_;
    if (--open_ == 0) quiet_.notify_all();
  }
  int wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    quiet_.wait(lock, [this] { return open_ == 0; });
    return std::exchange(lost_, 0);
  }

 private:
  std::mutex mutex_;
  std::condition_variable quiet_;
  int open_ = 0, lost_ = 0;
};

Ref<Node> uploaded(float value) {
  Spec spec;
  spec.shape.rank = 1;
  spec.shape.dims[0] = kSize;
  Ref<Storage> storage = make_ref<Storage>();
  check(storage->reserve(spec.bytes()), "there is memory");
  for (int64_t i = 0; i < kSize; ++i) static_cast<float*>(storage->data())[i] = value;
  Ref<Node> node = make_ref<Node>(spec);
  node->give(std::move(storage));
  return node;
}

Ref<Node> record_add(Stream& stream, const Ref<CallState>& call, const Ref<Node>& a, const Ref<Node>& b) {
  static const int add = op_named("add");
  Segment& segment = stream.recording();
  Command command;
  command.op = add;
  command.call = call;
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_in = 2;
  command.n_out = 1;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = 2;
  segment.attrs.insert(segment.attrs.end(), {0.0, 0.0});
  Ref<Node> out = make_ref<Node>(a->spec());
  segment.nodes.push_back(a);
  segment.nodes.push_back(b);
  segment.nodes.push_back(out);
  segment.bytes += out->spec().bytes();
  segment.commands.push_back(std::move(command));
  return out;
}

void record_read(Stream& stream, const Ref<Node>& node, float* to, const Ref<Reader>& reader) {
  Segment& segment = stream.recording();
  Command command;
  command.kind = Command::kRead;
  command.op = CallState::kRead;
  command.call = make_ref<CallState>();
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_in = 1;
  command.first_address = static_cast<int>(segment.addresses.size());
  reader->expect(1);
  reader->retain();
  command.listener = Ref<Listener>(reader.get());
  segment.nodes.push_back(node);
  segment.addresses.push_back(to);
  segment.commands.push_back(std::move(command));
}

Ref<Stream> stream_of(bool single) {
  const char* problem = nullptr;
  return make_ref<Stream>(default_kernels(&problem), false, single);
}

// a makes sums, b adds to them while a goes on, and a takes them back.
void hand_over(int rounds) {
  Ref<Stream> a = stream_of(false), b = stream_of(true);
  Ref<Reader> reader = make_ref<Reader>();
  const Ref<CallState> call = make_ref<CallState>();
  const Ref<Node> one = uploaded(1);
  std::vector<float> result(kSize);
  for (int round = 0; round < rounds; ++round) {
    Ref<Node> x = one;
    for (int i = 0; i < 5; ++i) {
      x = record_add(*a, call, x, one);
      a->submit();
      x = record_add(*b, call, x, one);
      b->submit();
    }
    x = record_add(*a, call, x, one);
    record_read(*a, x, result.data(), reader);
    a->submit();
    check(reader->wait() == 0, "nothing is lost");
    check(result[0] == 12 && result[kSize - 1] == 12, "values pass between streams");
  }
}

// A call is aborted while its commands run; the next call is untouched.
void abort(int rounds) {
  Ref<Stream> stream = stream_of(false);
  Ref<Reader> reader = make_ref<Reader>();
  const Ref<Node> one = uploaded(1);
  std::vector<float> result(kSize);
  for (int round = 0; round < rounds; ++round) {
    const Ref<CallState> doomed = make_ref<CallState>(), fine = make_ref<CallState>();
    Ref<Node> x = one, y = one;
    for (int i = 0; i < 20; ++i) x = record_add(*stream, doomed, x, one);
    for (int i = 0; i < 5; ++i) y = record_add(*stream, fine, y, one);
    record_read(*stream, y, result.data(), reader);
    stream->submit();
    doomed->abort();
    check(reader->wait() == 0, "an aborted call takes no other with it");
    check(result[kSize / 2] == 6, "the next call computes");
  }
}

// A stream is closed with work queued: every read is answered, and nothing is written afterwards.
void close(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    Ref<Stream> a = stream_of(false), b = stream_of(false);
    Ref<Reader> reader = make_ref<Reader>();
    const Ref<CallState> call = make_ref<CallState>();
    const Ref<Node> one = uploaded(1);
    auto result = std::make_unique<std::vector<float>>(4 * kSize);
    for (int i = 0; i < 4; ++i) {
      Ref<Node> x = one;
      for (int step = 0; step < 10; ++step) x = record_add(*a, call, x, one);
      a->submit();
      record_read(*b, x, result->data() + i * kSize, reader);
      b->submit();
      reader->expect(1);
      reader->retain();
      a->notify_below(5, 1000, Ref<Listener>(reader.get()), 0);
    }
    record_add(*a, call, one, one);
    a->close();
    b->close();
    a.reset();
    b.reset();
    reader->wait();
    result.reset();
  }
}

#ifndef _WIN32

Ref<Node> record_map(Stream& stream, const Ref<CallState>& call, int file, const Spec& spec) {
  Segment& segment = stream.recording();
  Command command;
  command.kind = Command::kLoad;
  command.op = CallState::kLoad;
  command.call = call;
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_out = 1;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = Command::kLoadAttrs;
  double attrs[Command::kLoadAttrs] = {};
  attrs[Command::kFile] = file;
  attrs[Command::kSourceType] = static_cast<double>(static_cast<int>(spec.dtype));
  attrs[Command::kMap] = 1;
  segment.attrs.insert(segment.attrs.end(), attrs, attrs + Command::kLoadAttrs);
  Ref<Node> out = make_ref<Node>(spec);
  segment.nodes.push_back(out);
  segment.commands.push_back(std::move(command));
  return out;
}

// Two streams read one mapped file, which is truncated meanwhile: reads give its numbers or are lost, and what was read
// behind the truncation is lost.
void lose_file(int rounds) {
  const Ref<Node> one = uploaded(1);
  const std::vector<float> numbers(kSize, 3);
  for (int round = 0; round < rounds; ++round) {
    Ref<Stream> streams[] = {stream_of(false), stream_of(true)};
    Ref<Reader> reader = make_ref<Reader>();
    std::FILE* file = std::tmpfile();
    check(file && std::fwrite(numbers.data(), sizeof(float), kSize, file) == kSize && !std::fflush(file), "a file");
    std::vector<float> results[2] = {std::vector<float>(kSize), std::vector<float>(kSize)};
    Ref<Node> mapped[2];
    const auto compute = [&] {
      for (int i = 0; i < 2; ++i) {
        const Ref<CallState> call = make_ref<CallState>();
        if (!mapped[i]) mapped[i] = record_map(*streams[i], call, fileno(file), one->spec());
        record_read(*streams[i], record_add(*streams[i], call, mapped[i], one), results[i].data(), reader);
        streams[i]->submit();
      }
    };
    compute();
    check(reader->wait() == 0, "nothing is lost");
    check(results[0][kSize - 1] == 4 && results[1][kSize - 1] == 4, "mapped values are those of the file");
    compute();
    check(ftruncate(fileno(file), 4096) == 0, "the file is truncated");
    const int lost = reader->wait();
    for (const auto& result : results) check(lost > 0 || result[kSize - 1] == 4, "no other numbers come");
    compute();
    check(reader->wait() == 2, "a file that is gone is an error");
    std::fclose(file);
  }
}

#endif

void run(int rounds) {
  std::vector<std::thread> submitters;
  for (int i = 0; i < kSubmitters; ++i)
    submitters.emplace_back([rounds] {
      hand_over(rounds);
      abort(rounds);
      close(rounds);
#ifndef _WIN32
      lose_file(rounds);
#endif
    });
  for (std::thread& submitter : submitters) submitter.join();
  std::printf("%d threads, %d rounds of handing over, aborting, closing and losing files\n", kSubmitters, rounds);
}

}  // namespace
}  // namespace nt

int main(int argc, char** argv) {
  nt::run(argc > 1 ? std::atoi(argv[1]) : 200);
  return 0;
}
