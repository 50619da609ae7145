"""Sound cards without a sound card: PulseAudio null sinks, reached through ALSA's `pulse` plug-in."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.priority import LONGEST_WITHOUT_REST_S, carry_sound

_START_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Stream:
    """One open PCM, as the server sees it.

    Attributes:
        device: the sink that it plays to, or the source that it records from (`mic.monitor`).
        process_id: who opened it.
    """

    device: str
    process_id: int


class PulseAudio:
    """A PulseAudio server of its own, on a socket in `folder`.

    Each sink is a real-time-paced ALSA PCM of the same name to play to, and `<sink>_monitor` records what was played
    to it. A phone has playback `ear` and capture `mic_monitor`: what a test plays to `mic`, the phone hears, and what
    the phone plays, a test records from `ear_monitor`.
    """

    def __init__(self, folder: Path, sinks: Sequence[str] = ("ear", "mic"), *, microphones: Sequence[str] = ()) -> None:
        """Set up without starting.

        Args:
            folder: for its files and its socket.
            sinks: their names.
            microphones: sinks whose monitor is a source of its own too, `<sink>_microphone`, for browsers, which take
                no monitor for a microphone.
        """
        self.folder = folder
        self.sinks = tuple(sinks)
        self._microphones = tuple(microphones)
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._server is not None
        return self._server.pid

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to find these PCMs (the PCM names alone do not tell it)."""
        return {
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_COOKIE": str(self.folder / "cookie"),
            "ALSA_CONFIG_PATH": str(self.folder / "asound.conf"),
        }

    @property
    def _socket(self) -> Path:
        return self.folder / "native"

    def start(self) -> None:
        """Start the server and wait until every PCM can be opened."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_alsa_configuration()
        self._write_script()
        self._socket.unlink(missing_ok=True)
        with (self.folder / "pulseaudio.log").open("ab") as log:
            self._server = subprocess.Popen(
                [
                    "pulseaudio", "-n", "-F", str(self.folder / "script.pa"), "--daemonize=no", "--use-pid-file=no",
                    "--exit-idle-time=-1", "--disable-shm=yes", "--log-target=stderr",
                ],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder),
                    "XDG_RUNTIME_DIR": str(self.folder),
                    "PULSE_CONFIG": str(self.folder / "daemon.conf"),
                    "LC_ALL": "C",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )  # fmt: skip
        self._wait_for_socket(self._server)
        # A card waits for nobody; the server's thread that speaks with its clients would.
        carry_sound(self._server.pid)

    def stop(self) -> None:
        """End the server as an administrator would."""
        self._end(kill=False)

    def kill(self) -> None:
        """Pull the sound cards out: every open PCM fails at once."""
        self._end(kill=True)

    def restart(self) -> None:
        """Plug the sound cards in again after `kill` or `stop`."""
        self._end(kill=True)
        self.start()

    def playing(self) -> list[Stream]:
        """The PCMs that are open for playback."""
        return self._streams("sink-inputs", "sinks", "sink")

    def recording(self) -> list[Stream]:
        """The PCMs that are open for capture."""
        return self._streams("source-outputs", "sources", "source")

    def volume_percent(self, sink: str) -> float:
        """How loud a sink is set."""
        (found,) = [one for one in self._pactl("list", "sinks") if one["name"] == sink]
        (channel,) = found["volume"].values()
        return float(channel["value_percent"].strip("% "))

    def _streams(self, streams: str, devices: str, role: str) -> list[Stream]:
        names = {device["index"]: device["name"] for device in self._pactl("list", devices)}
        return [
            Stream(
                device=names.get(stream[role], ""),
                process_id=int(stream["properties"].get("application.process.id", 0)),
            )
            for stream in self._pactl("list", streams)
        ]

    def _pactl(self, *arguments: str) -> Any:
        answer = subprocess.run(
            ["pactl", "--format=json", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            check=True,
            timeout=10,
        )
        return json.loads(answer.stdout)

    def _write_alsa_configuration(self) -> None:
        pcms = [
            f'pcm.{name} {{ type pulse server "unix:{self._socket}" device "{device}" }}'
            for sink in self.sinks
            for name, device in ((sink, sink), (f"{sink}_monitor", f"{sink}.monitor"))
        ]
        controls = [f'ctl.{sink} {{ type pulse server "unix:{self._socket}" device "{sink}" }}' for sink in self.sinks]
        # Whole at once: alsa-lib reads a file no second time where it was changed within the same second.
        written = self.folder / "asound.conf.new"
        written.write_text("\n".join(["</usr/share/alsa/alsa.conf>", *pcms, *controls, ""]))
        written.replace(self.folder / "asound.conf")

    def _write_script(self) -> None:
        # norewinds: with rewinds a first read takes 0.3 to 1.6 s and playback stalls for up to 2 s.
        lines = [
            f"load-module module-null-sink sink_name={sink} rate=48000 channels=1 format=s16le norewinds=1 "
            f"sink_properties=device.description={sink}"
            for sink in self.sinks
        ]
        lines += [
            f"load-module module-remap-source master={sink}.monitor source_name={sink}_microphone"
            for sink in self._microphones
        ]
        # Last, so that a socket that answers means that every sink is there.
        lines.append(f"load-module module-native-protocol-unix auth-anonymous=1 socket={self._socket}")
        (self.folder / "script.pa").write_text("\n".join([*lines, ""]))
        # By itself it has the kernel end it where a thread that carries sound computes for a fifth of a second.
        (self.folder / "daemon.conf").write_text(f"rlimit-rttime = {LONGEST_WITHOUT_REST_S * 1_000_000}\n")

    def _wait_for_socket(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(self._socket))
                except OSError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        log = (self.folder / "pulseaudio.log").read_text(errors="replace")
                        raise RuntimeError(f"PulseAudio did not start:\n{log}") from None
                    time.sleep(0.01)
                else:
                    return

    def _end(self, *, kill: bool) -> None:
        if self._server is None:
            return
        if kill:
            self._server.kill()
        else:
            self._server.terminate()
        try:
            self._server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None
