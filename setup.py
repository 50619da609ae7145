"""Compiles the table of numbers whenever the package is built; everything else stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_ROOT = Path(__file__).resolve().parent


class BuildWithNumbers(build_py):
    """Puts the table beside the code that reads it, from where it is packed like any other data."""

    def run(self) -> None:
        # A build runs in this folder but does not import from it.
        sys.path.insert(0, str(_ROOT))
        from tools.numbering.compile import write_table  # noqa: PLC0415 - can be found only now

        write_table(_ROOT / "firmware" / "numbering" / "numbers.dat")
        super().run()


setup(cmdclass={"build_py": BuildWithNumbers})
