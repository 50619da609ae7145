"""A copy on a stick comes back on a replacement phone: by its words, by keys and by command, and whatever is killed."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from contract.calls import CallDirection
from contract.consent import Purpose
from firmware.cli import main
from firmware.phone.call import CallerId, TextMessage
from firmware.phone.preferences import Preferences
from firmware.phone.text_entry import _LETTERS
from firmware.ports.recording import SoundFormat
from firmware.services.account.factory_reset import KEY_NAME
from firmware.services.restore.lines import WORDS
from firmware.store.key_wrap import load_host_keys
from firmware.store.recordings import FOLDER_NAME
from tests.lab import chance
from tests.lab.by_keys import choose, prove
from tests.lab.guarded_store import GuardedStore
from tests.lab.handset import Handset
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.stage import Stage
from tests.unit.services.restore.test_restorer import copied, everything, record

PIN = "258036"
KILLS = chance.counted(40, 2)
LONGEST_S = 2.0
"""Within this time a copy is back."""
pytestmark = [pytest.mark.timeout(60 + 30 * KILLS), pytest.mark.soak]

SETTINGS = Preferences(speed_dials=(("2", "1001"),), blocked=("+442079460000",), allowed=("1001",))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything but handsets."""
    stage = Stage(tmp_path_factory.mktemp("stage"))
    stage.start(handset=False)
    try:
        yield stage
    finally:
        stage.stop()


async def opened(handset: Handset) -> GuardedStore:
    """Open the store of a handset that does not run."""
    handset.prepare()
    host = load_host_keys(handset.state_dir / KEY_NAME, handset.state_dir / "store.db", {})
    lab = GuardedStore(handset.state_dir, host)
    await lab.start()
    return lab


async def replacement(stage: Stage, name: str) -> Handset:
    """Return a phone whose holder has a PIN, and agreed to imports and recordings."""
    handset = stage.new_handset(name)
    lab = await opened(handset)
    await lab.pin.set(PIN)
    await lab.consents.grant(Purpose.RECORDING)
    await lab.stop()
    return handset


async def kept(handset: Handset) -> Any:
    """Return what a handset that does not run has kept of whatever a copy holds."""
    lab = await opened(handset)
    try:
        return await everything(lab)
    finally:
        await lab.stop()


