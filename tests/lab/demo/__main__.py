"""Sets the stage, then hands it to a person or to the script of one call."""

import argparse
import asyncio
import fcntl
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.panel import Panel

from tests.lab.asterisk_root import asterisk_version
from tests.lab.demo.one_call import StepError, make_one_call
from tests.lab.descendants import adopting, end_descendants
from tests.lab.stage import DEVICE, FLEET, GREETING, PEER_USER, Choices, Stage, empty, has_real_card

ECHO_LINE = "Echo line"
VOICEMAIL = "*97"
AT_THE_PBX = f"""
[bold]At this Asterisk[/] {PEER_USER} echoes, 611 plays music, [bold]260[/] keeps a message for you: light and display
tell of it, and [bold]{VOICEMAIL}[/] says it."""
COUNTRY = "GB"
FIRST_CALL_AFTER_S = 5.0
IN_USE = "[bold]The phone is set up, and rings in a moment:[/] open the page and click the handset to lift it."
NEW = """[bold]The phone is new and asks first.[/] OK goes on, CANCEL back, the volume keys choose. It has you
choose a PIN and asks whether you want its [bold]service[/]: without a yes it only answers and calls for help. A code is
sent to its number and comes to this very phone: OK confirms it. Until then it answers and calls 999."""

FOLDER = Path(__file__).parents[3] / "build" / "demo"

EXIT_STAGE = 10
"""The exit code where the peers or the handset could not be started; one_call.py has the others."""

console = Console(stderr=True)


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="wecall demo")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--pbx", choices=["asterisk"])
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    with _alone_in(arguments.folder), adopting():
        try:
            return _run(arguments)
        except KeyboardInterrupt:
            return 130
        finally:
            end_descendants()


def _run(arguments: argparse.Namespace) -> int:
    # With nobody there, nobody can speak into a real microphone: what is measured must be what was played.
    real_card = not arguments.once and has_real_card()
    choices = Choices(
        real_card=real_card,
        greeting="" if arguments.once else GREETING,
        pbx=arguments.pbx is not None,
        new=arguments.new,
        proves_number=arguments.new,
        when_code_is_sent=_show_code,
        extra={
            # No number begins with a 1: that digit and lifting the handset call whom the idle page shows.
            "dialing": {"speed_dials": {"1": PEER_USER}, "digit_map": ["[2-9]xx", "0x.T"]},
            "account": {"voicemail_number": VOICEMAIL} if arguments.pbx else {},
        },
        simulator_port=None if arguments.once else _free_or_fail(arguments.port),
    )
    began_s = time.monotonic()
    stage = Stage(empty(arguments.folder), choices, say=lambda text: console.print(f"[dim]demo:[/] {text}"))
    try:
        if not (arguments.once or arguments.new):
            stage.handset.add_contact(ECHO_LINE, PEER_USER, COUNTRY)
        stage.start()
    except (RuntimeError, OSError) as error:
        return _fail(StepError(EXIT_STAGE, "start", f"Not everything could be started: {error}"), stage)
    try:
        if not arguments.once:
            return _serve_a_person(stage, NEW if arguments.new else IN_USE)
        summary = asyncio.run(_make_one_call(stage))
    except StepError as error:
        return _fail(error, stage)
    finally:
        stage.stop()
    summary["registrar"] = f"Asterisk {asterisk_version()}" if stage.pbx else "Kamailio"
    summary["seconds"] = round(time.monotonic() - began_s, 1)
    sys.stdout.write(json.dumps({"ok": True, **summary}) + "\n")
    return 0


async def _make_one_call(stage: Stage) -> dict[str, Any]:
    try:
        return await make_one_call(stage, lambda text: console.print(f"[dim]demo:[/] {text}"))
    finally:
        # Before the event loop waits for its threads: some of them wait for what is on the stage.
        _stop(stage)


def _serve_a_person(stage: Stage, begins: str) -> int:
    try:
        return _wait_for_a_person(stage, begins)
    finally:
        _stop(stage)


def _stop(stage: Stage) -> None:
    console.print("[dim]demo:[/] stopping")
    stage.stop()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other demos out of a folder, or end with a sentence where there is one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(
                f"demo: another one runs in {folder}. End that one, or choose another folder: "
                ".venv/bin/wecall demo --folder FOLDER"
            )
        yield


def _wait_for_a_person(stage: Stage, begins: str) -> int:
    wecall = f"wecall {{}} --runtime-dir {stage.handset.folder / 'run'}"
    sound = "this machine's sound card" if stage.pulse is None else "PulseAudio null devices (no sound card found)"
    console.print(
        Panel(
            f"""The handset is at  [bold cyan]{stage.handset.url}[/]
Sound: {sound}. SIP over TLS with SRTP; call records go to the broker by MQTT over TLS.

{begins}
{AT_THE_PBX if stage.pbx else ""}
[bold]Five things to try[/]
 1. Lift the handset, dial [bold]{PEER_USER}[/] and talk to the echo line. Try mute, hold and the volume keys.
 2. Press [bold]1[/] and lift: the idle page says whom that calls. Or type [bold]{PEER_USER}[/], then lift.
 3. Press [bold]Enter[/] here, and the echo line calls you. Lift to answer, or press cancel.
 4. Dial a number that nobody has ([bold]555#[/]) and read the display.
 5. In another terminal: [bold].venv/bin/{wecall.format("doctor")}[/]
    (or status, log, consent list, consent withdraw cdr_sync)

Call records as the fleet sees them: topic [bold]wecall/v1/{FLEET}/{DEVICE}/cdr[/] on localhost:{stage.broker.port}
Logs: {stage.folder}/*/*.log.  Ctrl-C ends the demo.""",
            title="WeCall Handset",
            border_style="cyan",
        )
    )
    if begins is IN_USE:
        first_call = threading.Timer(FIRST_CALL_AFTER_S, stage.call_handset)
        first_call.daemon = True
        first_call.start()
    try:
        for line in sys.stdin:
            if not line.strip():
                stage.call_handset()
        signal.pause()  # standard input is closed: run until a signal
    except KeyboardInterrupt:
        pass
    return 0


def _show_code(code: str) -> None:
    console.print(f"[dim]demo:[/] the operator has sent the code [bold]{code}[/] to the phone's number")


def _free_or_fail(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.exit(f"demo: port {port} is taken. Choose another one: make demo PORT=NUMBER")
    return port


def _fail(error: StepError, stage: Stage) -> int:
    sys.stdout.write(json.dumps({"ok": False, "step": error.step, "error": str(error)}) + "\n")
    console.print(f"[bold red]demo failed[/] at {error.step}: {error}")
    console.print(f"[dim]The logs are in {stage.folder}/*/*.log[/]")
    return error.exit_code


def _end(_signal: int, _frame: FrameType | None) -> None:
    """Take the peers along, and be told so once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
