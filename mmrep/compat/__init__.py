"""Everything that changes other packages, or depends on their private parts.

The lowest room with more than one file: it imports nothing of mmrep but the
single files below it. What needs a block gets its class or a function as an
argument; :mod:`mmrep.patches` hands these over. Each file says what private
part it uses, why, and whether a public way exists by now.
"""
