"""The real systemd, booted beside the machine's own on a throw-away copy of its root."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

_BOOT_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0
_SCRIPT = Path(__file__).with_suffix(".sh")
_ENVIRONMENT = ("env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/root", "SYSTEMD_COLORS=0")


class SystemdBox:
    """A system that vanishes when it is stopped; nothing in it touches the disk or the network outside.

    Args:
        scratch: a folder for the overlay's mount point and the boot log.
        shown: folders of this machine to show inside, read-only, by the path that they get there.
        kept: an archive of what it has on its disk beside this machine's root, from its boot on (`keep`).
    """

    def __init__(self, scratch: Path, shown: Mapping[str, Path], kept: Path | None = None) -> None:
        self._scratch = scratch
        self._shown = shown
        self._kept = kept
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._group = Path()
        self.init_pid = 0

    def start(self) -> None:
        """Boot, and wait until the basic target is reached.

        Raises:
            RuntimeError: this machine cannot boot systemd in namespaces; the message says why.
        """
        if os.geteuid() != 0:
            raise RuntimeError(
                "The systemd tests boot systemd in namespaces, which only root may make. Run them as root."
            )
        for tool in ("unshare", "nsenter", "systemctl", "ip"):
            if shutil.which(tool) is None:
                raise RuntimeError(f"The systemd tests need `{tool}`; debian-packages.txt names its package.")
        unified = Path("/sys/fs/cgroup/unified")
        self._group = (unified if unified.is_dir() else Path("/sys/fs/cgroup")) / f"wecall-box-{secrets.token_hex(4)}"
        overlay = self._scratch / "overlay"
        overlay.mkdir()
        self._log = (self._scratch / "boot.log").open("wb")
        self._process = subprocess.Popen(
            ["bash", _SCRIPT, overlay, self._group, *(f"{source}:{inside}" for inside, source in self._shown.items())],
            env={**os.environ, "kept": str(self._kept or "")},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_for_boot()

    def stop(self) -> None:
        if self._process is None:
            return
        if self.init_pid and self._process.poll() is None:
            # systemd(1): SIGRTMIN+14 powers off at once, which ends every process in the namespace.
            os.kill(self.init_pid, signal.SIGRTMIN + 14)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_TIMEOUT_S)
        if self._log is not None:
            self._log.close()
        for folder, _, _ in os.walk(self._group, topdown=False):
            Path(folder).rmdir()

    def run(
        self, *command: str, check: bool = True, timeout_s: float = 60, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root, with its output and errors in one text.

        Raises:
            AssertionError: the command failed, and `check` was asked for.
        """
        done = subprocess.run(
            ["nsenter", "-t", str(self.init_pid), "--all", "--root", "--wd", "--", *_ENVIRONMENT, *command],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"`{' '.join(command)}` failed with {done.returncode} in the box:\n{done.stdout}")
        return done

    def shell(self, script: str, *, check: bool = True, timeout_s: float = 60) -> str:
        """Run a script inside by bash, which ends at its first failure, and return its output."""
        return self.run("bash", "-euo", "pipefail", "-c", script, check=check, timeout_s=timeout_s).stdout

    def property_of(self, unit: str, name: str) -> str:
        """Return one property of a unit, as `systemctl show` does."""
        return self.run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def path(self, inside: str) -> Path:
        """Return where a path of the box is seen from outside."""
        return Path(f"/proc/{self.init_pid}/root") / inside.lstrip("/")

    def keep(self, archive: Path, *paths: str) -> None:
        """Archive files and folders of the box, for another box to have."""
        inside = [path.lstrip("/") for path in paths]
        new = archive.with_name(f"{archive.name}.new")
        subprocess.run(["tar", "--numeric-owner", "-C", self.path("/"), "-cf", new, *inside], check=True)
        new.rename(archive)

    def _wait_for_boot(self) -> None:
        deadline = time.monotonic() + _BOOT_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            self.init_pid = self.init_pid or _only_child(self._process.pid)
            # Before the script has changed its root, this machine's own systemd is seen there.
            if self.init_pid and _name(self.init_pid) == "systemd" and self.path("/run/systemd/private").exists():
                self.run("systemctl", "is-system-running", "--wait", check=False)
                return
            time.sleep(0.02)
        self.stop()
        log = (self._scratch / "boot.log").read_text(errors="replace")
        raise RuntimeError(f"systemd did not boot in its box; its last words:\n{log[-2000:]}")


def _only_child(pid: int) -> int:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    # The script becomes unshare by exec, and unshare's one child becomes systemd.
    return int(children[0]) if len(children) == 1 and _name(pid) == "unshare" else 0


def _name(pid: int) -> str:
    """Return a process's name, empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
