"""Asterisk, the PBX that most people call through, as its own defaults are, by chan_pjsip."""

import os
import re
import socket
import subprocess
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.lab.asterisk_root import MODULES, asterisk_root
from tests.lab.audio import tone
from tests.lab.certificates import IssuedCertificate
from tests.lab.network import Namespace
from tests.lab.ports import free_port
from tests.lab.server import Server

_IS_ROOT: Final = os.geteuid() == 0
_CONFIGURATIONS: Final = Path(__file__).parent / "asterisk"
_START_TIMEOUT_S: Final = 30.0
UDP_PORT: Final = 5060
TLS_PORT: Final = 5061
DOMAIN: Final = "pbx.example"
_MUSIC_RATE_HZ: Final = 8000
MUSIC_HZ: Final = 1100
"""What it plays to whoever is put on hold."""


class Asterisk(Server):
    """A PBX with an extension for each user, and those of tests/lab/asterisk/extensions.conf."""

    def __init__(
        self,
        folder: Path,
        users: Mapping[str, str],
        namespace: Namespace | None = None,
        *,
        certificate: IssuedCertificate | None = None,
        endpoint: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its configuration, log and state go.
            users: passwords by extension.
            namespace: the network that it runs in, at the usual ports; on loopback, at free ones, where left out.
            certificate: what it shows to TLS clients; no TLS where left out.
            endpoint: more lines of each endpoint's in pjsip.conf.
            files: what is in files of its configuration otherwise, by their names.
        """
        super().__init__(folder / "asterisk.log")
        self._folder = folder
        self._users = dict(users)
        self._namespace = namespace
        self._address = "0.0.0.0" if namespace else "127.0.0.1"
        self.domain = DOMAIN
        self.udp_port = UDP_PORT if namespace else free_port(socket.SOCK_DGRAM)
        self.tcp_port = UDP_PORT if namespace else free_port(socket.SOCK_STREAM)
        self.tls_port = TLS_PORT if namespace else free_port(socket.SOCK_STREAM)
        self._certificate = certificate
        self._endpoint = tuple(endpoint)
        self._files = dict(files or {})

    def start(self) -> None:
        """Start it and wait until it has booted.

        Raises:
            RuntimeError: it cannot be fetched, ended, or does not answer; the message says why.
        """
        root = asterisk_root()
        for name in ("etc", "lib", "spool", "run", "log"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "lib" / "moh").mkdir(exist_ok=True)
        with wave.open(str(self._folder / "lib" / "moh" / "tone.wav"), "wb") as music:
            music.setnchannels(1)
            music.setsampwidth(2)
            music.setframerate(_MUSIC_RATE_HZ)
            music.writeframes(tone([MUSIC_HZ], 20, rate_hz=_MUSIC_RATE_HZ).pcm)
        for source in _CONFIGURATIONS.glob("*.conf"):
            text = source.read_text().replace("@MODULES@", f"/{MODULES}")
            (self._folder / "etc" / source.name).write_text(text)
        (self._folder / "etc" / "pjsip.conf").write_text("\n".join(self._pjsip()))
        boxes = [f"{user} => 1234,{user}" for user in self._users]
        (self._folder / "etc" / "voicemail.conf").write_text(
            "\n".join(["[general]", "format=wav", "[default]", *boxes, ""])
        )
        for name, text in self._files.items():
            (self._folder / "etc" / name).write_text(text)
        script = (
            'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --bind "$1" "$0/pbx" && '
            'exec chroot "$0" /usr/sbin/asterisk -f -C /pbx/etc/asterisk.conf'
        )
        # Whoever is not root is so within, as far as mounts go.
        alone = ("--mount", "--propagation", "private", *(() if _IS_ROOT else ("--map-root-user",)))
        mounts = ("unshare", *alone, "--", "sh", "-c", script, root, self._folder.absolute())
        self._launch(self._namespace.command(*mounts) if self._namespace else mounts)
        self._wait_until(self._has_booted, "Asterisk does not answer", _START_TIMEOUT_S)

    def order(self, words: str) -> str:
        """Give an order at its console and return what it says."""
        within = ("--mount", "--root", *(() if _IS_ROOT else ("--user", "--preserve-credentials")))
        command = ("nsenter", f"--target={self.pid}", *within, "--", "/usr/sbin/asterisk")
        done = subprocess.run(
            (*command, "-C", "/pbx/etc/asterisk.conf", "-rx", words), capture_output=True, text=True, check=False
        )
        return done.stdout

    def requests(self, method: str) -> list[str]:
        """Return the requests of a method that have come since `pjsip set logger on`, with their headers."""
        return re.findall(rf"<--- Received SIP request .*--->\n({method} (?:.+\n)*)", self.log.replace("\r", ""))

    def answers(self, method: str) -> list[int]:
        """Return the status codes of the answers to its own requests of a method since then."""
        heard = re.findall(r"<--- Received SIP response .*--->\nSIP/2.0 (\d+) ((?:.+\n)*)", self.log.replace("\r", ""))
        return [int(code) for code, headers in heard if re.search(rf"^CSeq: \d+ {method}$", headers, re.MULTILINE)]

    def messages(self) -> tuple[int, int]:
        """Return how many SIP messages it has received and sent since `pjsip set logger on`."""
        log = self.log
        return log.count("<--- Received SIP re"), log.count("<--- Transmitting SIP re")

    def forget(self) -> None:
        """Forget, while it does not run, who has registered and subscribed."""
        (self._folder / "lib" / "astdb.sqlite3").unlink()

    def has_registered(self, user: str) -> bool:
        """Say whether an extension can be reached."""
        return f"Contact:  {user}/" in self.order("pjsip show contacts")

    def _has_booted(self) -> bool:
        return "fully booted" in self.order("core waitfullybooted")

    def _pjsip(self) -> list[str]:
        lines = ["[global]", "type=global", f"default_realm={DOMAIN}"]
        lines += ["[udp]", "type=transport", "protocol=udp", f"bind={self._address}:{self.udp_port}"]
        if self._namespace is not None:
            lines += ["[udp6]", "type=transport", "protocol=udp", f"bind=[::]:{self.udp_port}"]
        lines += ["[tcp]", "type=transport", "protocol=tcp", f"bind={self._address}:{self.tcp_port}"]
        if self._certificate is not None:
            (self._folder / "etc" / "pbx.crt").write_bytes(Path(self._certificate.certificate).read_bytes())
            (self._folder / "etc" / "pbx.key").write_bytes(Path(self._certificate.key).read_bytes())
            lines += [
                "[tls]",
                "type=transport",
                "protocol=tls",
                f"bind={self._address}:{self.tls_port}",
                "method=tlsv1_2",
            ]
            lines += ["cert_file=/pbx/etc/pbx.crt", "priv_key_file=/pbx/etc/pbx.key"]
        for user, password in self._users.items():
            lines += [f"[{user}]", "type=endpoint", "context=from-internal", f"auth={user}", f"aors={user}"]
            lines += ["disallow=all", "allow=g722,alaw,ulaw", f"mailboxes={user}@default", *self._endpoint]
            lines += [f"[{user}]", "type=auth", "auth_type=digest", f"username={user}", f"password={password}"]
            lines += [f"[{user}]", "type=aor", "max_contacts=2", "remove_existing=yes"]
        return [*lines, ""]
