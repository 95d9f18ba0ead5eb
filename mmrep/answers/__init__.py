"""Answers of comparisons: statistics, tables, pictures and a page."""
