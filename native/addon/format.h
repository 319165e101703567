#pragma once
#include <node_api.h>

namespace nt {

// formatRows(id, vectors, prefixes, prefixEnds, suffix, out, outEnds): words: stream, call, rows, dim.
// Row i becomes prefixes[prefixEnds[i-1] … prefixEnds[i]) + numbers with commas between + suffix in `out`, which must
// have room for every number at its longest (kFloatText); outEnds[i] is where row i ends. Runs in its place in the
// stream.
napi_value format_rows(napi_env env, napi_callback_info info);

}  // namespace nt
