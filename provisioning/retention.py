"""How long the handset keeps what it holds."""

from typing import Annotated

from pydantic import Field

from provisioning.section import ConfigurationTable

Days = Annotated[int, Field(ge=0, le=3650)]
"""Days for which the handset runs; 0: until the holder deletes it."""


class Retention(ConfigurationTable):
    """For how many days things are kept; 0 for until the holder deletes them.

    Attributes:
        calls_days: calls in the log, and the statistics that are counted from them.
        messages_days: text messages.
        recordings_days: recordings that the holder does not keep.
        shares_days: who got what; records that recipients still have stay on the list.
        notices_days: the operator's notices that were read.
        requests_days: requests that are closed.
    """

    calls_days: Days = 365
    messages_days: Days = 365
    recordings_days: Days = 90
    shares_days: Days = 1095
    notices_days: Days = 1095
    requests_days: Days = 1095
