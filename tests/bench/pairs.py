"""Pairs of phones that call each other over one bad line, and what the judges say of the speech that they carry."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from tests.bench.cells import BARESIP, CHROMIUM, LINPHONE, OURS, OWN, SPEAKER, Call, Cell, Opinion
from tests.bench.figures import cpu_s
from tests.bench.phones import Baresip, Chromium, Linphone, Ours, Phone, Seat, TlsWay
from tests.bench.speaker import Codec, Speaker
from tests.bench.speech import LATEST_S, RATE_HZ, LossJudge, Voice, judge, located, part_heard, resampled, room, speech
from tests.lab.audio import RATE_HZ as DEVICE_HZ
from tests.lab.audio import Recorder, Sound, play
from tests.lab.certificates import CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.loss_emulator import Line, LossyCable
from tests.lab.network import Namespace
from tests.lab.pulse import PulseAudio

_KINDS: Final[Mapping[str, Callable[[Seat], Phone]]] = {
    OURS: Ours,
    BARESIP: lambda seat: Baresip(seat, tuned=False),
    LINPHONE: Linphone,
    CHROMIUM: Chromium,
}
_HOME, _OPERATOR = "10.9.0.1", "10.9.0.2"
# Every caller has the same microphone, every called one has silence.
_MOUTH, _QUIET, _AWAY, _BELL = "mouth", "quiet", "away", "bell"
_MOUTHS: Final = (_MOUTH, _QUIET)
# What a phone hears before the speech begins: enough for its sound devices to run, for an adaptive buffer to learn, and
# for the first report on what was lost (RFC 3550 section 6.2: 5 s apart, the first after half of that).
_LEAD_S: Final = 5.0
_BETWEEN_VOICES_S: Final = 0.5
_TAIL_S: Final = LATEST_S
_FIRST_CALL_S: Final = 3.0
_BETWEEN_CALLS_S: Final = 2.0
_REGISTRATION_S: Final = 20.0


class Rig:
    """Phones on both ends of one line: callers in one namespace, their registrar and whom they call in another.

    Where a speaker takes the callers' place, it is the registrar too.
    """

    def __init__(self, folder: Path, cells: Sequence[Cell]) -> None:
        """Set up without starting.

        Args:
            folder: for the phones' files; emptied first.
            cells: of one codec, line and kind of talker.
        """
        self._folder = folder
        self._cells = cells
        self._codec = "" if cells[0].codec == OWN else cells[0].codec
        self._callers: list[Phone] = []
        self._called: list[Phone] = []
        self._speaker: Speaker | None = None

    def __enter__(self) -> Self:
        """Start everything and wait until every phone is registered."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        with ExitStack() as stack:
            home, operator = stack.enter_context(Namespace()), stack.enter_context(Namespace())
            self._cable = stack.enter_context(LossyCable(home, operator, [f"{_HOME}/24"], [f"{_OPERATOR}/24"]))
            # linphone believes that there is no network where there is no way out.
            home.ip("route", "add", "default", "via", _OPERATOR)
            operator.ip("route", "add", "default", "via", _HOME)
            ears = [_ear(number) for number in range(len(self._cells))]
            has_pages = any(CHROMIUM in {cell.talker, cell.listener} for cell in self._cells)
            sinks, microphones = (*ears, *_MOUTHS, _AWAY, _BELL), _MOUTHS if has_pages else ()
            pulse = PulseAudio(self._folder / "pulse", sinks, microphones=microphones)
            stack.callback(pulse.stop)
            pulse.start()
            stack.enter_context(_environment(pulse.environment))
            if self._cells[0].talker == SPEAKER:
                self._start_with_speaker(stack, home, operator, pulse)
            else:
                self._start_with_callers(stack, home, operator, pulse)
            # Phones are not judged by the first call of their lives, in which linphone is half a second late.
            self._call()
            time.sleep(_FIRST_CALL_S)
            self._hang_up()
            time.sleep(_BETWEEN_CALLS_S)
            self._judges = stack.enter_context(ProcessPoolExecutor(2, get_context("spawn")))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure(self, line: Line) -> list[Call]:
        """Let each pair talk over such a line, all at once, and return what each call has shown.

        Raises:
            RuntimeError: a call has not come about.
        """
        self._cable.change(Line())
        self._call()
        self._cable.change(line)
        recorders = [Recorder(f"{_ear(number)}_monitor").start() for number in range(len(self._cells))]
        before, began = self._cpu_s(), time.monotonic()
        sent = self._say()
        used, duration_s = self._cpu_s() - before, time.monotonic() - began
        recorded = [recorder.stop() for recorder in recorders]
        self._hang_up()
        for cell, sound in zip(self._cells, recorded, strict=True):
            # Even a quiet room is heard.
            if not sound.samples.any():
                raise RuntimeError(f"Nothing at all was played in the call {cell.words}: it has not come about.")
        # After the call, so that no judge takes the processor from a phone.
        judged = [[self._judges.submit(opinion, one, sound) for one in sent] for sound in recorded]
        opinions = [tuple(each.result() for each in voices) for voices in judged]
        time.sleep(_BETWEEN_CALLS_S)
        return [Call(said, 100 * each / duration_s) for said, each in zip(opinions, used.tolist(), strict=True)]

    def _cpu_s(self) -> NDArray[np.float64]:
        """Return what the mean phone of each pair has used so far."""
        callers = [[phone] for phone in self._callers] or [[] for _ in self._called]
        pairs = [[*caller, called] for caller, called in zip(callers, self._called, strict=True)]
        return np.array([np.mean([cpu_s(phone.process_ids) for phone in pair]) for pair in pairs])

    def _start_with_speaker(self, stack: ExitStack, home: Namespace, operator: Namespace, pulse: PulseAudio) -> None:
        speaker = stack.enter_context(Speaker(operator, _OPERATOR, Codec[self._codec.upper()]))
        for number, cell in enumerate(self._cells):
            _, called = _users(number)
            seat = self._seat(called, speaker.port, _ear(number), _QUIET, pulse)
            self._called.append(_started(stack, home, cell.listener, seat))
            speaker.wait_for_registration(called)
        self._speaker = speaker

    def _start_with_callers(self, stack: ExitStack, home: Namespace, operator: Namespace, pulse: PulseAudio) -> None:
        # A page has no account: whoever has none calls as if from a trunk.
        users = {
            user: _password(user)
            for number, cell in enumerate(self._cells)
            for user, kind in zip(_users(number), (cell.talker, cell.listener), strict=True)
            if kind != CHROMIUM
        }
        authority = CertificateAuthority(self._folder / "ca")
        kamailio = Kamailio(
            self._folder / "kamailio", users, addresses=(_OPERATOR,), namespace=operator,
            certificate=authority.issue("localhost", hosts=("localhost", _OPERATOR)),
        )  # fmt: skip
        stack.enter_context(kamailio)
        for number, cell in enumerate(self._cells):
            caller, called = _users(number)
            kinds = {cell.talker, cell.listener}
            tls = TlsWay(kamailio.tls_port, authority.ca_path) if kinds == {OURS, CHROMIUM} else None
            # Keys by DTLS are taken from the operator's address, and so a page that ours talks with is there.
            callers, others = (operator, home) if tls and cell.talker == CHROMIUM else (home, operator)
            seat = self._seat(called, kamailio.udp_port, _ear(number), _QUIET, pulse, tls=tls)
            self._called.append(_started(stack, others, cell.listener, seat))
            seat = self._seat(caller, kamailio.udp_port, _AWAY, _MOUTH, pulse, answers_itself=False, tls=tls)
            self._callers.append(_started(stack, callers, cell.talker, seat))
            for phone, user in ((self._called[-1], called), (self._callers[-1], caller)):
                if isinstance(phone, Chromium):
                    kamailio.route(user, phone.uri)
        _wait_for_registrations(kamailio, users)

    def _seat(
        self,
        user: str,
        port: int,
        ear: str,
        mouth: str,
        pulse: PulseAudio,
        *,
        answers_itself: bool = True,
        tls: TlsWay | None = None,
    ) -> Seat:
        return Seat(
            folder=self._folder / user, user=user, password=_password(user), port=port, ear=ear, mouth=mouth,
            environment=pulse.environment, broker={}, answers_itself=answers_itself, server=_OPERATOR,
            codec=self._codec, tls=tls,
        )  # fmt: skip

    def _call(self) -> None:
        for number in range(len(self._cells)):
            _, called = _users(number)
            if self._speaker is not None:
                self._speaker.ring(called)
            else:
                self._callers[number].prepare(called)
                self._callers[number].press_last_key()
        for phone in self._called:
            phone.answer()
        if self._speaker is not None:
            self._speaker.wait_for_answers()

    def _hang_up(self) -> None:
        if self._speaker is not None:
            self._speaker.hang_up()
        for phone in (*self._callers, *self._called):
            phone.hang_up()

    def _say(self) -> list[Sound]:
        """Say everything, and return what entered the microphone of each voice, with its moment."""
        said = _everything()
        if self._speaker is not None:
            began_at = self._speaker.say(said.sound)
            return [replace(speech(voice), began_at=began_at + begins_s) for voice, begins_s in said.begins_s.items()]
        with Recorder(f"{_MOUTH}_monitor") as mouth:
            play(_MOUTH, resampled(said.sound, DEVICE_HZ))
            given = mouth.stop()
        return [located(speech(voice), given) for voice in said.begins_s]


