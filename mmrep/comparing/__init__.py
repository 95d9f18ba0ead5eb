"""Comparisons of configs over several seeds, planned and run."""
