"""Tell how many drawn cases ran."""
from .over import ran


def pytest_terminal_summary(terminalreporter) -> None:
    if ran:
        terminalreporter.write_line(
            f'properties: {sum(ran.values())} cases of {len(ran)} tests')
