{
  "variables": {
    "nt_core": [],
    "nt_addon": [],
    "nt_ops": [
      "native/ops/list.cc"
    ],
    "nt_cpu": [
      "native/cpu/detect.cc",
      "native/cpu/isa/generic.cc"
    ],
    "nt_avx2": ["native/cpu/isa/avx2.cc"],
    "nt_avx512": ["native/cpu/isa/avx512.cc"],
    "nt_neon": ["native/cpu/isa/neon.cc"]
  }
}
