"""The folder of configurations that bundles brought, and the one file that says which of them counts.

    <state_dir>/provisioning/
        proven-time               how late it is at least (see firmware/base/proven_time.py)
        standing.json             what counts, what is tried, what became of the last bundle (see standing.py)
        identity/                 the handset's own keys (see identity.py)
        incoming/<offer>          a bundle that is coming in
        configurations/<number>/  config.toml, its files, secrets.sealed, secrets.opened (the digest of what a code has
                                  opened); bundle.wecall until all in it is taken in

Everything may be cut off anywhere: a folder of a configuration is made whole under another name first, and nothing but
the one file says that it counts. What belongs to nothing is swept away at the next start.
"""

import logging
import os
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from firmware.base.durable import replace_durably, shred, sync_folder
from firmware.base.proven_time import NAME as PROVEN_TIME_NAME
from firmware.configuration.standing import MOST_TRIES, Candidate, Ended, Standing
from provisioning.report import Check

_log = logging.getLogger(__name__)

FOLDER_NAME: Final = "provisioning"
BUNDLE_NAME: Final = "bundle.wecall"
CONFIGURATION_NAME: Final = "config.toml"
SECRETS_NAME: Final = "secrets.sealed"
OPENED_NAME: Final = "secrets.opened"
IDENTITY_NAME: Final = "identity"
SEALING_KEY: Final = Path(IDENTITY_NAME, "sealing.key")
BROKER_KEY: Final = Path(IDENTITY_NAME, "broker.key")
"""The handset's own keys, in the folder of all that bundles are about."""
_STANDING_NAME: Final = "standing.json"
_INCOMING_NAME: Final = "incoming"
_CONFIGURATIONS_NAME: Final = "configurations"
# Names that are no numbers: what is being made, and what is being deleted.
_DRAFT_PREFIX: Final = ".new-"
_REFUSE_PREFIX: Final = ".old-"


