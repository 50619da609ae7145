import pytest

from firmware.phone.news import VoicemailCounted
from firmware.voice.sip.voicemail import voicemail_count


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ("Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n", VoicemailCounted(2, 8, "work")),
        ("voice-message : 0 / 3\n", VoicemailCounted(0, 3, "work")),
        ("Messages-Waiting: yes\r\n", VoicemailCounted(1, 0, "work")),
        ("Messages-Waiting: no\r\n", VoicemailCounted(0, 0, "work")),
        ("Messages-Waiting: yes\r\nFax-Message: 4/0\r\n", VoicemailCounted(1, 0, "work")),
        ("Voice-Message: -1/99999999999\r\n", None),
        ("", None),
    ],
)
def test_a_summary_is_read(body: str, counted: VoicemailCounted | None) -> None:
    assert voicemail_count(f"NOTIFY sip:a@b SIP/2.0\r\nEvent: message-summary\r\n\r\n{body}", "work") == counted


def test_headers_count_nothing() -> None:
    assert voicemail_count("NOTIFY sip:a@b SIP/2.0\r\nVoice-Message: 2/8\r\n\r\n", "") is None
