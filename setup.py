"""For tools that look for this file; pyproject.toml says what is installed."""
from setuptools import setup

setup()
