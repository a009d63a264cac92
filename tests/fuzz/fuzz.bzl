"""A libFuzzer target: NAME_fuzz.cc defines LLVMFuzzerTestOneInput."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def fuzz_target(name, deps, input_bytes_max):
    """NAME_corpus_test replays corpus/NAME; NAME_fuzz_test searches (--config=fuzz)."""
    corpus = "corpus/" + name
    cc_library(
        name = name + "_target",
        testonly = True,
        srcs = [name + "_fuzz.cc"],
        deps = deps + [":fuzz_input", "//base:check", "@sys_absl//:sys_absl"],
        alwayslink = True,
    )
    cc_test(
        name = name + "_corpus_test",
        size = "small",
        srcs = ["corpus_test.cc"],
        data = native.glob([corpus + "/*"]),
        env = {"BRAID_CORPUS": "tests/fuzz/" + corpus},
        deps = [
            ":" + name + "_target",
            "//base:random",
            "@sys_gtest_main//:sys_gtest_main",
        ],
    )
    cc_binary(
        name = name + "_fuzz",
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":" + name + "_target"],
    )
    native.sh_test(
        name = name + "_fuzz_test",
        size = "large",
        srcs = ["fuzz_test.sh"],
        args = ["tests/fuzz/" + name + "_fuzz", "tests/fuzz/" + corpus, str(input_bytes_max)],
        data = [":" + name + "_fuzz"] + native.glob([corpus + "/*"]),
        tags = ["manual"],
    )
