"""The SIP library's source: where it comes from, and the hashes that each of its files must have."""

import hashlib
import http.client
import io
import lzma
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from engine.errors import EngineError

RELEASE: Final = "2.17"
HASHES: Final = Path(__file__).with_name("files.sha256")
PATH_VARIABLE: Final = "WECALL_PJPROJECT"
UPSTREAM: Final = f"https://github.com/pjsip/pjproject/archive/refs/tags/{RELEASE}.tar.gz"
_DEBIAN_SUITES: Final = ("sid", "testing")
_DEBIAN_PACKAGE: Final = "asterisk"
_COMPONENT: Final = "orig-Xpjproject.tar"
_TIMEOUT_S: Final = 60
_MAX_BYTES: Final = 64 << 20

Files = Iterator[tuple[str, bytes]]


def fetch(into: Path, say: Callable[[str], None]) -> None:
    """Put the files that are built, and no others, into a folder, from the first origin that has all of them.

    Raises:
        EngineError: none has.
    """
    chosen = os.environ.get(PATH_VARIABLE)
    if chosen:
        _take(_files_at(Path(chosen)), into, f"The source at {PATH_VARIABLE}")
        return
    reasons = []
    for name, origin in (("Debian's source package asterisk", from_debian), (f"upstream's {RELEASE}", from_upstream)):
        say(f"fetching the source: {name}")
        try:
            _take(origin(), into, name)
        except EngineError as error:
            reasons.append(str(error))
        else:
            return
    raise EngineError(
        f"pjproject {RELEASE} could not be had. {' '.join(reasons)} Download upstream's release {RELEASE} "
        f"({UPSTREAM}) where there is a network, and say where it is: {PATH_VARIABLE}=/path/to/it."
    )


def from_debian() -> Files:
    """Yield the files of the component pjproject of Debian's source package asterisk, checked by apt.

    Raises:
        EngineError: apt has no such package here.
    """
    with tempfile.TemporaryDirectory(prefix="wecall-source-") as name:
        folder = Path(name)
        problems = []
        for suite in _DEBIAN_SUITES:
            problem = _download(folder, suite)
            found = sorted(folder.glob(f"*.{_COMPONENT}.*"))
            if not problem and found:
                yield from _files_at(found[0])
                return
            problems.append(f"{suite}: {problem or 'it is gone'}")
        raise EngineError(f"Debian's source package {_DEBIAN_PACKAGE} cannot be downloaded ({'; '.join(problems)}).")


def from_upstream() -> Files:
    """Yield the files of upstream's release.

    Raises:
        EngineError: it cannot be downloaded.
    """
    try:
        with urllib.request.urlopen(UPSTREAM, timeout=_TIMEOUT_S) as answer:
            yield from _members(answer.read(_MAX_BYTES))
    except (OSError, http.client.HTTPException) as error:
        raise EngineError(f"Upstream's release cannot be downloaded: {error}.") from error


def wanted() -> dict[str, str]:
    """Return the hash of each file that is built, by its path."""
    lines = (line.split("  ", 1) for line in HASHES.read_text(encoding="ascii").splitlines())
    return {path: digest for digest, path in lines}


def _take(files: Files, into: Path, origin: str) -> None:
    missing = wanted()
    shutil.rmtree(into, ignore_errors=True)
    for path, content in files:
        digest = missing.get(path)
        if digest is None:
            continue
        if hashlib.sha256(content).hexdigest() != digest:
            raise EngineError(f"{origin} is not the release that this handset is built from: {path} differs.")
        del missing[path]
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if missing:
        raise EngineError(f"{origin} lacks {len(missing)} files that are built, {min(missing)} for one.")


def _files_at(path: Path) -> Files:
    try:
        if path.is_dir():
            for file in path.rglob("*"):
                if file.is_file():
                    yield file.relative_to(path).as_posix(), file.read_bytes()
        else:
            yield from _members(path.read_bytes())
    except OSError as error:
        raise EngineError(f"The SIP library's source cannot be read: {error}.") from error


def _members(archive: bytes) -> Files:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            for member in opened:
                file = opened.extractfile(member) if member.isfile() else None
                if file is not None:
                    # The first folder has the release's name.
                    yield str(PurePosixPath(*PurePosixPath(member.name).parts[1:])), file.read()
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        # tarfile says in a line each what every kind of compression finds amiss.
        reason = str(error).partition("\n")[0].rstrip(":.")
        raise EngineError(f"The SIP library's source is no archive that can be read: {reason}.") from error


def _download(folder: Path, suite: str) -> str:
    """Have apt download the source package from a suite, with lists of its own; return what went wrong."""
    if shutil.which("apt-get") is None:
        return "this is not a Debian system"
    target = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI) $(SIGNED_BY)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    archives = [line.split() for line in target.stdout.splitlines() if line.startswith("Debian ")]
    archive = next((words for words in archives if words[1].rstrip("/").endswith("/debian")), None)
    if archive is None:
        return "apt names no archive of Debian's here"
    # Where apt's own sources name no key, all that it has count.
    signed_by = "".join(f"Signed-By: {word}\n" for word in archive[2:] if word.startswith("/"))
    sources = folder / "wecall.sources"
    sources.write_text(
        f"Types: deb-src\nURIs: {archive[1]}\nSuites: {suite}\nComponents: main\n{signed_by}", encoding="utf-8"
    )
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    places = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        # A mirror may be behind: whatever it has is held against our own hashes.
        "Acquire::Check-Valid-Until": "false",
    }
    options = [f"-o{key}={value}" for key, value in places.items() if value]
    for words in (("update",), ("source", "--download-only", _DEBIAN_PACKAGE)):
        done = subprocess.run(
            ["apt-get", "-qq", *options, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("E: ")]
            return said[0].removeprefix("E: ") if said else f"apt-get {words[0]} ended with {done.returncode}"
    return ""
