"""Hundreds of calls in a row: none fails, and nothing grows."""

import uuid
from pathlib import Path

import psutil
import pytest

from contract.calls import DisconnectReason
from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.orders import HangUpCall, PlaceCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab import chance
from tests.lab.kamailio import Kamailio
from tests.lab.sip_line import SipLine
from tests.lab.sipp import Sipp

CALLS = chance.counted(1000, 100)
# The library keeps what it needs to answer late repeats of each call for 32 s (RFC 3261 section 17, 64 * T1), in which
# this test makes some 430 calls; its memory grows until then and no further.
WARM_UP = chance.counted(500, 50)
GROWTH_BYTES = chance.counted(2_000_000, 5_000_000)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_calls_in_a_row_all_succeed_and_leave_nothing_behind(tmp_path: Path) -> None:
    process = psutil.Process()
    server = Kamailio(tmp_path / "kamailio", {"alice": "secret"})
    account = AccountSettings(
        "alice", "localhost", "localhost", server.udp_port, Transport.UDP, "secret", srtp=Srtp.OFF
    )
    with (
        server,
        Sipp(tmp_path / "peer", "uas_answer", calls=CALLS) as sipp,
        SipLine(SipSettings(account, local_port=0)) as line,
    ):
        server.route("peer", sipp.uri)
        line.wait_for_registration(RegistrationState.REGISTERED)
        memory = descriptors = 0
        for number in range(CALLS):
            if number == WARM_UP:
                memory, descriptors = process.memory_info().rss, process.num_fds()
            call_id = CallId(uuid.uuid4().hex)
            line.stack.order(PlaceCall(call_id, SipUri("sip:peer@localhost")))
            line.wait_for_call(call_id, CallState.ACTIVE)
            line.stack.order(HangUpCall(call_id))
            ended = line.wait_for_call(call_id, CallState.DISCONNECTED)
            assert ended.reason is DisconnectReason.LOCAL_HANGUP
            line.forget()
        sipp.finish()
        assert process.memory_info().rss - memory < GROWTH_BYTES
        assert process.num_fds() <= descriptors
