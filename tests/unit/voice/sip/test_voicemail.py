import pytest

from firmware.phone.news import VoicemailCounted
from firmware.voice.sip.voicemail import Mailboxes, Summary, read_summary

OURS, THEIRS = "sip:*97@pbx.example", "sip:*98@pbx.example"


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        ("Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n", Summary("", 2, 8)),
        (
            "Messages-Waiting: yes\r\nMessage-Account: SIP:*97@pbx.example\r\nVoice-Message: 2/8\r\n",
            Summary(OURS, 2, 8),
        ),
        ("voice-message : 0 / 3\n", Summary("", 0, 3)),
        ("Messages-Waiting: yes\r\n", Summary("", 1)),
        ("Messages-Waiting: no\r\n", Summary("", 0)),
        ("Messages-Waiting: yes\r\nFax-Message: 4/0\r\n", Summary("", 1)),
        ("Voice-Message: -1/99999999999\r\n", None),
        ("", None),
    ],
)
def test_a_summary_is_read(body: str, summary: Summary | None) -> None:
    assert read_summary(f"NOTIFY sip:a@b SIP/2.0\r\nEvent: message-summary\r\n\r\n{body}") == summary


def test_headers_count_nothing() -> None:
    assert read_summary("NOTIFY sip:a@b SIP/2.0\r\nVoice-Message: 2/8\r\n\r\n") is None


def test_one_mailbox_of_two_accounts_counts_once_and_for_the_first_of_them() -> None:
    mailboxes = Mailboxes(["", "work"])
    assert mailboxes.note("work", Summary(OURS, 2, 1)) == [VoicemailCounted(2, 1, "work")]
    assert mailboxes.note("", Summary(OURS, 2, 1)) == [VoicemailCounted(2, 1, ""), VoicemailCounted(0, 0, "work")]
    # Until the other account hears of it, too, the fuller count is the one.
    assert mailboxes.note("", Summary(OURS, 0, 3)) == [VoicemailCounted(2, 3, "")]
    assert mailboxes.note("work", Summary(OURS, 0, 3)) == [VoicemailCounted(0, 3, ""), VoicemailCounted(0, 0, "work")]


def test_mailboxes_that_are_not_known_to_be_one_count_each() -> None:
    mailboxes = Mailboxes(["", "work"])
    mailboxes.note("", Summary("", 2))
    assert mailboxes.note("work", Summary("", 1)) == [VoicemailCounted(1, 0, "work")]
    mailboxes.note("", Summary(OURS, 2))
    assert mailboxes.note("work", Summary(THEIRS, 1)) == [VoicemailCounted(1, 0, "work")]
