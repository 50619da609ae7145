"""A card below a folder, as root's service for updates sees it: files are real, RAUC and the power are played."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from contract.results import OutcomeCode
from firmware.base.proven_time import ProvenTime
from firmware.setup.root.boot.choice import GRUB, BootChoice, Marks, Slot
from firmware.setup.root.machine import Machine
from firmware.setup.root.record import Record, write_record
from firmware.setup.root.update.card import read_card, read_start
from firmware.setup.root.update.memory import Memory, read_memory
from firmware.setup.root.update.messages import UpdateOutcome, UpdateRequest, UpdateWish
from firmware.setup.root.update.rauc import Rauc
from firmware.setup.root.update.release import Announcements, Prove, ReleaseTrust
from firmware.setup.root.update.work import Context, Ended, UpdateWork
from provisioning.release_keys import ReleaseKeys, sign_release_keys
from provisioning.section import Section
from provisioning.signed import Statement, sign
from provisioning.trust import Kind, TrustedKey
from tests.fakes.boot_firmware import BOTH, PcFirmware, first_that_loads
from tests.lab.bundles import FLEET, ISSUED
from tests.lab.root_machine import configuration

COMPATIBLE: Final = "wecall-handset-amd64"
ROOT_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
OPERATOR: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35)))
GIB: Final = 1 << 30


def hash_of(version: str) -> str:
    """Return what stands for the hash of a version's manifest."""
    return version.encode().hex().ljust(64, "0")


