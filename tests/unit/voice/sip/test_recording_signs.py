import pytest

from firmware.phone.recording import RecordingPreference
from firmware.voice.sip.recording_signs import RecordingSigns, is_record_aware, read_signs

HEAD = "SIP/2.0 200 OK\r\nSupported: timer, record-aware\r\nContent-Type: application/sdp\r\n\r\n"
SESSION = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
AUDIO = "m=audio 4000 RTP/AVP 8\r\n"


def test_a_description_says_whether_its_sender_records_and_what_it_prefers(subtests: pytest.Subtests) -> None:
    for body, signs in (
        (SESSION + AUDIO, RecordingSigns()),
        (SESSION + "a=record:on\r\n" + AUDIO, RecordingSigns(records=True)),
        (SESSION + AUDIO + "a=record:on\r\n", RecordingSigns(records=True)),
        (SESSION + "a=record:on\r\n" + AUDIO + "a=record:off\r\n", RecordingSigns()),
        (SESSION + "a=record:off\r\n" + AUDIO + "a=RECORD:ON\r\n", RecordingSigns(records=True)),
        (SESSION + AUDIO + "a=record:paused\r\n", RecordingSigns()),
        (SESSION + AUDIO + "a=recordpref:off\r\n", RecordingSigns(preference=RecordingPreference.UNWANTED)),
        (SESSION + AUDIO + "a=recordpref:nopreference\r\n", RecordingSigns()),
        (SESSION + AUDIO + "a=recordpref:perhaps\r\na=record:\r\na=recording:on\r\n", RecordingSigns()),
        (SESSION + AUDIO + "m=video 4002 RTP/AVP 96\r\na=record:on\r\n", RecordingSigns()),
    ):
        with subtests.test(body=body, signs=signs):
            assert read_signs(HEAD + body) == signs
            assert read_signs((HEAD + body).replace("\r\n", "\n")) == signs


def test_a_message_without_a_description_says_nothing() -> None:
    assert read_signs(HEAD) is None
    assert read_signs("OPTIONS sip:a@b SIP/2.0\r\nA: a=record:on\r\n\r\n") is None


@pytest.mark.parametrize(
    ("header", "is_aware"),
    [
        ("Supported: timer, record-aware", True),
        ("k: record-aware", True),
        ("Supported: RECORD-AWARE", True),
        ("Supported: record-aware-not", False),
        ("Subject: record-aware", False),
    ],
)
def test_who_understands_the_signs_says_so_among_what_it_supports(header: str, is_aware: bool) -> None:
    assert is_record_aware(f"SIP/2.0 200 OK\r\n{header}\r\n\r\n") is is_aware
