"""Run a test on drawn cases, the same ones each time, and count them."""
import os
from collections import Counter
from functools import wraps
from typing import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

settings.register_profile(
    'properties',
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow, HealthCheck.function_scoped_fixture
    ])
ran = Counter()  # number of cases by test
# `make quick` draws a part of them
SHARE = float(os.environ.get('DRAWN_CASES', 1))


def over(examples: int, **strategies: SearchStrategy) -> Callable:
    """Draw arguments of a test, at most ``examples`` times or a share."""

    def decorate(test):

        @wraps(test)
        def counted(*args, **kwargs):
            ran[test.__qualname__] += 1
            return test(*args, **kwargs)

        profile = settings.get_profile('properties')
        return settings(
            profile, max_examples=max(1, round(SHARE * examples)))(
                given(**strategies)(counted))

    return decorate
