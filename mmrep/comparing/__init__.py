"""Comparisons of configs: planned, run over several seeds, and answered."""
