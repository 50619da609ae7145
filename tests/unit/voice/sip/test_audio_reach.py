"""Who hears nothing is told by counters, once it is sure, and never where all is well."""

from collections.abc import Iterable

import pytest

from firmware.phone.call import AudioTrouble
from firmware.voice.sip.audio_reach import AudioReach, ReachCounts

pytestmark = pytest.mark.feature("call quality")

TURN = 250  # packets of 20 ms in five seconds


def judged(turns: Iterable[ReachCounts], *, shut_out: bool = False) -> list[AudioTrouble | None]:
    reach = AudioReach()
    return [reach.judge(counts, shut_out=shut_out) for counts in turns]


def good(turn: int) -> ReachCounts:
    """Return the counters after so many turns of a call in which both hear each other, and report."""
    some = turn * TURN
    return ReachCounts(
        received=some, sent=some, told=turn, highest=some, far_sent=some, sent_then=some, received_then=some
    )


def after_good(turns: Iterable[tuple[int, int, int, int]]) -> list[AudioTrouble | None]:
    """Judge what follows a good turn: packets received and sent, and the reports' highest and far_sent."""
    counts, rest = [good(1)], list(turns)
    for place, (received, sent, highest, far_sent) in enumerate(rest, 2):
        counts.append(
            ReachCounts(
                received=received, sent=sent, told=place, highest=highest, far_sent=far_sent, sent_then=sent,
                received_then=received,
            )
        )  # fmt: skip
    return judged(counts)[1:]


def test_nothing_is_said_of_a_call_in_which_both_hear_each_other() -> None:
    assert judged(map(good, range(1, 5))) == [None] * 4


def test_nothing_is_said_of_a_good_call_whose_other_end_reports_nothing() -> None:
    assert judged(ReachCounts(received=n, sent=n) for n in (TURN, 2 * TURN)) == [None, None]


def test_what_our_firewall_keeps_in_is_blocked() -> None:
    assert judged([ReachCounts(forbidden=TURN)]) == [AudioTrouble.BLOCKED]
    # A moment of it, as while a call's address is let through, is none.
    assert judged([ReachCounts(forbidden=2, sent=TURN, received=TURN)]) == [None]


@pytest.mark.parametrize(("received", "trouble"), [(0, AudioTrouble.BLOCKED), (TURN, None)])
def test_what_is_refused_to_a_call_counts_where_nothing_comes(received: int, trouble: AudioTrouble | None) -> None:
    assert judged([ReachCounts(received=received, sent=TURN)], shut_out=True) == [trouble]


def test_a_stream_over_which_nothing_ever_came_is_not_heard_here() -> None:
    assert judged([ReachCounts(sent=TURN)]) == [AudioTrouble.NOTHING_HEARD]


def test_a_sound_that_ends_is_missed_where_the_other_end_goes_on_to_send_it() -> None:
    # The first report may tell of what was sent before.
    turns = [(TURN, 2 * TURN, 2 * TURN, TURN + 60), (TURN, 3 * TURN, 3 * TURN, 2 * TURN + 60)]
    assert after_good(turns) == [None, AudioTrouble.NOTHING_HEARD]


def test_a_mailbox_that_records_is_silent_and_no_fault() -> None:
    assert after_good((TURN, n * TURN, n * TURN, TURN) for n in (2, 3, 4, 5)) == [None] * 4


def test_a_peer_of_whom_neither_sound_nor_report_comes_any_more_is_missed() -> None:
    assert judged([good(1), good(1), good(1)]) == [None, None, AudioTrouble.NOTHING_HEARD]
    # One that never reported may be silent for longer.
    silent = ReachCounts(received=TURN, sent=TURN)
    assert judged([silent] * 5) == [None] * 4 + [AudioTrouble.NOTHING_HEARD]


def test_they_hear_nothing_where_their_reports_stand_still_while_we_send() -> None:
    turns = [(n * TURN, n * TURN, TURN, n * TURN) for n in (2, 3)]
    assert after_good(turns) == [AudioTrouble.NOT_HEARD] * 2
    # It stays so until a report says otherwise.
    stuck = good(1), ReachCounts(500, 500, 0, 2, TURN, 500, 500, 500), ReachCounts(750, 750, 0, 2, TURN, 500, 500, 500)
    assert judged(stuck)[1:] == [AudioTrouble.NOT_HEARD] * 2
    assert judged((*stuck, good(4)))[-1] is None


def test_a_report_that_comes_before_it_can_know_is_no_proof() -> None:
    early = ReachCounts(received=TURN, sent=TURN, told=1, sent_then=20)
    assert judged([early]) == [None]


def test_a_new_stream_is_judged_anew() -> None:
    reach = AudioReach()
    assert reach.judge(ReachCounts(sent=TURN), shut_out=False) is AudioTrouble.NOTHING_HEARD
    reach.stream_began()
    assert reach.judge(good(1), shut_out=False) is None
