"""Who may read: long-lived tokens from a file, and short-lived ones of people who log in."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final

from fleet.api.settings import ALL_FLEETS
from fleet.errors import FleetError
from fleet.files import read_secret
from fleet.names import is_name

MIN_TOKEN_LENGTH: Final = 32
MAX_SESSIONS: Final = 1000
"""Logged in at once; whoever was idle longest goes when one more comes."""

_TOKEN: Final = re.compile(rf"[A-Za-z0-9._~+/=-]{{{MIN_TOKEN_LENGTH},512}}")


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may read.

    Attributes:
        user: a user of the broker's; None for a token of the file.
        fleets: those that may be seen, which may be none; None: all.
    """

    user: str | None
    fleets: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class _Session:
    reader: Reader
    expires_at: datetime
    seen_at: datetime


def digest(token: str) -> bytes:
    """Hash a token: what is kept and compared, so that neither memory nor time tells one."""
    return hashlib.sha256(token.encode()).digest()


def read_tokens(path: Path) -> dict[bytes, Reader]:
    """Read the file of long-lived tokens: by the hash of each what it opens, which is nothing where it names no fleet.

    Raises:
        FleetError: it cannot be read, others may read it, or a line is not a token and fleets.
    """
    readers: dict[bytes, Reader] = {}
    for number, line in enumerate(read_secret(path, "The file of tokens", "ascii").splitlines(), 1):
        token, *fleets = line.partition("#")[0].split() or [""]
        if not token:
            continue
        if not _TOKEN.fullmatch(token):
            raise FleetError(
                f"Line {number} of the file of tokens, {path}, does not begin with a token: {MIN_TOKEN_LENGTH} to 512 "
                "letters, digits and . _ ~ + / = -. Make one with: openssl rand -hex 32"
            )
        sees_all = fleets == [ALL_FLEETS]
        if not sees_all and not all(map(is_name, fleets)):
            raise FleetError(
                f"Line {number} of the file of tokens, {path}, names something that cannot be a fleet. Behind the "
                f"token write the names of fleets, or {ALL_FLEETS} alone for all."
            )
        readers[digest(token)] = Reader(None, None if sees_all else frozenset(fleets))
    if not readers:
        raise FleetError(f"The file of tokens, {path}, holds none. Make one with: openssl rand -hex 32")
    return readers


class Doors:
    """Knows every token that is good now; those of sessions live in memory alone."""

    def __init__(
        self,
        tokens: dict[bytes, Reader],
        *,
        lifetime: timedelta,
        idle: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Set up.

        Args:
            tokens: what `read_tokens` gave.
            lifetime: how long a session lasts at most.
            idle: how long without a request.
            now: the clock.
        """
        self._tokens = tokens
        self._sessions: dict[bytes, _Session] = {}
        self._lock = Lock()
        self._lifetime = lifetime
        self._idle = idle
        self._now = now

    def open_session(self, user: str, fleets: Collection[str] | None) -> tuple[str, datetime]:
        """Let somebody in who has proved who they are; returns a new token and when it ends."""
        token, now = secrets.token_urlsafe(32), self._now()
        reader = Reader(user, None if fleets is None else frozenset(fleets))
        with self._lock:
            self._forget_the_old(now)
            while len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda known: self._sessions[known].seen_at)]
            self._sessions[digest(token)] = _Session(reader, now + self._lifetime, now)
        return token, now + self._lifetime

    def close_session(self, token: str) -> None:
        """End a session; one that is not there is over."""
        with self._lock:
            self._sessions.pop(digest(token), None)

    def reader(self, token: str) -> Reader | None:
        """Tell what a token opens, None where that is nothing."""
        offered, now = digest(token), self._now()
        found: Reader | None = None
        # All of them, so that the time it takes does not tell which one came close.
        for known, reader in self._tokens.items():
            if hmac.compare_digest(known, offered):
                found = reader
        if found is not None:
            return found
        with self._lock:
            self._forget_the_old(now)
            session = self._sessions.get(offered)
            if session is None:
                return None
            self._sessions[offered] = replace(session, seen_at=now)
            return session.reader

    def is_good(self, token: str) -> bool:
        """Tell whether a token still opens something; unlike `reader`, to ask is no sign that somebody is there."""
        offered = digest(token)
        with self._lock:
            self._forget_the_old(self._now())
            return offered in self._sessions or offered in self._tokens

    def _forget_the_old(self, now: datetime) -> None:
        for token, session in list(self._sessions.items()):
            if now >= session.expires_at or now - session.seen_at >= self._idle:
                del self._sessions[token]
