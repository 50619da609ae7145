"""PostgreSQL in a folder of its own, on a Unix socket, as durable as it is where it is installed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final, Self

_START_TIMEOUT_S: Final = 60.0
_BINARIES: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
_KEPT: Final = Path(__file__).parents[2] / "build" / "postgres"
_USER: Final = "postgres"
_PORT: Final = 5432


class Postgres:
    """A cluster with one database, `wecall`, whose folder goes with `remove`.

    The server refuses to run as root, and so runs as Debian's user for it there. Its folder has a short name, since
    that of a socket may not have more than 107 bytes, and is one that this user can reach.
    """

    def __init__(self, **settings: str) -> None:
        """Make the cluster, without starting it.

        Args:
            **settings: for postgresql.conf.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="wecall-pg-"))
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam(_USER)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self._copy_empty_cluster()
        configuration = {
            "listen_addresses": "''",
            "port": str(_PORT),
            "unix_socket_directories": f"'{self._folder}'",
            "shared_buffers": "64MB",
            "max_connections": "60",
            **settings,
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in configuration.items())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.remove()

    @property
    def url(self) -> str:
        """Its database, as SQLAlchemy names it."""
        return self.url_of("wecall")

    def url_of(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql+psycopg://wecall@/{database}?host={self._folder}"

    @property
    def log(self) -> str:
        """What it has written so far."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it takes connections.

        Raises:
            RuntimeError: it ended or takes none; the message holds its log.
        """
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_BINARIES[-1] / "postgres", "-D", self._data],
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._folder,
                **self._as,
            )
        ends_at = time.monotonic() + _START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < ends_at:
            if self._ask("SELECT 1").returncode == 0:
                if b"1" not in self._ask("SELECT 1 FROM pg_database WHERE datname = 'wecall'").stdout:
                    self.create("wecall")
                return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"PostgreSQL takes no connections:\n{self.log}")

    def create(self, database: str) -> None:
        """Make one more database, empty."""
        made = self._ask(f'CREATE DATABASE "{database}"')
        assert made.returncode == 0, made.stderr

    def drop(self, database: str) -> None:
        """Delete a database, whoever is connected to it."""
        dropped = self._ask(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        assert dropped.returncode == 0, dropped.stderr

    def stop(self) -> None:
        """End it in good order; whoever is connected is sent away (fast shutdown)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, with all its processes, as a power failure would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """End it and delete its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copy_empty_cluster(self) -> None:
        """Copy what `initdb` makes, which is kept for the next one."""
        kept = _KEPT / f"{_BINARIES[-1].parent.name}-{os.geteuid()}"
        if not kept.is_dir():
            self._run("initdb", "--auth=trust", "--username=wecall", "--encoding=UTF8", "--no-locale", f"{self._data}")
            new = kept.with_name(f"{kept.name}.{os.getpid()}")
            _KEPT.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", self._data, new], check=True)
            try:
                new.rename(kept)
            except OSError:
                # Somebody else was quicker.
                shutil.rmtree(new)
            return
        subprocess.run(["cp", "-a", kept, self._data], check=True)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if number is signal.SIGKILL:
            # It is the leader of a process group of its own; its children would outlive it by some moments.
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        process.wait(_START_TIMEOUT_S)

    def _ask(self, sql: str) -> subprocess.CompletedProcess[bytes]:
        return self._run(
            "psql", "--no-psqlrc", "-qtA", "-h", f"{self._folder}", "-U", "wecall", "-d", "postgres", "-c", sql,
            check=False,
        )  # fmt: skip

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10"}
        return subprocess.run(
            [_BINARIES[-1] / program, *arguments],
            check=check,
            capture_output=True,
            cwd=self._folder,
            env=environment,
            **self._as,
        )
