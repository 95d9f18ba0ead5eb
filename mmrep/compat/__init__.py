"""Everything that changes other packages, or depends on their private parts.

This is the lowest room with more than one file: it imports nothing of mmrep
but the single files below it. A file that needs a block gets its class or a
function as an argument, from :mod:`mmrep.patches`. Each file says which
private part it uses, why, and whether a public way exists by now.
"""
