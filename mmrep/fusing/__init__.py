"""Fuse a model and prove that it computes what it computed before."""
