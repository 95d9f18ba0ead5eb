"""Measure the cost of nets: time, memory, parameters, multiply-adds."""
