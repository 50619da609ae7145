"""One machine for all machine tests: Debian's kernel, our package, a registrar at the other end of its cable."""

import os
from collections.abc import Iterator

import pytest

from tests.lab.handset_machine import CardMachine, HandsetMachine, InstalledMachine

_KINDS = {kind.architecture: kind for kind in (InstalledMachine, CardMachine)}
_ASKED_FOR = os.environ.get("WECALL_MACHINE", "")

# `make machine` asks for them: an emulated machine takes minutes where others work beside it.
collect_ignore_glob = [] if _ASKED_FOR in _KINDS else ["test_*.py"]


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HandsetMachine]:
    machine = _KINDS[_ASKED_FOR](tmp_path_factory.mktemp("machine"))
    try:
        machine.start()
        yield machine
    finally:
        machine.stop()
