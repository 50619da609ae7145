"""A call in which the stack hears speech over a line."""

import time

import numpy as np

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


def spoken_call(line: Line) -> tuple[float, Heard]:
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
