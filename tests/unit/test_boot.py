import subprocess
import sys
import threading
from pathlib import Path

from firmware.boot import Inbox, Options, start_early
from firmware.phone.events import Event, HandsetLifted, HandsetReplaced


def test_events_that_come_early_are_handed_over_in_order_and_later_ones_pass_through() -> None:
    inbox, taken = Inbox(), list[Event]()
    inbox.post(HandsetLifted())
    inbox.post(HandsetReplaced())
    inbox.open(taken.append)
    inbox.post(HandsetLifted())
    assert taken == [HandsetLifted(), HandsetReplaced(), HandsetLifted()]


def test_no_event_of_another_thread_is_lost_or_overtaken_while_the_inbox_opens() -> None:
    inbox, taken = Inbox(), list[Event]()
    events: list[Event] = [HandsetLifted(), HandsetReplaced()] * 5000

    def send() -> None:
        for event in events:
            inbox.post(event)

    thread = threading.Thread(target=send)
    thread.start()
    inbox.wait(5)
    inbox.open(taken.append)
    thread.join()
    assert taken == events


def test_without_a_configuration_there_is_no_sip_and_the_rest_can_start(tmp_path: Path) -> None:
    early = start_early(Options(tmp_path / "missing.toml", tmp_path / "state", tmp_path / "run"))
    assert early.sip is None
    assert early.loaded.mistakes


def test_what_is_loaded_before_the_first_register_is_only_what_that_takes() -> None:
    late = "asyncio", "PIL", "sqlcipher3", "alsaaudio", "firmware.storage", "firmware.screens", "firmware.media"
    program = f"import sys, firmware.cli, firmware.boot; print([name for name in {late!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
