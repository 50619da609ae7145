from pathlib import Path

import pytest

from firmware.voice import instruments
from firmware.voice.messages import SIGNAL

# As Linux 6.12 writes it (net/wireless/wext-proc.c).
WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0     12        0
"""


@pytest.mark.feature("help code")
@pytest.mark.parametrize(
    ("content", "told"),
    [(WIRELESS, ["-56 dBm"]), ("".join(WIRELESS.splitlines(keepends=True)[:2]), []), (None, [])],
)
def test_how_strong_wifi_is_is_what_the_kernel_says(
    content: str | None, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "wireless"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(instruments, "_WIRELESS", file)
    assert [value for kind, value in instruments.network_facts() if kind == SIGNAL] == told
