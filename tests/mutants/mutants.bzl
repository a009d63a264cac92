"""A mutant is the simulator with one small patch applied to a copy of one source.

The patched object is linked before the library that holds the true one, which
the linker then leaves out: nothing in production knows of it.
"""

def mutant(name, source, main = "//tests/sim:sim_main"):
    """name: of the patch; source: label of the file that it changes;
    main: the program that is to find it."""
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
