"""Whether whoever holds the phone has been led through what is to be chosen on a new one."""

from enum import StrEnum


class SetUp(StrEnum):
    """How the phone came to be set up, as the store keeps it.

    NEW: it was not; nobody has come to the end of the first run. FIRST_RUN: by the first run, on its own display.
    """

    NEW = "new"
    FIRST_RUN = "first_run"
