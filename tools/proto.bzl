"""Runs Debian's protoc and grpc_cpp_plugin; a cc_library comes out."""

def _declare(ctx, files, suffixes):
    return [
        ctx.actions.declare_file(f.short_path[len("proto/"):-len(".proto")] + s)
        for f in files
        for s in suffixes
    ]

def _run_protoc(ctx, files, outputs, extra, mnemonic):
    args = ctx.actions.args()
    args.add("--proto_path=proto")  # imports read "braid/v1/types.proto"
    args.add("--proto_path=/usr/include")
    args.add_all(extra)
    args.add_all(files)
    ctx.actions.run(
        executable = "/usr/bin/protoc",
        arguments = [args],
        inputs = ctx.files.srcs,
        outputs = outputs,
        mnemonic = mnemonic,
        progress_message = "Generating C++ from %{label}",
        use_default_shell_env = True,
    )

def _ending(files, end):
    return depset([f for f in files if f.path.endswith(end)])

def _gen_impl(ctx):
    outs = _declare(ctx, ctx.files.srcs, [".pb.h", ".pb.cc"])
    grpc_outs = _declare(ctx, ctx.files.grpc_srcs, [".grpc.pb.h", ".grpc.pb.cc"])
    out = ctx.bin_dir.path + "/proto"
    _run_protoc(ctx, ctx.files.srcs, outs, ["--cpp_out=" + out], "Protoc")
    _run_protoc(ctx, ctx.files.grpc_srcs, grpc_outs, [
        "--grpc_out=" + out,
        "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin",
    ], "ProtocGrpc")
    return [
        DefaultInfo(files = depset(outs + grpc_outs)),
        OutputGroupInfo(
            hdrs = _ending(outs, ".h"),
            srcs = _ending(outs, ".cc"),
            grpc_hdrs = _ending(grpc_outs, ".h"),
            grpc_srcs = _ending(grpc_outs, ".cc"),
        ),
    ]

_gen = rule(implementation = _gen_impl, attrs = {
    "srcs": attr.label_list(allow_files = [".proto"]),
    "grpc_srcs": attr.label_list(allow_files = [".proto"]),
})

def cc_grpc_proto(name, srcs, grpc_srcs):
    """name: messages only. name + "_grpc": the services as well."""
    _gen(name = name + "_gen", srcs = srcs, grpc_srcs = grpc_srcs)
    for group in ["hdrs", "srcs", "grpc_hdrs", "grpc_srcs"]:
        native.filegroup(name = name + "_" + group, srcs = [name + "_gen"], output_group = group)
    native.cc_library(
        name = name,
        srcs = [name + "_srcs"],
        hdrs = [name + "_hdrs"],
        copts = ["-w"],
        includes = ["."],
        deps = ["@sys_protobuf//:sys_protobuf"],
    )
    native.cc_library(
        name = name + "_grpc",
        srcs = [name + "_grpc_srcs"],
        hdrs = [name + "_grpc_hdrs"],
        copts = ["-w"],
        includes = ["."],
        deps = [name, "@sys_grpc//:sys_grpc"],
    )