def certificate(name: str = "release", key: ec.EllipticCurvePrivateKey | None = None, **validity: datetime) -> str:
    """Return a certificate that signs releases, in PEM; `begins` and `ends` say from when until when it is valid."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(validity.get("begins", datetime(2020, 1, 1, tzinfo=UTC)))
        .not_valid_after(validity.get("ends", datetime(2120, 1, 1, tzinfo=UTC)))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


CERTIFICATE: Final = certificate()


def release_keys(number: int = 1, certificates: Sequence[str] = (CERTIFICATE,), **changes: Any) -> bytes:
    """Return a signed list of release keys; keywords change it."""
    values = {"number": number, "issued_at": ISSUED, "certificates": tuple(certificates), "security_floor": "0.1"}
    return sign_release_keys(ReleaseKeys.model_validate(values | changes), ROOT_KEY)


def announcement(version: str = "2.0", number: int = 1, bundle: dict[str, Any] | None = None, **changes: Any) -> bytes:
    """Return a signed document that announces a version; keywords change what it says of the release."""
    said = {
        "compatible": COMPATIBLE,
        "address": "https://updates.example/2.0.raucb",
        "size_bytes": 1000,
        "manifest_sha256": hash_of(version),
    }
    content = {
        "version": version,
        "kind": "security",
        "not_before": ISSUED.isoformat(),
        "bundles": [said | (bundle or {})],
    }
    statement = Statement.model_validate(
        {
            "number": number,
            "fleet": FLEET,
            "issued_at": ISSUED,
            "not_after": datetime(2027, 1, 1, tzinfo=UTC),
            "content": content | changes,
        }
    )
    return sign(Kind.UPDATE, statement, OPERATOR)


class Power(Section):
    """How the machine was started last."""

    slot: Slot = Slot.A
    number: int = 1
    by_watchdog: bool = False
    as_trial: bool = False


class UpdateMachine:
    """The card. Version 1.0 is installed and runs from A.

    Attributes:
        root: what its absolute paths begin at.
        commands: the programs that were run, with their arguments.
        offered: what RAUC finds where it looks: a version, or what it says instead.
        install_fails: what RAUC says in place of writing; empty where it writes.
        writes: the hash that RAUC notes in place of what it was to write; empty for the right one.
        answers: what programs write, by the beginnings of their command lines; None for those that fail.
        wanted: what the fetcher was told, each time that it was started.
        power: how the machine was started last.
        when_waiting: called when root waits until a call is over.
        when_fetching: called when the fetcher was started.
        knows_trials: the bootloader is new enough to try a system.
    """

    knows_trials = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[str] = []
        self.offered = "2.0"
        self.compatible = COMPATIBLE
        self.install_fails = ""
        self.writes = ""
        self.free_bytes = GIB
        self.now_s = ISSUED.timestamp
        self.when_waiting: Callable[[], None] = lambda: None
        self.when_fetching: Callable[[], object] = lambda: None
        self.prove: Prove = lambda _proof, _facts: None
        self.answers: dict[str, str | None] = {}
        self.wanted: list[dict[str, Any]] = []
        self.machine = Machine(root, self._run, lambda: None)
        if not self.machine.state.exists():
            self._make()
        else:
            self.power = Power.model_validate_json((root / "power.json").read_bytes())

    def _make(self) -> None:
        for folder in ("var/lib/wecall-apply", "run/wecall-update", "run/wecall-fetch", "etc/wecall", "usr/lib/wecall",
                       "proc/sys/kernel/random", "sys/class/watchdog/watchdog0"):  # fmt: skip
            (self.root / folder).mkdir(parents=True)
        self.power = Power()
        self._note_power()
        self.call_mark.parent.mkdir()
        (self.root / "usr/share/wecall/release").mkdir(parents=True)
        (self.root / "boot/grub").mkdir(parents=True)
        (self.root / "slots").mkdir()
        (self.root / "slots/A").write_text("1.0")
        self.boot_file.write_bytes(GRUB.content(Marks(Slot.A, None)))
        self.root.joinpath("usr/share/wecall/release/root.pub").write_bytes(
            base64.b64encode(ROOT_KEY.public_key().public_bytes_raw()) + b"\n"
        )
        self.image_list(release_keys())
        self.boot_image("1.0")
        operator = base64.b64encode(OPERATOR.public_key().public_bytes_raw()).decode()
        trusted = TrustedKey(public=operator, signs=frozenset({Kind.UPDATE}))
        self.machine.configuration.write_bytes(configuration())
        write_record(self.machine.state, Record(pins=(trusted,), fleet=FLEET))

    def _note_power(self) -> None:
        (self.root / "power.json").write_text(self.power.model_dump_json())
        (self.root / "proc/sys/kernel/random/boot_id").write_text(f"start {self.power.number}\n")
        (self.root / "sys/class/watchdog/watchdog0/bootstatus").write_text("32" if self.power.by_watchdog else "0")

    def image_list(self, content: bytes) -> None:
        """Give the image that runs a list of release keys."""
        (self.root / "usr/share/wecall/release/release-keys").write_bytes(content)

    def boot_image(self, version: str) -> None:
        """Have the image that runs be of a version."""
        said = {"version": version, "compatible": COMPATIBLE}
        (self.root / "usr/lib/wecall/image.json").write_text(json.dumps(said))

    # --- the machine ---

    @property
    def slot(self) -> Slot:
        """The slot that runs."""
        return self.power.slot

    @property
    def boot_file(self) -> Path:
        """What the bootloader reads."""
        return self.root / "boot/grub/slot.env"

    @property
    def call_mark(self) -> Path:
        """What the handset has there while a call is on."""
        return self.root / "run/wecall/in-call"

    def fetched(self, received_bytes: int, code: str = "") -> None:
        """Have the fetcher say how far it has come."""
        news = {"received_bytes": received_bytes, "code": code}
        (self.root / "run/wecall-fetch/news.json").write_text(json.dumps(news))

    @property
    def memory(self) -> Memory:
        """What root remembers."""
        return read_memory(self.machine.state)

    @property
    def state(self) -> dict[str, Any]:
        """What everybody may read."""
        said: dict[str, Any] = json.loads((self.root / "run/wecall-update/state.json").read_bytes())
        return said

    @contextmanager
    def boot(self) -> Iterator[BootChoice]:
        """Give the bootloader's choice."""
        yield BootChoice(
            GRUB, self.root / "boot", self.slot, as_trial=self.power.as_trial, knows_trials=self.knows_trials
        )

    def start(self, *, by_watchdog: bool = False, recovers: bool = True) -> UpdateWork:
        """Start the machine anew, as systemd/grub.cfg chooses; root's service goes on, unless it does not even run."""
        started = first_that_loads(PcFirmware().decide(self.root / "boot"), BOTH)
        assert started is not None
        slot = started.slot
        self.power = Power(slot=slot, number=self.power.number + 1, by_watchdog=by_watchdog, as_trial=started.as_trial)
        self._note_power()
        # What a power cut does to a folder in memory.
        for path in (self.root / "run/wecall-update").iterdir():
            path.unlink()
        self.boot_image(self.slot_file(slot))
        return self.recovered() if recovers else self.work()

    def recovered(self) -> UpdateWork:
        """Return root's work, once it has gone on from whatever was cut off."""
        work = self.work()
        work.recover()
        return work

    def work(self) -> UpdateWork:
        """Return root's work, as after each start of its service."""
        return UpdateWork(
            Context(
                machine=self.machine,
                card=read_card(self.machine, lambda: "1.0"),
                boot=self.boot,
                start=read_start(self.machine, self.boot),
                rauc=Rauc(self._program),
                trust=ReleaseTrust(self.machine),
                announcements=Announcements(self.machine, ProvenTime(self.root / "none", self.now_s, lambda: False, 0)),
                prove=self.prove,
                free_bytes=lambda _folder: self.free_bytes,
                sleep=lambda _seconds: self.when_waiting(),
            )
        )

    def install(self, version: str = "2.0", work: UpdateWork | None = None, **request: Any) -> Ended:
        """Have a version installed from a stick, or as keywords of the request say."""
        self.offered = version
        descriptor = None if "message" in request else 0
        wish = UpdateRequest(wish=UpdateWish.INSTALL, **request)
        return (work or self.work()).install(wish, descriptor, lambda _percent: None)

    def install_announced(self, document: bytes, version: str = "2.0", **request: Any) -> Ended:
        """Have a version installed that a document has announced."""
        return self.install(version, message=base64.b64encode(document).decode(), **request)

    def on_trial(self, version: str = "2.0") -> UpdateWork:
        """Have a version installed and started."""
        assert self.install(version) == (UpdateOutcome.DONE, OutcomeCode.INSTALLED)
        assert self.work().start_trial() == (UpdateOutcome.DONE, "")
        return self.start()

    def slot_file(self, slot: Slot) -> str:
        """Return what version is in a slot; empty where it is not whole."""
        path = self.root / "slots" / slot
        return path.read_text() if path.exists() else ""

    # --- programs ---

    def _run(self, *command: str) -> str | None:
        line = " ".join(command)
        self.commands.append(line)
        if line == "systemctl restart wecall-fetch.service":
            self.wanted.append(json.loads((self.root / "run/wecall-update/wanted.json").read_bytes()))
            self.when_fetching()
        return next((said for beginning, said in self.answers.items() if line.startswith(beginning)), "")

    def _program(self, command: Sequence[str], on_line: Callable[[str], None]) -> int:
        line = " ".join(command)
        self.commands.append(line)
        if "InspectBundle" in line:
            return self._inspect(on_line)
        if line.startswith("rauc install"):
            return self._write(on_line)
        on_line(json.dumps({"slots": self._slots()}))
        return 0

    def _inspect(self, on_line: Callable[[str], None]) -> int:
        if " " in self.offered:
            on_line(f"Call failed: {self.offered}")
            return 1
        update = {"version": {"type": "s", "data": self.offered}, "compatible": {"type": "s", "data": self.compatible}}
        said = {
            "update": {"type": "v", "data": {"type": "a{sv}", "data": update}},
            "manifest-hash": {"type": "s", "data": hash_of(self.offered)},
        }
        on_line(json.dumps({"type": "a{sv}", "data": [said]}))
        return 0

    def _write(self, on_line: Callable[[str], None]) -> int:
        path = self.root / "slots" / self.slot.other
        path.unlink(missing_ok=True)
        on_line("installing")
        on_line(" 40% Copying image to rootfs.1")
        if self.install_fails:
            on_line(f"LastError: {self.install_fails}")
            return 1
        path.write_text(self.offered)
        on_line("100% Installing done.")
        return 0

    def _slots(self) -> list[dict[str, Any]]:
        slots: list[dict[str, Any]] = []
        for number, slot in enumerate(Slot):
            version = self.slot_file(slot)
            status = {"bundle": {"hash": self.writes or hash_of(version)}, "status": "ok" if version else "pending"}
            common = {"slot_status": status}
            slots.append({f"rootfs.{number}": {"bootname": str(slot), "parent": None, **common}})
            slots.append({f"boot.{number}": {"bootname": None, "parent": f"rootfs.{number}", **common}})
        return slots
