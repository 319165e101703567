{
  "variables": {
    "nt_std": "17",
    "nt_napi": "9",
    "nt_defines": [],
    "nt_addon_defines": [
      "NAPI_DISABLE_CPP_EXCEPTIONS",
      "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
    ],
    "nt_cxx_flags": [
      "-O3",
      "-ffp-contract=off",
      "-fno-math-errno",
      "-Wall",
      "-Wextra"
    ],
    "nt_core": [
      "native/core/allocator.cc",
      "native/core/file_bytes.cc",
      "native/core/float_text.cc",
      "native/core/mapping.cc",
      "native/core/storage.cc",
      "native/core/stream.cc",
      "native/core/thread_pool.cc"
    ],
    "nt_addon": [
      "native/addon/addon.cc",
      "native/addon/client.cc",
      "native/addon/control.cc",
      "native/addon/files.cc",
      "native/addon/format.cc",
      "native/addon/info.cc",
      "native/addon/read.cc",
      "native/addon/record.cc"
    ],
    "nt_ops": [
      "native/ops/list.cc",
      "native/ops/attention/attention.cc",
      "native/ops/attention/reference.cc",
      "native/ops/attention/relative-position.cc",
      "native/ops/blocks/dequantize.cc",
      "native/ops/blocks/quantize.cc",
      "native/ops/blocks/search.cc",
      "native/ops/elementwise/binary.cc",
      "native/ops/elementwise/cast.cc",
      "native/ops/elementwise/clamp.cc",
      "native/ops/elementwise/compare.cc",
      "native/ops/elementwise/exact.cc",
      "native/ops/elementwise/gated.cc",
      "native/ops/elementwise/unary.cc",
      "native/ops/elementwise/where.cc",
      "native/ops/embedding/embedding.cc",
      "native/ops/embedding/index-copy.cc",
      "native/ops/embedding/index-select.cc",
      "native/ops/embedding-resize/cholesky.cc",
      "native/ops/embedding-resize/mean-covariance.cc",
      "native/ops/embedding-resize/resize-rows.cc",
      "native/ops/layout/layout.cc",
      "native/ops/losses/losses.cc",
      "native/ops/matmul/linear.cc",
      "native/ops/matmul/matmul.cc",
      "native/ops/norm/layer-norm.cc",
      "native/ops/norm/normalize.cc",
      "native/ops/random/normal.cc",
      "native/ops/reduce/norm.cc",
      "native/ops/reduce/pool.cc",
      "native/ops/reduce/reduce.cc",
      "native/ops/rope/rope.cc",
      "native/ops/softmax/softmax.cc",
      "native/ops/sort/sort.cc"
    ],
    "nt_cpu": [
      "native/cpu/detect.cc",
      "native/cpu/gemm/pack.cc",
      "native/cpu/isa/generic.cc",
      "native/cpu/gemm/gemm.cc"
    ],
    "nt_avx2": [
      "native/cpu/isa/avx2.cc"
    ],
    "nt_avx2_flags": [
      "-mavx2",
      "-mfma",
      "-mf16c"
    ],
    "nt_avx512": [
      "native/cpu/isa/avx512.cc"
    ],
    "nt_avx512_flags": [
      "-mavx512f",
      "-mavx512bw",
      "-mavx512vl",
      "-mavx512dq",
      "-mfma",
      "-mf16c",
      "-Wno-maybe-uninitialized"
    ],
    "nt_neon": [
      "native/cpu/isa/neon.cc"
    ]
  }
}
