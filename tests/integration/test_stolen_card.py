"""A thief has a handset's whole card, the host's own secret included, and reads what can be read of it.

The handset is the real process, on an ext4 file system in an image; its credential is the real `systemd-creds`'. What
was planted is looked for in every byte of the image, and with every key that can be found in it.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.calls import CallDirection
from contract.consent import Purpose
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.contact import Contact, ContactNumber
from firmware.phone.pin import Guard
from firmware.pictures.pixels import Pixels
from firmware.ports.recording import SoundFormat
from firmware.store.key_wrap import HostKeys, load_host_keys, stretch
from firmware.store.keyring import PASSES, pin_memory_kib
from tests.lab.card import Card
from tests.lab.guarded_store import GuardedStore
from tests.lab.handset import Handset
from tests.lab.person import Person
from tests.lab.pin_at_start import switch_on
from tests.lab.stage import Stage
from tests.lab.thief import Thief

# Looking through every byte computes for a while, and longer where others compute too.
pytestmark = pytest.mark.timeout(300)

PIN = "258036"
BOARD = bytes(range(100, 132))
DIALLED = "0305550117"
EMERGENCY = "999"
SPOKEN = "the words of a call, as a codec would pack them"
DELETED = ("Deleted Dorothea", "+49305550119", "a message that was deleted", "spoken and then deleted")
PLANTED = (
    "Planted Penelope",
    "+49305550114",
    "a text message that was planted",
    "Picture of Penelope",
    DIALLED,
    SPOKEN,
    *DELETED,
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    with stage.heard_here():
        stage.start(handset=False)
        try:
            yield stage
        finally:
            stage.stop()


class Installed:
    """A handset on a card; what systemd decrypts for it is in memory, as it would be."""

    def __init__(self, stage: Stage, root: Path, memory: Path) -> None:
        assert stage.pulse is not None
        assert stage.handset.configuration is not None
        self.memory = memory
        self.credentials = {"CREDENTIALS_DIRECTORY": str(memory)}
        folder = root / "var/lib/wecall"
        self.handset = Handset(folder, stage.handset.configuration, stage.pulse.environment | self.credentials)

    @property
    def host(self) -> HostKeys:
        """What the machine has."""
        state_dir = self.handset.state_dir
        return load_host_keys(state_dir / "store.key", state_dir / "store.db", self.credentials)


def install(stage: Stage, root: Path, memory: Path, *, chip: bool) -> Installed:
    """Put on a card what an installer does, and a handset; what a chip keeps is not on the card."""
    for name in ("etc/wecall/credentials", "var/lib/systemd", "var/lib/wecall"):
        (root / name).mkdir(parents=True)
    memory.mkdir()
    (memory / "store-key").write_bytes(os.urandom(32))
    host_secret = (memory if chip else root / "var/lib/systemd") / "credential.secret"
    sealed = root / "etc/wecall/credentials/store-key"
    for command in (["setup"], ["encrypt", "--with-key=host", "--name=store-key", memory / "store-key", sealed]):
        environment = {"SYSTEMD_CREDENTIAL_SECRET": str(host_secret)}
        subprocess.run(["systemd-creds", *command], env=environment, check=True, capture_output=True)
    if chip:
        (memory / "key-protection").write_bytes(b"tpm")
    return Installed(stage, root, memory)


async def plant(installed: Installed) -> None:
    """Write into the store of a handset that does not run what its holder would keep there, and delete some of it."""
    lab = GuardedStore(installed.handset.state_dir, installed.host)
    await lab.start()
    await lab.consents.grant(Purpose.RECORDING)
    name, number, text, title, _, spoken = PLANTED[:6]
    for who, where in ((name, number), DELETED[:2]):
        contact = await lab.contacts.save(Contact(0, who, (ContactNumber(where),)))
        if who in DELETED:
            await lab.contacts.remove(contact.contact_id)
    for index, words in enumerate((text, DELETED[2])):
        message = TextMessage(f"{index:032x}", CallDirection.INCOMING, CallerId(number), words)
        await lab.messages.keep(message)
        if words in DELETED:
            await lab.messages.delete(message.message_id)
    await lab.pictures.add(title, Pixels(2, 2, b"\xff\0\0" * 4))
    for words in (spoken, DELETED[3]):
        call_id = await lab.make_call(number)
        recording_id, writer = await lab.recordings.begin(call_id, number, name, SoundFormat.OPUS)
        for second in range(3):
            await asyncio.to_thread(writer.write, words.encode(), 16_000 * (second + 1))
        await asyncio.to_thread(writer.finish)
        await lab.recordings.end(recording_id, complete=True, lost_s=0)
        if words in DELETED:
            await lab.recordings.delete(recording_id)
    await lab.stop()


@asynccontextmanager
async def running(handset: Handset) -> AsyncIterator[Person]:
    """Run a handset and leave it without a farewell, as a pulled plug would."""
    handset.start(sync=False)
    try:
        async with Person(handset) as person:
            await person.wait_for_line()
            yield person
    finally:
        handset.cut_power()
        handset.simulator.kill()


async def dial(person: Person, number: str) -> None:
    """Call somebody who is not there."""
    await person.lift()
    await person.send(number)
    await person.wait_for_mode("call_ended")
    await person.hang_up()


async def use(installed: Installed, guard: Guard | None) -> None:
    """Run the handset as its holder would: with calls, with the guard, and with the plug pulled every time."""
    async with running(installed.handset) as person:
        await dial(person, DIALLED)
    await plant(installed)
    if guard is Guard.BOARD:
        (installed.memory / "board-key").write_bytes(BOARD)
    async with running(installed.handset) as person:
        if guard is Guard.PIN:
            await switch_on(person, PIN)
        await dial(person, DIALLED)
        # A change of the store's key has come to its end where the doctor knows of the guard.
        await person.wait_for(lambda status: status["store"] == "open")
    async with running(installed.handset) as person:
        if guard is Guard.PIN:
            # Nobody has typed the PIN: what happens now is kept beside the store.
            await person.wait_for(lambda status: "until the holder's PIN" in status["store"])
            await person.dial(EMERGENCY)
            await person.lift()
            await person.wait_for_mode("call_ended")
            await person.hang_up()


@pytest.fixture(params=[None, *Guard], ids=lambda guard: guard or "unguarded")
async def stolen(
    request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Guard | None, Thief]:
    """A card that was used with one guard or none, in the hands of a thief."""
    guard: Guard | None = request.param
    # Short: what is in there are sockets too, and a path to one has 107 letters at most.
    folder = tmp_path_factory.mktemp("card")
    card = Card(folder / "card")
    with card.mounted() as root:
        installed = install(stage, root, folder / "memory", chip=guard is Guard.TPM)
        await use(installed, guard)
    return guard, Thief(card, folder / "loot")


def test_nothing_planted_stands_in_any_byte_of_the_card(stolen: tuple[Guard | None, Thief]) -> None:
    guard, thief = stolen
    assert thief.finds(PLANTED) == []
    # The thief can read: the configuration is no secret, and says where the handset registers.
    assert thief.finds(["[[accounts]]"]) == ["[[accounts]]"]

    keys = thief.store_keys()
    if guard is None:
        kept = [word for word in PLANTED if word not in DELETED]
        assert thief.reads(PLANTED, keys) == kept, "the card opens without a guard; where it does not, say so"
        return
    assert thief.reads(PLANTED, keys) == []
    if guard is not Guard.TPM:
        assert thief.credential() is not None, "the host's secret was not on the card, so nothing is shown"
        assert thief.wraps(), "no file of keys was found, so none was tried"
        assert all(guard in wrap.guards for wrap in thief.wraps()), "what was sealed without the guard is still there"
    match guard:
        case Guard.PIN:
            assert thief.reads(PLANTED, thief.store_keys(pin=PIN)), "the thief would not open it with the PIN either"
        case Guard.BOARD:
            assert thief.reads(PLANTED, thief.store_keys(board=BOARD)), (
                "the thief would not open it on the board either"
            )


def test_how_long_it_takes_to_try_all_pins_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    memory_kib = pin_memory_kib(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024)
    # Of the processor alone: whoever guesses has nothing else to do.
    began_s = time.process_time()
    stretch("000000", memory_kib, PASSES)
    guess_s = time.process_time() - began_s
    with capsys.disabled():
        sys.stdout.write(f"\nEach guess of a PIN takes {guess_s:.2f} s and {memory_kib // 1024} MiB here.\n")
        for digits in (4, 6, 8):
            days = guess_s * 10**digits / 86_400
            sys.stdout.write(f"  All PINs of {digits} digits on one core: {days:,.1f} days.\n")
    assert guess_s > 0.05, "guessing is too quick for the PIN to protect anything"
