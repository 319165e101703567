// float32 as the shortest decimal text that reads back as the same number.
#pragma once

namespace nt {

constexpr int kFloatText = 16;  // "-1.17549435e-38" and a comma

// Writes JSON: null for NaN and the infinities. Returns the end; no terminating zero.
char* write_float(char* to, float value);

}  // namespace nt
