{
  "includes": ["native/sources.gypi"],
  "target_defaults": {
    "include_dirs": ["native"],
    "defines": ["<@(nt_defines)"],
    "cflags!": ["-fno-exceptions"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20", "-O3"],
    "cflags": ["-fvisibility=hidden", "-fPIC"],
    "cflags_cc": ["-std=c++<(nt_std)", "<@(nt_cxx_flags)"],
    "xcode_settings": {
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++<(nt_std)",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CFLAGS": ["-fvisibility=hidden"]
    },
    "msvs_settings": { "VCCLCompilerTool": { "ExceptionHandling": 1, "AdditionalOptions": ["/std:c++<(nt_std)"] } }
  },
  "targets": [
    {
      "target_name": "native_transformers",
      "sources": ["<@(nt_addon)", "<@(nt_core)", "<@(nt_ops)", "<@(nt_cpu)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["<@(nt_addon_defines)", "NAPI_VERSION=<(nt_napi)", "NT_BUILD_TOOL=\"node-gyp\""],
      "conditions": [
        ["target_arch=='x64'", { "dependencies": ["nt_avx2", "nt_avx512"] }],
        ["target_arch=='arm64'", { "sources": ["<@(nt_neon)"] }],
        ["OS=='linux'", {
          "ldflags": [
            "-static-libstdc++",
            "-Wl,--version-script=<(module_root_dir)/native/exports.map",
            "-Wl,--gc-sections",
            "-Wl,-z,now",
            "-Wl,-z,nodelete"
          ],
          "libraries": ["-ldl", "-lpthread"]
        }]
      ]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "nt_avx2",
          "type": "static_library",
          "sources": ["<@(nt_avx2)"],
          "cflags": ["<@(nt_avx2_flags)"],
          "xcode_settings": { "OTHER_CFLAGS": ["<@(nt_avx2_flags)"] },
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX2"] } }
        },
        {
          "target_name": "nt_avx512",
          "type": "static_library",
          "sources": ["<@(nt_avx512)"],
          "cflags": ["<@(nt_avx512_flags)"],
          "xcode_settings": { "OTHER_CFLAGS": ["<@(nt_avx512_flags)"] },
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX512"] } }
        }
      ]
    }]
  ]
}