class ConfigStore:
    """Knows the configurations that bundles brought; every method may be called from any thread.

    Methods that change something raise OSError where the card cannot be written, and then nothing has changed.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / FOLDER_NAME
        self._lock = threading.RLock()
        self._standing: Standing | None = None
        self._is_readable = True

    @property
    def folder(self) -> Path:
        """Where everything of it is."""
        return self._folder

    @property
    def standing(self) -> Standing:
        """What counts now."""
        with self._lock:
            if self._standing is None:
                self._standing = self._read()
            return self._standing

    def folder_of(self, number: int) -> Path:
        """Return where a configuration is."""
        return self._folder / _CONFIGURATIONS_NAME / str(number)

    def draft_of(self, offer: str) -> Path:
        """Return where a bundle is put while it comes in; the folder is made."""
        incoming = self._folder / _INCOMING_NAME
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        return incoming / offer

    def stage(self, number: int, draft: Path, files: Mapping[str, bytes]) -> None:
        """Put a configuration's folder beside those that count, with the bundle that it is from.

        Args:
            number: of the bundle.
            draft: the bundle's file; it is moved.
            files: what else is to lie in the folder, by path.
        """
        with self._lock:
            target = self.folder_of(number)
            made = target.with_name(f"{_DRAFT_PREFIX}{number}")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in (target, made):
                self._clear_away(leftover)
            made.mkdir(mode=0o700)
            for name, content in files.items():
                path = made / name
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _write(path, content)
            for folder in {(made / name).parent for name in files}:
                sync_folder(folder)
            draft.rename(made / BUNDLE_NAME)
            sync_folder(made)
            made.rename(target)
            sync_folder(target.parent)
            sync_folder(self._folder)

    def begin_trial(self, candidate: Candidate) -> None:
        """From the next start on, run with this configuration until it is kept or given up."""
        self._change(lambda standing: standing.trying(candidate))

    def take_up_trial(self) -> Candidate | None:
        """Return what this start of the handset is to try, and count that; None where nothing is.

        One that was begun so often that the handset must have died of it is not begun again.
        """
        with self._lock:
            trial = self.standing.trial
            if trial is None or trial.tries >= MOST_TRIES:
                return None
            trial = trial.model_copy(update={"tries": trial.tries + 1})
            self._change(lambda standing: standing.trying(trial))
            return trial

    def keep(self, at_s: float, checks: tuple[Check, ...]) -> None:
        """Let what is tried count from now on."""
        self._change(lambda standing: standing.keeping(at_s, checks))

    def end(self, ended: Ended) -> None:
        """Be done with a bundle: what was kept counts on, what was tried and not kept is gone."""
        self._change(lambda standing: standing.ending(ended))
        try:
            self.sweep_configurations()
        except OSError as error:
            _log.warning("What does not count any more cannot be deleted: %s", error.strerror)

    def note_told(self) -> None:
        """Write down that the phone has heard what became of the last bundle."""
        self._change(lambda standing: standing.noting(told=True))

    def note_refused(self, digest: str) -> None:
        """Write down that the operator is being told that a bundle is refused, by its SHA-256."""
        self._change(lambda standing: standing.refusing(digest))

    def note_outcome(self) -> None:
        """Write down that the operator is being told what became of the last bundle."""
        self._change(lambda standing: standing.noting(outcome_due=False))

    def forget_bundle(self, number: int) -> None:
        """Delete a bundle that has brought all that is in it; its configuration stays."""
        folder = self.folder_of(number)
        (folder / BUNDLE_NAME).unlink(missing_ok=True)
        sync_folder(folder)

    def forget_bundles(self) -> None:
        """Delete every bundle of which something is still to be taken in, and those that are coming in."""
        with self._lock:
            for bundle in self._folder.glob(f"{_CONFIGURATIONS_NAME}/*/{BUNDLE_NAME}"):
                shred(bundle)
                sync_folder(bundle.parent)
            for draft in self._folder.glob(f"{_INCOMING_NAME}/*"):
                shred(draft)

    def forget_operator(self) -> None:
        """Be as new to whoever brings the next bundle: none counts, and none was had; the handset's own keys stay."""
        with self._lock:
            if not self._folder.is_dir():
                return
            # From here on nothing counts, wherever this is cut off.
            for name in (_STANDING_NAME, PROVEN_TIME_NAME):
                (self._folder / name).unlink(missing_ok=True)
            sync_folder(self._folder)
            self._standing = None
            self.sweep()

    def sweep(self) -> None:
        """Delete what belongs to nothing any more: drafts, and configurations that neither count nor may come back."""
        incoming = self._folder / _INCOMING_NAME
        if incoming.is_dir():
            for path in incoming.iterdir():
                path.unlink()
        self.sweep_configurations()

    def sweep_configurations(self) -> None:
        """Delete the configurations that neither count nor may come back; none where nobody knows which those are."""
        with self._lock:
            standing = self.standing
            if not self._is_readable:
                return
            numbers = {kept.number for kept in standing.kept}
            numbers |= {number for number in (standing.active, _number(standing.candidate)) if number is not None}
            self._delete_all_but({str(number) for number in numbers})

    def _delete_all_but(self, known: Collection[str]) -> None:
        folder = self._folder / _CONFIGURATIONS_NAME
        if folder.is_dir():
            for path in folder.iterdir():
                if path.name not in known:
                    self._clear_away(path)

    def _clear_away(self, path: Path) -> None:
        """Delete a folder so that it is never there in part under the name of a configuration."""
        if not path.is_dir():
            return
        if not path.name.startswith(_REFUSE_PREFIX):
            refuse = path.with_name(_REFUSE_PREFIX + path.name)
            self._clear_away(refuse)
            path.rename(refuse)
            path = refuse
        shred(path / SECRETS_NAME)
        _delete_folder(path)
        sync_folder(path.parent)

    def _change(self, step: Callable[[Standing], Standing]) -> None:
        with self._lock:
            changed = step(self.standing)
            if changed == self.standing:
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_durably(self._folder / _STANDING_NAME, changed.model_dump_json(indent=1).encode())
            self._standing, self._is_readable = changed, True

    def _read(self) -> Standing:
        path = self._folder / _STANDING_NAME
        self._is_readable = True
        try:
            return Standing.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Standing()
        except (OSError, ValidationError) as error:
            _log.error("Which bundle's configuration counts cannot be read from %s: %s", path, type(error).__name__)
            self._is_readable = False
            return Standing()


def _number(candidate: Candidate | None) -> int | None:
    return candidate.number if candidate is not None else None


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _delete_folder(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            _delete_folder(path)
        else:
            path.unlink()
    folder.rmdir()
