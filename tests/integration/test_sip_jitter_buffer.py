"""How long sound waits for what is late, in virtual time; and once on a real line."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from firmware.phone.call import CallState
from firmware.phone.news import CallQualityMeasured, CallStateChanged, IncomingCallReceived
from firmware.phone.orders import AnswerCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.bench.speaker import Codec, Speaker
from tests.bench.speech import RATE_HZ, Heard, judge, speech
from tests.lab.audio import Sound
from tests.lab.loss_emulator import Line, LossyCable
from tests.lab.network import Namespace
from tests.lab.sip_line import SipLine
from tests.lab.virtual_line import Fared, Stretch, listen

pytestmark = pytest.mark.feature("jitter buffer")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """Processes without another library in them."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


def hear(pool: ProcessPoolExecutor, *stretches: Stretch, follow: bool = True, seed: int = 1) -> list[Fared]:
    return pool.submit(listen, list(stretches), follow=follow, seed=seed).result(60)


def test_a_clean_line_costs_no_more_than_one_packet(elsewhere: ProcessPoolExecutor) -> None:
    (fared,) = hear(elsewhere, Stretch(30))
    assert fared.concealed_percent < 0.2
    assert fared.delay_ms <= 20


@pytest.mark.parametrize("jitter_ms", [10, 30, 60, 100])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hardly_anything_comes_too_late_once_the_line_is_known(
    jitter_ms: float, seed: int, elsewhere: ProcessPoolExecutor
) -> None:
    line = Line(jitter_ms=jitter_ms)
    _, followed = hear(elsewhere, Stretch(3, line), Stretch(30, line), seed=seed)
    assert followed.concealed_percent < 1
    assert followed.delay_ms < 2 * jitter_ms + 80


def test_a_buffer_that_does_not_follow_loses_much_on_the_same_line(elsewhere: ProcessPoolExecutor) -> None:
    line = Line(loss_percent=5, jitter_ms=60)
    (still,) = hear(elsewhere, Stretch(30, line), follow=False)
    _, followed = hear(elsewhere, Stretch(3, line), Stretch(30, line))
    assert followed.concealed_percent < 7
    assert still.concealed_percent > 10


def test_the_delay_comes_back_when_the_line_is_clean_again(elsewhere: ProcessPoolExecutor) -> None:
    clean, bad, again = hear(elsewhere, Stretch(5), Stretch(10, Line(jitter_ms=60)), Stretch(60))
    assert bad.delay_ms > clean.delay_ms + 50
    assert again.delay_ms < clean.delay_ms + 25
    assert again.concealed_percent < 0.5


@pytest.mark.parametrize("percent", [0.2, -0.2])
def test_the_delay_does_not_creep_with_a_sender_whose_clock_is_another(
    percent: float, elsewhere: ProcessPoolExecutor
) -> None:
    (followed,) = hear(elsewhere, Stretch(180, sender_fast_percent=percent))
    assert followed.delay_ms < 60
    assert followed.concealed_percent < 0.3


def test_a_longer_way_is_not_taken_for_a_bad_line(elsewhere: ProcessPoolExecutor) -> None:
    _, longer = hear(elsewhere, Stretch(10), Stretch(60, Line(delay_ms=150)))
    assert 150 <= longer.delay_ms < 190


def test_over_a_bad_line_hardly_anything_comes_too_late_for_a_call(
    record_property: Callable[[str, object], None],
) -> None:
    late_percent, heard = call(Line(loss_percent=5, jitter_ms=30))
    record_property("pesq", heard.pesq)
    record_property("mouth_to_ear_s", heard.delay_ms / 1000)
    record_property("late_percent", late_percent)
    # A buffer that stays as deep as it began has seven of a hundred come too late.
    assert late_percent < 5
    assert heard.pesq > 1.5


def call(line: Line) -> tuple[float, Heard]:
    """Let the stack hear speech over a line, without a sound card whose hiccups would be heard too.

    Returns:
        how many packets were missing in the call that the line did not lose, and how the speech came out.
    """
    with (
        Namespace() as home,
        Namespace() as operator,
        LossyCable(home, operator, ["10.9.0.1/24"], ["10.9.0.2/24"]) as cable,
        Speaker(operator, "10.9.0.2", Codec.G722) as speaker,
    ):
        account = AccountSettings("300", "localhost", "10.9.0.2", speaker.port, Transport.UDP, "secret", srtp=Srtp.OFF)
        with home.entered():
            handset = SipLine(SipSettings(account, local_port=0), ear_s=20)
            handset.start()
        try:
            speaker.wait_for_registration("300")
            speaker.ring("300")
            handset.stack.order(AnswerCall(handset.wait_for(IncomingCallReceived).call_id))
            speaker.wait_for_answers()
            cable.change(line)
            said = speech()
            silence = np.zeros(2 * RATE_HZ)
            began_at = speaker.say(Sound(np.concatenate([silence, said.samples, silence]), RATE_HZ)) + 2
            heard = handset.last_heard(said.duration_s + 4)
            heard = Sound(heard.samples, heard.rate_hz, time.monotonic() - heard.duration_s)
            traffic = cable.traffic
            speaker.hang_up()
            handset.wait_for(CallStateChanged, lambda event: event.state is CallState.DISCONNECTED)
            *_, told = [event for _, event in handset.events if isinstance(event, CallQualityMeasured)]
        finally:
            handset.stop()
    late_percent = told.quality.loss_percent - 100 * traffic.lost / traffic.packets
    return late_percent, judge(Sound(said.samples, RATE_HZ, began_at), heard, wideband=True)
