import pytest

from fleet.access_list import AccessList
from provisioning.errors import ProvisioningError

SERVICES = """\
# What no line allows is refused.

# --- Collectors ---

user collector.main
topic deny wecall/v1/+/collector.main/#
topic read wecall/v1/+/+/cdr
"""
BEFORE = (
    SERVICES
    + """
# --- Handsets: %u is the common name of the certificate. For a broker of one fleet put its ---
# --- name in place of "+".                                                                ---

pattern write wecall/v1/+/%u/cdr
pattern write homeassistant/device/%u/config
pattern read wecall/v1/+/%u/ack
"""
)


def test_patterns_of_before_make_way_for_blocks_and_the_rest_stays() -> None:
    found = AccessList.read(BEFORE)
    assert found.fleets == {}
    text = AccessList(found.others, {"desk-2": "north", "desk-1": "north"}).text()
    assert text.startswith(SERVICES)
    assert "pattern" not in text
    assert "%u" not in text
    first, _, second = text.partition("user desk-2\n")
    assert "user desk-1\ntopic write wecall/v1/north/desk-1/status\n" in first
    assert "topic write homeassistant/device/desk-2/config\ntopic read wecall/v1/north/desk-2/ack\n" in second


def test_a_list_that_was_written_is_read_and_written_again_as_it_is() -> None:
    fleets = {"desk-1": "north", "desk-2": "south"}
    text = AccessList(AccessList.read(BEFORE).others, fleets).text()
    again = AccessList.read(text)
    assert again.fleets == fleets
    assert again.text() == text


def test_what_somebody_wrote_behind_the_handsets_stays() -> None:
    own = "# Anna's\nuser operator.anna\ntopic write wecall/v1/+/+/notice\n"
    text = AccessList(AccessList.read(SERVICES).others, {"desk-1": "north"}).text()
    found = AccessList.read(text + own)
    assert found.fleets == {"desk-1": "north"}
    written = AccessList(found.others, found.fleets).text()
    assert written.startswith(SERVICES)
    assert written.index(own) < written.index("user desk-1\n")


@pytest.mark.parametrize(
    "line",
    [
        "topic write wecall/v1/+/desk-1/cdr",
        "topic write wecall/v1/north/desk-2/cdr",
        "topic write wecall/v1/south/desk-1/cdr",
        "topic write homeassistant/device/desk-2/config",
        "topic readwrite #",
    ],
)
def test_a_line_of_somebodys_own_in_a_handsets_block_is_not_lost(line: str) -> None:
    text = f"user desk-1\ntopic write wecall/v1/north/desk-1/cdr\n{line}\n"
    with pytest.raises(ProvisioningError, match="Line 3 of the access list, in the block of the handset desk-1"):
        AccessList.read(text)
