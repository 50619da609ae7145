"""Has the firewall let through the audio of whom running calls name, where that is no server."""

import contextlib
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firmware.base.media_door import LONGEST, SAID_AGAIN_S, YES
from firmware.phone.call import CallId
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised, VoiceNews
from firmware.voice.sip.scheduler import Appointment, Scheduler

_log = logging.getLogger(__name__)

# The call's sound begins once it has answered, which takes it some milliseconds; the `sip` thread waits for it.
_PATIENCE_S: Final = 0.3
_DETAIL: Final = (
    "The service that lets calls' sound through does not answer, so only the servers' sound is heard. "
    "See `journalctl -u wecall-media`."
)


class DescribedAudio:
    """Says whom calls name to root's service, again and again. Lives on the `sip` thread.

    Where there is no such service, as without a firewall, nothing needs to be said.
    """

    def __init__(self, scheduler: Scheduler, post: Callable[[VoiceNews], None], path: Path) -> None:
        """Set up without a call.

        Args:
            scheduler: the thread's timers.
            post: takes what the phone should know.
            path: where the service listens.
        """
        self._scheduler = scheduler
        self._post = post
        self._path = path
        self._named: dict[CallId, str] = {}
        self._refused: set[str] = set()
        self._service: socket.socket | None = None
        self._again: Appointment | None = None
        self._is_away = False

    def begin(self, call_id: CallId, address: str) -> None:
        """Have an address, as `interfaces.canonical` writes it, let through for a call, in place of an earlier one."""
        self._named[call_id] = address
        self._say(address)
        self._say_again()

    def end(self, call_id: CallId) -> None:
        """Say a call's address no more; it is let through for some seconds yet."""
        self._named.pop(call_id, None)
        self._refused.intersection_update(self._named.values())

    def shuts_out(self, call_id: CallId) -> bool:
        """Say whether the service was asked to let a call's audio through, and has refused or does not answer."""
        address = self._named.get(call_id)
        return address is not None and (self._is_away or address in self._refused)

    def _say_again(self) -> None:
        if self._again is None:
            self._again = self._scheduler.after(SAID_AGAIN_S, self._renew)

    def _renew(self) -> None:
        self._again = None
        for address in set(self._named.values()):
            self._say(address)
        if self._named:
            self._say_again()

    def _say(self, address: str) -> None:
        if not self._path.exists():
            return
        was_there = self._service is not None
        try:
            # One that was there has been started anew.
            answer = self._ask(address) or (self._ask(address) if was_there else None)
        except TimeoutError:
            answer = None
        self._refused.discard(address)
        if answer is not None and answer != YES:
            self._refused.add(address)
            _log.warning("The firewall does not take the address of a call's sound.")
        self._tell(is_away=answer is None)

    def _ask(self, address: str) -> bytes | None:
        try:
            if self._service is None:
                self._service = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                self._service.settimeout(_PATIENCE_S)
                self._service.connect(str(self._path))
            self._service.send(address.encode())
            if answer := self._service.recv(LONGEST):
                return answer
        except TimeoutError:
            # What it says later would be taken for the answer to something else.
            self._leave()
            raise
        except OSError:
            pass
        self._leave()
        return None

    def _leave(self) -> None:
        if self._service is not None:
            with contextlib.suppress(OSError):
                self._service.close()
        self._service = None

    def _tell(self, *, is_away: bool) -> None:
        if is_away != self._is_away:
            self._is_away = is_away
            problem = Problem.SOUND_CONFINED
            self._post(ProblemRaised(problem, _DETAIL) if is_away else ProblemCleared(problem))
