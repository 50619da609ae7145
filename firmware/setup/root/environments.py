"""The environments that the handset's firmware is installed in, and the link that says which of them runs.

    /opt/wecall/environments/installed   what whoever has root installed; root's own programs run from it, always
    /opt/wecall/environments/{a,b}       what bundles brought: their wheels, and behind them those of `installed`
    /opt/wecall/venv                     -> environments/<one of them>

Nothing that a bundle brought is run here, nor is an interpreter started in its environment: wheels are unpacked, and
what they do is done as the handset's user later.
"""

import compileall
import shutil
import site
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firmware.base.durable import replace_durably, sync_folder
from firmware.setup.root.machine import Machine
from firmware.setup.root.wheelhouse import Share, Wheelhouse
from firmware.setup.root.wheels import unpack

INSTALLED: Final = "installed"
_NAMES: Final = ("a", "b")
_STAMP_NAME: Final = "firmware"
_PATHS_NAME: Final = "wecall-installed.pth"


class Environments:
    """Knows the environments of a machine.

    Args:
        machine: whose.
        model: the environment that this program runs from, whose interpreter and packages the others share.
    """

    def __init__(self, machine: Machine, model: Path = Path(sys.prefix)) -> None:
        self._folder = machine.prefix / "environments"
        self._link = machine.prefix / "venv"
        self._flush = machine.flush
        self._model = model
        self._model_packages = Path(site.getsitepackages([str(model)])[0])

    @property
    def running(self) -> str:
        """The name of the environment that the services start from."""
        try:
            return self._link.readlink().name
        except OSError:
            return INSTALLED

    def firmware_of(self, name: str) -> str:
        """Return what tells the firmware of an environment from others; empty for what no bundle brought."""
        try:
            return (self._folder / name / _STAMP_NAME).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return ""

    def has(self, name: str, firmware: str) -> bool:
        """Tell whether an environment is there, whole, with this firmware."""
        return (self._folder / name).is_dir() and self.firmware_of(name) == firmware

    def make(self, wheels: Wheelhouse, firmware: str, on_percent: Callable[[int], None]) -> str:
        """Make an environment beside the one that runs, and return its name; whatever had it before is gone.

        Args:
            wheels: of a signer whose firmware is trusted.
            firmware: what tells it from others.
            on_percent: told how much of it is there, while that takes minutes.

        Raises:
            WheelError: one of them is no wheel.
            OSError: the disk is full, read-only or broken.
        """
        name = next(name for name in _NAMES if name != self.running)
        target = self._folder / name
        # Without its stamp it is not whole, wherever this is cut off.
        (target / _STAMP_NAME).unlink(missing_ok=True)
        if target.exists():
            sync_folder(target)
            shutil.rmtree(target)
        packages = target / self._model_packages.relative_to(self._model)
        packages.mkdir(mode=0o755, parents=True)
        self._make_skeleton(target, packages)
        share = Share(wheels.size_bytes, on_percent)
        for wheel in wheels.opened():
            for path, packed_bytes in unpack(wheel, packages):
                # Whoever runs it cannot write here, and would compile it at each start.
                compileall.compile_file(path, quiet=2)
                share.add(packed_bytes)
        self._flush()
        replace_durably(target / _STAMP_NAME, firmware.encode("ascii"), replace=_readable)
        return name

    def switch(self, name: str) -> None:
        """Have the services start from another environment from now on; one that is gone is not chosen.

        Raises:
            OSError: the disk is full, read-only or broken; the link is as it was.
        """
        if not (self._folder / name).is_dir():
            name = INSTALLED
        if name == self.running:
            return
        draft = self._link.with_name(".venv.new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(f"environments/{name}")
        draft.replace(self._link)
        sync_folder(self._link.parent)

    def _make_skeleton(self, target: Path, packages: Path) -> None:
        """Make what an interpreter takes for a virtual environment (PEP 405), as the model is one."""
        commands = target / "bin"
        commands.mkdir()
        for path in (self._model / "bin").glob("python*"):
            if path.is_symlink():
                (commands / path.name).symlink_to(path.readlink())
        shutil.copyfile(self._model / "pyvenv.cfg", target / "pyvenv.cfg")
        (packages / _PATHS_NAME).write_text(f"{self._model_packages}\n", encoding="utf-8")
        command = commands / "wecall"
        command.write_text(
            f"#!{commands / 'python'}\nimport sys\n\nfrom firmware.cli import main\n\nsys.exit(main())\n",
            encoding="utf-8",
        )
        command.chmod(0o755)


def _readable(draft: Path, target: Path) -> None:
    draft.chmod(0o644)
    draft.replace(target)
