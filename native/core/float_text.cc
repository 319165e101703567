#include "core/float_text.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace nt {

char* write_float(char* to, float value) {
  if (!std::isfinite(value)) {
    std::memcpy(to, "null", 4);
    return to + 4;
  }
#if defined(__cpp_lib_to_chars) && __cpp_lib_to_chars >= 201611L
  return std::to_chars(to, to + kFloatText, value).ptr;
#else
  char text[32];
  int n = 0;
  for (int digits = 6; digits <= 9; ++digits) {
    n = std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
    if (std::strtof(text, nullptr) == value) break;
  }
  std::memcpy(to, text, static_cast<size_t>(n));
  return to + n;
#endif
}

}  // namespace nt
