"""Compiles the tables of numbers and of pinyin and the catalogues of words whenever the package is built; says when.

Everything else stands in pyproject.toml.
"""

import os
import sys
import time
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_ROOT = Path(__file__).resolve().parent


class BuildWithData(build_py):
    """Puts them beside the code that reads them, from where they are packed like any other data."""

    def run(self) -> None:
        # A build runs in this folder but does not import from it.
        sys.path.insert(0, str(_ROOT))
        from tools.numbering.compile import write_table  # noqa: PLC0415 - can be found only now
        from tools.pinyin.compile import write_table as write_pinyin  # noqa: PLC0415 - can be found only now
        from tools.words.catalogues import compile_all  # noqa: PLC0415 - can be found only now

        write_table(_ROOT / "firmware" / "base" / "numbering" / "numbers.dat")
        write_pinyin(_ROOT / "firmware" / "base" / "pinyin" / "pinyin.dat")
        compile_all()
        super().run()
        if not self.editable_mode:
            # A clock that shows an earlier time is wrong; https://reproducible-builds.org/specs/source-date-epoch/
            built_at = os.environ.get("SOURCE_DATE_EPOCH") or f"{time.time():.0f}"
            (Path(self.build_lib) / "firmware" / "base" / "built-at").write_text(f"{built_at}\n", encoding="ascii")


setup(cmdclass={"build_py": BuildWithData})
