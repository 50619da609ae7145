"""Calls reach a whole machine through its operator's registrar: sound both ways, and after whatever is thrown at it.

They come after the sticks, which have registered the handset; alone they register it themselves.
"""

import time
from collections.abc import Iterator

import pytest

from tests.lab.handset_machine import STRANGER, HandsetMachine
from tests.lab.machine_caller import CALLER_HZ, MOUTH_HZ, Heard, MachineCaller
from tests.lab.scripted_peer import SipMessage
from tests.lab.sip_flood import FloodTransport
from tests.lab.virtual_machine import HOST

TRIES = 3
RATE_PER_S = 500
FLOOD_S = 4
SPOKEN = 8000
# An emulated processor that others use too stutters; a path that is broken is silent.
LONGEST_GAP_S = 1.0
# Its clock goes wrong by more than half a per cent while others keep it busy, and the pitch with it.
PITCH = 0.01

FINGERPRINT = ":".join(["1F"] * 32)
SIGN = "The microphone is on without a call."
SEEN = "The microphone records without the phone's order"
# Of the loop's substreams one that no call uses.
EAVESDROPPER = "arecord -q -D plughw:CARD=Loopback,DEV=1,SUBDEV=0 -f S16_LE -c 1 -r 16000 /dev/null"

# What a browser offers, but for its candidates.
DTLS_OFFER = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=msid-semantic: WMS
m=audio 54400 UDP/TLS/RTP/SAVPF 111 9 0 8 110
c=IN IP4 {HOST}
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:kX4B
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:110 telephone-event/48000
""".replace("\n", "\r\n")


@pytest.fixture(scope="module")
def caller(machine: HandsetMachine) -> Iterator[MachineCaller]:
    machine.register()
    caller = machine.new_caller()
    yield caller
    caller.stop()


@pytest.fixture
def pids(machine: HandsetMachine) -> Iterator[tuple[str, ...]]:
    """The processes of handset and voice, which are the same afterwards."""
    before = machine.pids
    yield before
    assert machine.pids == before, machine.log[-5000:]


def is_answered(machine: HandsetMachine, caller: MachineCaller, name: str, offer: str = "") -> SipMessage:
    """Call a handset that nobody uses; where it has a hook switch somebody lifts it."""
    machine.wait_until(lambda: machine.is_free, "nobody uses the handset")
    began = time.monotonic()
    answer = caller.call(offer=offer, lift=machine.lift if machine.has_pins else None)
    machine.figures[f"{name}: answer"] = f"{answer.start_line}, {time.monotonic() - began:.2f} s after the INVITE"
    machine.write_figures()
    return answer


def end(machine: HandsetMachine, caller: MachineCaller) -> None:
    caller.peer.hang_up()
    machine.put_down()


def call_works(machine: HandsetMachine, caller: MachineCaller, name: str, seconds: int = 6) -> None:
    # Behind a flood from the operator's own address a call may get lost, and people call again.
    answers = (is_answered(machine, caller, name) for _ in range(TRIES))
    answer = next((each for each in answers if each.code == 200), None)
    assert answer is not None, machine.figures[f"{name}: answer"]
    at_handset, at_caller = caller.converse(answer, machine.run, seconds)
    end(machine, caller)
    machine.figures[name] = f"handset hears {at_handset}; caller hears {at_caller}"
    machine.write_figures()
    assert at_handset.frequency_hz == pytest.approx(CALLER_HZ, rel=PITCH)
    assert at_handset.level > SPOKEN / 8
    assert at_handset.longest_gap_s < LONGEST_GAP_S
    assert hears_the_room(machine, at_caller)
    if machine.has_pins:
        assert at_caller.frequency_hz == pytest.approx(MOUTH_HZ, rel=PITCH)
        assert at_caller.longest_gap_s < LONGEST_GAP_S


def hears_the_room(machine: HandsetMachine, at_caller: Heard) -> bool:
    """Whether the caller hears what there is to be heard: nothing where the call has answered itself."""
    return (at_caller.level > SPOKEN / 8) is machine.has_pins


def is_told(machine: HandsetMachine) -> bool:
    """Whether the microphone is said to record; by the doctor: a menu that nobody can leave may be on the page."""
    return SIGN in machine.run("wecall", "doctor", check=False).stdout


def test_a_call_sounds_at_both_ends(machine: HandsetMachine, caller: MachineCaller, pids: tuple[str, ...]) -> None:
    call_works(machine, caller, "a call", seconds=10)


def test_a_browsers_offer_with_dtls_is_answered_and_a_call_works_after_it(
    machine: HandsetMachine, caller: MachineCaller, pids: tuple[str, ...]
) -> None:
    answer = is_answered(machine, caller, "a DTLS offer", DTLS_OFFER)
    assert answer.code in {200, 488}
    if answer.code == 200:
        end(machine, caller)
    call_works(machine, caller, "after a DTLS offer")


@pytest.mark.parametrize("signal", ["\0", "1\0"], ids=["NUL", "NUL behind a digit"])
def test_a_nul_for_a_digit_is_answered_and_a_call_works_after_it(
    machine: HandsetMachine, caller: MachineCaller, pids: tuple[str, ...], signal: str
) -> None:
    assert is_answered(machine, caller, "for a digit").code == 200
    caller.peer.send("INFO", "Content-Type: application/dtmf-relay", body=f"Signal={signal}\r\nDuration=160\r\n")
    answer = caller.peer.receive_where(lambda message: message.method == "INFO" and message.code >= 200, timeout_s=60)
    machine.figures[f"INFO with {signal!r}"] = answer.start_line
    end(machine, caller)
    assert answer.code == 400
    call_works(machine, caller, "after a NUL digit")


@pytest.mark.parametrize("source", [STRANGER, HOST], ids=["a stranger", "the server's address"])
def test_a_flood_of_invites_is_survived_and_a_call_works_after_it(
    machine: HandsetMachine, caller: MachineCaller, pids: tuple[str, ...], source: str
) -> None:
    before_kib = machine.memory_kib
    with machine.flood(source, FloodTransport.UDP, rate_per_s=RATE_PER_S, count=RATE_PER_S * FLOOD_S) as flood:
        machine.wait_until(lambda: not flood.is_running(), "the flood is over")
    machine.figures[f"memory before and after {RATE_PER_S}/s from {source}, KiB"] = f"{before_kib} {machine.memory_kib}"
    call_works(machine, caller, f"after a flood from {source}")


def test_a_call_opens_the_microphone_and_shows_no_sign_that_it_is_on_without_one(
    machine: HandsetMachine, caller: MachineCaller, pids: tuple[str, ...]
) -> None:
    before = machine.log.count(SEEN)
    answer = is_answered(machine, caller, "while the microphone is watched")
    assert answer.code == 200
    at_handset, at_caller = caller.converse(answer, machine.run, seconds=10)
    assert not is_told(machine)
    end(machine, caller)
    machine.figures["while the microphone is watched"] = f"handset hears {at_handset}; caller hears {at_caller}"
    machine.write_figures()
    assert hears_the_room(machine, at_caller)
    machine.wait_until(lambda: machine.is_free, "nobody uses the handset")
    assert machine.log.count(SEEN) == before


def test_a_program_that_records_without_a_call_is_told_of_until_it_ends_and_costs_one_voice(
    machine: HandsetMachine, caller: MachineCaller
) -> None:
    machine.wait_until(lambda: machine.is_free, "nobody uses the handset")
    assert not is_told(machine)
    before, (handset, voice) = machine.log.count(SEEN), machine.pids
    machine.shell(f"systemd-run --quiet --unit=eavesdropper {EAVESDROPPER}")
    try:
        machine.wait_until(lambda: is_told(machine), "the program is told of")
    finally:
        machine.run("systemctl", "stop", "eavesdropper.service")
    machine.wait_until(lambda: not is_told(machine), "it is told of no more")
    assert machine.log.count(SEEN) == before + 1
    assert machine.pids[0] == handset
    assert machine.pids[1] != voice
    call_works(machine, caller, "after a program that recorded")
