from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.api.access import MAX_SESSIONS, Doors, Reader, digest, read_tokens
from fleet.errors import FleetError

TOKEN = "0123456789abcdef" * 2
START = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


def doors(clock: Clock, tokens: dict[bytes, Reader] | None = None) -> Doors:
    return Doors(tokens or {}, lifetime=timedelta(hours=12), idle=timedelta(hours=1), now=clock)


def test_a_line_of_the_file_is_a_token_and_the_fleets_that_it_may_see(tmp_path: Path) -> None:
    lines = f"# Grafana\n{TOKEN} *\n\n{TOKEN[::-1]} north south # for Anna\n{TOKEN.upper()}\n"
    assert read_tokens(written(tmp_path, lines)) == {
        digest(TOKEN): Reader(None, None),
        digest(TOKEN[::-1]): Reader(None, frozenset({"north", "south"})),
        digest(TOKEN.upper()): Reader(None, frozenset()),
    }


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_file_of_tokens_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    with pytest.raises(FleetError, match=r"Others may read .*chmod 600"):
        read_tokens(written(tmp_path, TOKEN, mode))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds none"),
        ("# nothing\n\n", "holds none"),
        ("too-short\n", "Line 1 .* does not begin with a token"),
        (f"{TOKEN}\nwith:colons:and-long-enough-to-be-one\n", "Line 2 .* does not begin with a token"),
        (f"{TOKEN} North\n", "Line 1 .* names something that cannot be a fleet"),
        (f"{TOKEN} north *\n", "Line 1 .* names something that cannot be a fleet"),
        (f"{TOKEN}\u00e4\n", "cannot be read"),
    ],
)
def test_a_file_that_is_not_as_it_has_to_be_is_told_of_without_what_is_in_it(
    tmp_path: Path, text: str, why: str
) -> None:
    with pytest.raises(FleetError, match=why) as caught:
        read_tokens(written(tmp_path, text))
    assert TOKEN not in str(caught.value)


def test_a_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="cannot be read"):
        read_tokens(tmp_path / "nowhere")


def test_a_token_of_the_file_opens_what_its_line_says_and_anything_else_nothing() -> None:
    reader = Reader(None, frozenset({"north"}))
    known = doors(Clock(), {digest(TOKEN): reader})
    assert known.reader(TOKEN) == reader
    assert known.reader(TOKEN[:-1]) is None
    assert known.reader("") is None


def test_a_session_ends_after_an_hour_without_a_request() -> None:
    clock = Clock()
    known = doors(clock)
    token, _ = known.open_session("dashboard.anna", None)
    for _ in range(3):
        clock.now += timedelta(minutes=59)
        assert known.reader(token) == Reader("dashboard.anna", None)
    clock.now += timedelta(minutes=60)
    assert known.reader(token) is None


def test_a_session_ends_at_its_time_however_busy_it_is() -> None:
    clock = Clock()
    known = doors(clock)
    token, ends_at = known.open_session("dashboard.anna", None)
    while clock.now < ends_at:
        assert known.reader(token) is not None
        clock.now += timedelta(minutes=30)
    assert clock.now == START + timedelta(hours=12)
    assert known.reader(token) is None


def test_whoever_logs_out_is_out_and_nobody_else() -> None:
    known = doors(Clock())
    (mine, _), (yours, _) = known.open_session("dashboard.a", None), known.open_session("dashboard.a", None)
    known.close_session(mine)
    known.close_session(mine)
    assert known.reader(mine) is None
    assert known.reader(yours) is not None


def test_when_too_many_are_logged_in_the_one_that_was_idle_longest_goes() -> None:
    clock = Clock()
    known = doors(clock)
    first, _ = known.open_session("dashboard.first", ["north"])
    second, _ = known.open_session("dashboard.second", None)
    for number in range(MAX_SESSIONS - 1):
        clock.now += timedelta(seconds=1)
        known.reader(first)
        known.open_session(f"dashboard.other-{number}", None)
    assert known.reader(first) == Reader("dashboard.first", frozenset({"north"}))
    assert known.reader(second) is None
