"""Measure what nets cost: time, memory, numbers of operations."""
