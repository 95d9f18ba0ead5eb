"""Measure what training costs: time, memory, numbers of operations."""
