"""The steps from the source to a wheel."""

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine import source
from engine.changes import apply_changes
from engine.errors import EngineError
from engine.target import Target

HERE: Final = Path(__file__).parent
EDITION: Final = 8
"""What firmware/voice/sip/native.py asks for: it rises whenever a function of ours changes its meaning."""
NAME: Final = "wecall_pjsua2"
VERSION: Final = f"{source.RELEASE}.0"
_LIBRARIES: Final = ("pjlib", "pjlib-util", "pjnath", "pjmedia", "pjsip")
_MAKEFILES: Final = ("pjlib", "pjlib-util", "pjnath", "third_party", "pjmedia", "pjsip")
_LINKED: Final = ("ssl", "crypto", "srtp2", "opus", "speexdsp", "m", "pthread", "stdc++")
_LEFT_OUT: Final = (
    "sound", "video", "upnp", "speex-aec", "speex-codec", "gsm-codec", "ilbc-codec", "g7221-codec", "l16-codec",
    "libwebrtc", "libyuv", "sdl", "ffmpeg", "v4l2", "openh264", "vpx", "opencore-amr", "silk", "bcg729", "lyra",
    "libuuid",
)  # fmt: skip
_CFLAGS: Final = ("-O2", "-fPIC")
_SANITIZED: Final = ("-O1", "-g", "-fPIC", "-fsanitize=address", "-fno-omit-frame-pointer", "-DWECALL_DEBUG=1")
# The wrapper is 6 MB of C++ that runs once a callback.
_WRAPPER_FLAGS: Final = ("-O1", "-g0", "-w")