def holds_something(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


async def plug_in(handset: Handset, stick: Path) -> None:
    runtime_dir = str(handset.folder / "run")
    command = ["-m", "firmware.cli", "stick", str(stick), "--runtime-dir", runtime_dir]
    for more in ((), ("--part", "leave", "--outgoing", str(stick))):
        process = await asyncio.create_subprocess_exec(sys.executable, *command, *more)
        assert await asyncio.wait_for(process.wait(), 60) == 0


async def write(person: Person, text: str) -> None:
    """Type small letters and spaces; a volume key says that the next one may be of the same key."""
    for letter in text:
        if letter == " ":
            await person.press("#")
            continue
        [(key, letters)] = [(key, letters) for key, letters in _LETTERS.items() if letter in letters]
        await person.dial(key.value[-1] * (letters.index(letter) + 1))
        await person.press("volume_down")


async def takes_a_copy(person: Person) -> list[str]:
    """Have a copy made that drawn words lock, and return them as they were written down."""
    await choose(person, "8921", "Privacy", "My data", "A copy")
    await prove(person, PIN)
    words: list[str] = []
    while len(words) < WORDS:
        title = f"Word {len(words) + 1} of {WORDS}. "
        await person.wait_until(lambda page, title=title: title in page.state["text"], 30)  # type: ignore[misc]
        words.append(person.state["text"].partition(title)[2])
        await person.press("ok")
    await person.reads_the_beginning_of("In this order, with spaces.")
    await person.press("ok")
    await person.wait_until(lambda page: page.state["text"].startswith("Word "), 30)
    asked = int(person.state["text"].split()[1])
    await write(person, words[asked - 1])
    await person.press("ok")
    await person.reads_the_beginning_of("Ready: plug a stick in within 10 minutes.")
    return words


async def brings_back(person: Person, stick: Path, handset: Handset, words: list[str]) -> str:
    """Bring a copy back by four letters of each word, and return what the phone says of it."""
    await choose(person, "8924", "Privacy", "My data", "A copy")
    await prove(person, PIN)
    await person.wait_until(lambda page: "Words, 4 letters" in page.state["text"], 30)
    await write(person, " ".join(word[:4] for word in words))
    await person.press("ok")
    await person.wait_until(lambda page: "Now plug in" in page.state["text"], 30)
    await plug_in(handset, stick)
    said = ("The copy is back.", "Nothing was changed.")
    await person.wait_until(lambda page: any(each in page.state["text"] for each in said), 30)
    text: str = person.state["text"]
    await person.press("menu")
    return text


@pytest.fixture(scope="module")
def old(stage: Stage) -> Handset:
    """The phone that a copy is taken of, which does not run."""
    handset = stage.new_handset("old")

    async def use() -> None:
        lab = await opened(handset)
        await lab.consents.grant(Purpose.RECORDING)
        await lab.add_contact("Anna", ["1001"])
        await lab.add_contact("张伟", ["+8613800138000"])
        await lab.messages.keep(
            TextMessage("a" * 32, CallDirection.INCOMING, CallerId("1001", "Anna"), "Lunch?", lab.wall_s, read=True)
        )
        await lab.preferences.save(SETTINGS)
        for _ in range(5):
            lab.wall_s += 60
            await record(lab, SoundFormat.FLAC)
        await lab.pin.set(PIN)
        await lab.stop()

    asyncio.run(use())
    return handset


@pytest.mark.feature("own copy")
async def test_what_a_stick_took_from_one_phone_comes_back_on_another_by_its_words(
    stage: Stage, old: Handset, tmp_path: Path
) -> None:
    (stick := tmp_path / "stick").mkdir()
    await asyncio.to_thread(old.start, sync=False)
    async with Person(old) as person:
        await person.wait_for_line()
        words = await takes_a_copy(person)
        await plug_in(old, stick)
    await asyncio.to_thread(old.stop)
    new = await replacement(stage, "new")
    await asyncio.to_thread(new.start, sync=False)
    async with Person(new) as person:
        await person.wait_for_line()
        said = await brings_back(person, stick, new, words[::-1])
        assert "These are not the words of this copy. Nothing was changed." in said
        assert "Anna" not in await asyncio.to_thread(new.command, "contacts", "list")
        said = await brings_back(person, stick, new, words)
        assert "2 contacts. 1 message. 5 recordings. Your settings." in said
    [copy] = stick.glob("*.tar.age")
    run = ["mydata", "import", str(copy), "--runtime-dir", str(new.folder / "run")]
    again = await asyncio.to_thread(CliRunner().invoke, main, run, input=f"{PIN}\n{' '.join(words)}\n")
    assert "Back are 0 contacts, 0 messages, 0 pictures, 0 recordings." in again.output
    await asyncio.to_thread(new.stop)
    assert await kept(new) == await kept(old)


async def test_a_phone_that_is_killed_while_a_copy_comes_back_has_all_of_it_once_it_is_brought_again(
    stage: Stage, old: Handset, tmp_path: Path
) -> None:
    lab = await opened(old)
    [archive] = await copied(lab, tmp_path)
    await lab.stop()
    (copy := tmp_path / "copy.tar").write_bytes(archive)
    whole, cut_off, dice = await kept(old), 0, chance.dice()
    for number in range(KILLS):
        handset = await replacement(stage, f"killed {number}")
        run = ["mydata", "import", str(copy), "--runtime-dir", str(handset.folder / "run")]
        files = handset.state_dir / FOLDER_NAME

        async def bring(run: list[str] = run) -> Result:
            return await asyncio.to_thread(CliRunner().invoke, main, run, input=f"{PIN}\n")

        await asyncio.to_thread(handset.start, sync=False)
        bringing = asyncio.create_task(bring())
        if number % 2:
            await asyncio.sleep(dice.uniform(0, LONGEST_S))
        else:
            # So much is sure: it is in the middle of the sound.
            await asyncio.to_thread(wait_until, partial(holds_something, files))
        await asyncio.to_thread(handset.main.kill)
        cut_off += (await bringing).exit_code != 0
        await asyncio.to_thread(handset.start, sync=False)
        again = await bring()
        assert again.exit_code == 0, again.output
        await asyncio.to_thread(handset.stop)
        assert await kept(handset) == whole
        assert len(list(files.iterdir())) == len(list((old.state_dir / FOLDER_NAME).iterdir()))
        shutil.rmtree(handset.folder)
    assert cut_off >= KILLS / 2
