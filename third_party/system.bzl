"""One repository per Debian -dev package; headers stay in /usr/include.

Consequence: upgrading a package does not rebuild; run `bazel clean` after it.
"""

def _system_library_impl(rctx):
    roots = ["/usr/include", "/usr/local/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu"]
    for header in rctx.attr.probe_headers:
        if not [r for r in roots if rctx.path(r + "/" + header).exists]:
            fail("missing header <%s>: apt-get install %s (or run tools/install-packages)" % (header, rctx.attr.deb))
    rctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % rctx.name)
    rctx.file("BUILD.bazel", """
package(default_visibility = ["//visibility:public"])
cc_library(
    name = "{name}",
    linkopts = {linkopts},
)
""".format(name = rctx.name, linkopts = repr(rctx.attr.linkopts)))

system_library = repository_rule(
    implementation = _system_library_impl,
    local = True,
    configure = True,
    attrs = {
        "deb": attr.string(mandatory = True),
        "probe_headers": attr.string_list(mandatory = True),
        "linkopts": attr.string_list(),
    },
)

_ABSL = ["-labsl_" + lib for lib in [
    "statusor", "status", "str_format_internal", "strerror", "hash", "city",
    "bad_variant_access", "low_level_hash", "raw_hash_set", "hashtablez_sampler",
    "random_distributions", "random_seed_sequences", "random_internal_pool_urbg",
    "random_internal_randen", "random_internal_randen_hwaes",
    "random_internal_randen_hwaes_impl", "random_internal_randen_slow",
    "random_internal_platform", "random_internal_seed_material",
    "random_seed_gen_exception", "cord", "cordz_info", "cord_internal",
    "cordz_functions", "exponential_biased", "cordz_handle", "synchronization",
    "graphcycles_internal", "stacktrace", "symbolize", "debugging_internal",
    "demangle_internal", "malloc_internal", "time", "civil_time", "time_zone",
    "bad_optional_access", "strings", "strings_internal", "base", "spinlock_wait",
    "int128", "throw_delegate", "raw_logging_internal", "log_severity",
]]

def system_libraries():
    """Every library Braid is built on, by Debian package."""
    system_library(name = "sys_absl", deb = "libabsl-dev", probe_headers = ["absl/strings/string_view.h"], linkopts = _ABSL + ["-lpthread"])
    system_library(name = "sys_protobuf", deb = "libprotobuf-dev", probe_headers = ["google/protobuf/message.h"], linkopts = ["-lprotobuf"])
    system_library(name = "sys_grpc", deb = "libgrpc++-dev", probe_headers = ["grpcpp/grpcpp.h"], linkopts = ["-lgrpc++", "-lgrpc", "-lgpr", "-lprotobuf"])
    system_library(name = "sys_grpc_extras", deb = "libgrpc++-dev", probe_headers = ["grpcpp/ext/channelz_service_plugin.h"], linkopts = ["-Wl,--no-as-needed", "-lgrpc++_reflection", "-lgrpcpp_channelz", "-Wl,--as-needed", "-lgrpc++", "-lgrpc", "-lgpr", "-lprotobuf"])
    system_library(name = "sys_gtest", deb = "libgtest-dev", probe_headers = ["gtest/gtest.h"], linkopts = ["-lgmock", "-lgtest", "-lpthread"])
    system_library(name = "sys_gtest_main", deb = "libgtest-dev", probe_headers = ["gtest/gtest.h"], linkopts = ["-lgtest_main", "-lgmock", "-lgtest", "-lpthread"])
    system_library(name = "sys_benchmark", deb = "libbenchmark-dev", probe_headers = ["benchmark/benchmark.h"], linkopts = ["-lbenchmark", "-lpthread"])
    system_library(name = "sys_rocksdb", deb = "librocksdb-dev", probe_headers = ["rocksdb/db.h"], linkopts = ["-lrocksdb"])
    system_library(name = "sys_curl", deb = "libcurl4-openssl-dev", probe_headers = ["curl/curl.h"], linkopts = ["-lcurl"])
    system_library(name = "sys_simdjson", deb = "libsimdjson-dev", probe_headers = ["simdjson.h"], linkopts = ["-lsimdjson"])
    system_library(name = "sys_zstd", deb = "libzstd-dev", probe_headers = ["zstd.h"], linkopts = ["-lzstd"])
    system_library(name = "sys_zlib", deb = "zlib1g-dev", probe_headers = ["zlib.h"], linkopts = ["-lz"])
    system_library(name = "sys_xxhash", deb = "libxxhash-dev", probe_headers = ["xxhash.h"], linkopts = ["-lxxhash"])
    system_library(name = "sys_event", deb = "libevent-dev", probe_headers = ["event2/http.h"], linkopts = ["-levent", "-levent_pthreads"])
    system_library(name = "sys_prometheus", deb = "prometheus-cpp-dev", probe_headers = ["prometheus/registry.h"], linkopts = ["-lprometheus-cpp-core"])
    system_library(name = "sys_spdlog", deb = "libspdlog-dev", probe_headers = ["spdlog/spdlog.h"], linkopts = ["-lspdlog", "-lfmt"])
    system_library(name = "sys_cli11", deb = "libcli11-dev", probe_headers = ["CLI/CLI.hpp"])
    system_library(name = "sys_yaml", deb = "libyaml-cpp-dev", probe_headers = ["yaml-cpp/yaml.h"], linkopts = ["-lyaml-cpp"])
    system_library(name = "sys_ncurses", deb = "libncurses-dev", probe_headers = ["ncurses.h"], linkopts = ["-lncursesw", "-ltinfo"])
    system_library(name = "sys_openssl", deb = "libssl-dev", probe_headers = ["openssl/ssl.h"], linkopts = ["-lssl", "-lcrypto"])