@dataclass(frozen=True, slots=True)
class Build:
    """One build in a folder of its own.

    Attributes:
        target: what it is for.
        folder: everything happens below.
        sanitize: with assertions and AddressSanitizer, for the fuzzer.
        say: shows progress.
    """

    target: Target
    folder: Path
    sanitize: bool
    say: Callable[[str], None]

    def make_wheel(self) -> Path:
        """Build it.

        Returns:
            the wheel, in the folder.

        Raises:
            EngineError: a step failed; the log is named.
        """
        tree = self._tree
        source.fetch(tree, self.say)
        apply_changes(tree)
        shutil.copy(HERE / "config_site.h", tree / "pjlib/include/pj/config_site.h")
        (tree / "user.mak").touch()
        self.say("configuring")
        self._configure()
        self.say("compiling the library and its Python side, a minute or two")
        with ThreadPoolExecutor() as pool:
            # The wrapper is one file: it takes one core while the library takes the others.
            wrapper = pool.submit(self._compile_wrapper)
            library = pool.submit(self._compile_library)
            library.result()
            own = self._compile_own()
            objects = [wrapper.result(), *own]
        self.say("linking")
        extension = self._link(objects)
        self._check(extension)
        return self._pack(extension)

    @property
    def _tree(self) -> Path:
        return self.folder / "source"

    @property
    def _flags(self) -> tuple[str, ...]:
        # Of where it was built, and when, nothing stands in it: two builds are the same, bit by bit.
        alike = (f"-ffile-prefix-map={self.folder}=.", f"-ffile-prefix-map={HERE}=engine", "-Werror=date-time")
        return (*(_SANITIZED if self.sanitize else _CFLAGS), *alike)

    @property
    def _includes(self) -> list[str]:
        return [f"-I{self._tree / name / 'include'}" for name in _LIBRARIES]

    def _configure(self) -> None:
        flags = " ".join(self._flags)
        words = [f"--disable-{part}" for part in _LEFT_OUT]
        words += ["--enable-epoll", "--with-external-srtp", "--enable-speex-resample", "LIBS=-lspeexdsp"]
        environment = {**self.target.tools, "CFLAGS": flags, "CXXFLAGS": flags}
        self._run(["sh", str(self._tree / "aconfigure"), *words, *self.target.configure], environment)
        configured = (self._tree / "pjlib/include/pj/compat/os_auto.h").read_text(encoding="utf-8")
        if "#define PJ_HAS_SSL_SOCK 1" not in configured:
            raise EngineError(
                f"pjproject found no OpenSSL for {self.target.architecture}. Install libssl-dev for it and build again."
            )

    def _compile_library(self) -> None:
        jobs = str(os.cpu_count() or 1)
        for part in _MAKEFILES:
            self._run(["make", f"-j{jobs}", "-C", str(self._tree / part / "build"), "TARGETS_EXE="], self.target.tools)

    def _compile_wrapper(self) -> Path:
        swig = self._tree / "pjsip-apps/src/swig"
        wrapper = self.folder / "pjsua2_wrap.cpp"
        self._run(
            [
                "swig",
                *self._includes,
                "-c++",
                "-w312",
                "-threads",
                "-python",
                "-o",
                str(wrapper),
                str(swig / "pjsua2.i"),
            ]
        )
        made = self.folder / "pjsua2_wrap.o"
        flags = [*self._flags, *_WRAPPER_FLAGS, *self._defines, *self._includes, *self.target.python_includes]
        self._run([*self.target.compiler("CXX"), "-c", *flags, str(wrapper), "-o", str(made)])
        return made

    def _compile_own(self) -> list[Path]:
        made = []
        for file in sorted((HERE / "native").glob("*.c")):
            into = self.folder / f"{file.stem}.o"
            flags = [*self._flags, "-Wall", "-Werror", *self._defines, *self._includes]
            self._run([*self.target.compiler("CC"), "-c", *flags, str(file), "-o", str(into)])
            made.append(into)
        return made

    @property
    def _defines(self) -> list[str]:
        return ["-DPJ_AUTOCONF=1", "-DPJ_IS_BIG_ENDIAN=0", "-DPJ_IS_LITTLE_ENDIAN=1", f"-DWECALL_EDITION={EDITION}"]

    def _link(self, objects: Sequence[Path]) -> Path:
        # libpjsdp is a part of libpjmedia once more.
        archives = sorted(
            str(file) for name in (*_LIBRARIES, "third_party") for file in (self._tree / name / "lib").glob("*.a")
            if "libpjsdp" not in file.name
        )  # fmt: skip
        made = self.folder / "_pjsua2.so"
        # All of the library: Python reaches functions that its bindings do not.
        words = ["-shared", *map(str, objects), "-Wl,--whole-archive", *archives, "-Wl,--no-whole-archive"]
        words += ["-Wl,-Bsymbolic-functions", "-Wl,-z,now", *(f"-l{name}" for name in _LINKED), "-o", str(made)]
        # The interpreter brings its own symbols and, for the fuzzer, the sanitizer's. A phone needs no table of names.
        words += ["-fsanitize=address"] if self.sanitize else ["-Wl,--strip-all"]
        self._run([*self.target.compiler("CXX"), *words])
        return made

    def _check(self, extension: Path) -> None:
        """See that everything is in it.

        Raises:
            EngineError: a symbol is missing.
        """
        listed = subprocess.run(
            [*self.target.compiler("NM"), "-D", str(extension)], capture_output=True, text=True, check=False
        ).stdout
        for symbol in ("wecall_edition", "OpenSSL_version", "opus_get_version_string", "srtp_create", "PyInit__pjsua2"):
            if f" {symbol}" not in listed:
                raise EngineError(f"The SIP library was built without {symbol}; see {self._log}.")

    def _pack(self, extension: Path) -> Path:
        tag = self.target.tag
        info = f"{NAME}-{VERSION}.dist-info"
        files = {
            "pjsua2/__init__.py": (self.folder / "pjsua2.py").read_bytes(),
            "pjsua2/_pjsua2.so": extension.read_bytes(),
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME.replace('_', '-')}\nVersion: {VERSION}\n"
            "Summary: pjsua2 of pjproject, built for WeCall Handset\nLicense: GPL-2.0-or-later\n".encode(),
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: engine\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        }
        record = io.StringIO()
        rows = csv.writer(record, lineterminator="\n")
        for name, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.writerow((name, f"sha256={digest}", len(content)))
        rows.writerow((f"{info}/RECORD", "", ""))
        files[f"{info}/RECORD"] = record.getvalue().encode()
        made = self.folder / f"{NAME}-{VERSION}-{tag}.whl"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as wheel:
            for name, content in files.items():
                wheel.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return made

    @property
    def _log(self) -> Path:
        return self.folder / "build.log"

    def _run(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        with self._log.open("ab") as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            try:
                done = subprocess.run(
                    command,
                    cwd=self._tree,
                    env={**os.environ, "LC_ALL": "C", **(environment or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    check=False,
                )
            except FileNotFoundError as error:
                raise EngineError(
                    f"{command[0]} is not installed, and the SIP library cannot be built without it. `tools/setup` "
                    "installs it; debian-packages.txt has the list."
                ) from error
        if done.returncode != 0:
            sys.stderr.write("".join(self._log.read_text(errors="replace").splitlines(keepends=True)[-15:]))
            raise EngineError(
                f"Building the SIP library failed in {Path(command[0]).name}; the whole log is {self._log}."
            )
