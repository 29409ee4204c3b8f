"""How the tests are spread over the processes of pytest-xdist."""

import pytest

TOGETHER = ("test_matmul.py",)
"""Files that compile an engine once for many of their tests, which takes longer than the tests."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        """Sends a file that is in ``TOGETHER`` to one process; all other tests go one by one."""

        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0]
            return path if path.endswith(TOGETHER) else nodeid

    return Scheduler(config, log)
