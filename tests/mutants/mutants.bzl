"""A mutant is the simulator with one small patch applied to a copy of one source.

The patched object is linked before the library that holds the true one, which
the linker then leaves out: nothing in production knows of it.
"""

def _mutant(name, source, main):
    native.genrule(
        name = name + "_source",
        testonly = True,
        srcs = [source, name + ".patch"],
        outs = [name + ".cc"],
        cmd = "cp $(location {source}) $@ && chmod u+w $@ && patch --quiet --no-backup-if-mismatch $@ $(location {name}.patch)".format(
            source = source,
            name = name,
        ),
    )
    native.cc_binary(
        name = "mutant_" + name,
        testonly = True,
        srcs = [name + ".cc"],
        # Mutants leave variables unused.
        copts = ["-w"],
        deps = [main],
    )

def mutants(name, sources, main = "//tests/sim:sim_main"):
    """name: of the group; sources: by patch, the label of the file it
    changes; main: the program that is to find them."""
    for patch, source in sources.items():
        _mutant(patch, source, main)
    native.filegroup(
        name = name,
        testonly = True,
        srcs = ["mutant_" + patch for patch in sources],
    )