def opinion(sent: Sound, recorded: Sound) -> Opinion:
    """Ask the judges about one voice."""
    try:
        heard = judge(sent, recorded, wideband=True)
    except ValueError:
        return Opinion()
    second = _loss_judge()
    played = part_heard(sent, recorded, heard.delay_ms / 1000)
    return Opinion(heard.pesq, second.judge(played) if second else None, heard.delays_ms)


@dataclass(frozen=True, slots=True)
class _Said:
    """All that is said in a call, and where in it each voice begins, in seconds."""

    sound: Sound
    begins_s: Mapping[Voice, float]


@cache
def _everything() -> _Said:
    lead, between, tail = (
        room(round(length_s * RATE_HZ)).samples for length_s in (_LEAD_S, _BETWEEN_VOICES_S, _TAIL_S)
    )
    woman, man = speech(Voice.WOMAN), speech(Voice.MAN)
    samples = np.concatenate([lead, woman.samples, between, man.samples, tail])
    begins_s = {Voice.WOMAN: _LEAD_S, Voice.MAN: _LEAD_S + woman.duration_s + _BETWEEN_VOICES_S}
    return _Said(Sound(samples, RATE_HZ), begins_s)


@cache
def _loss_judge() -> LossJudge | None:
    return LossJudge() if find_spec("speechmos") else None


def _started(stack: ExitStack, namespace: Namespace, kind: str, seat: Seat) -> Phone:
    # Threads and processes that start in here stay in the namespace.
    with namespace.entered():
        phone = _KINDS[kind](seat)
        phone.sit_down()
        stack.callback(phone.stop)
        phone.launch()
        phone.connect()
    return phone


def _wait_for_registrations(kamailio: Kamailio, users: Mapping[str, str]) -> None:
    ends_at = time.monotonic() + _REGISTRATION_S
    while missing := [user for user in users if not kamailio.is_registered(user)]:
        if time.monotonic() > ends_at:
            raise TimeoutError(f"{', '.join(missing)} did not register within {_REGISTRATION_S:.0f} s.")
        time.sleep(0.1)


@contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _users(number: int) -> tuple[str, str]:
    """Return who calls and who is called in the nth pair."""
    return str(200 + number), str(300 + number)


def _password(user: str) -> str:
    return f"secret-{user}"


def _ear(number: int) -> str:
    return f"ear{number}"
