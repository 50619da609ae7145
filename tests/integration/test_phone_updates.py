"""An update that the operator announces reaches the running handset by a real broker, and outlasts its kills."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from firmware.setup.root.update.messages import UpdateWish
from tests.lab.mosquitto import Observer, Operator, Received
from tests.lab.patience import wait_until
from tests.lab.releases import Releaser, update_content
from tests.lab.root_of_updates import RootOfUpdates
from tests.lab.stage import DEVICE, FLEET, Stage

PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"


@pytest.fixture
def releaser() -> Releaser:
    return Releaser(datetime.now(UTC))


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory, releaser: Releaser) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    stage.handset.configuration = (
        f'{stage.handset.configuration}\n[[trust.keys]]\npublic = "{releaser.trusted.public}"\nsigns = ["update"]\n'
        f"{idle_now()}"
    )
    stage.handset.folder.mkdir()
    stage.handset.make_hasty()
    with stage:
        yield stage


@pytest.fixture
def root(stage: Stage) -> Iterator[RootOfUpdates]:
    with RootOfUpdates(stage.handset.updates_dir) as root:
        yield root


def idle_now() -> str:
    """Return idle hours whose second half has begun, wherever in the first the handset's own minute is."""
    now = datetime.now().astimezone()
    begin, end = now - timedelta(hours=10), now + timedelta(hours=10)
    return f'\n[updates]\nhours = "{begin:%H:%M}-{end:%H:%M}"\n'


def codes(received: list[Received], document: bytes) -> list[str]:
    """Return what was said of a document."""
    digest = hashlib.sha256(document).hexdigest()
    said = [each.document for each in received if each.topic == f"{PREFIX}/outcome"]
    return [each["code"] for each in said if each["message"] == digest]


@pytest.mark.feature("updates announced and signed")
@pytest.mark.usefixtures("root")
async def test_an_update_from_the_broker_is_taken_and_others_are_refused_with_a_code(
    stage: Stage, releaser: Releaser
) -> None:
    with Observer(stage.broker) as observer, Operator(stage.broker) as operator:

        async def become(document: bytes, expected: list[str]) -> None:
            await asyncio.to_thread(operator.send, f"{PREFIX}/update", document, retain=True)
            await heard(document, expected)

        async def heard(document: bytes, expected: list[str]) -> None:
            await asyncio.to_thread(observer.wait_for, lambda received: codes(received, document) == expected, 60)

        document = releaser.update(4, fleet=FLEET, content=update_content(not_before="2099-03-01T00:00:00Z"))
        await become(document, ["taken"])
        for refused, code in (
            (releaser.update(3, fleet=FLEET), "old"),
            (releaser.update(5, fleet="another"), "wrong_scope"),
            (releaser.update(5, fleet=FLEET, content=update_content(kind="urgent")), "unreadable"),
            (document[:-1] + b" ", "forged"),
        ):
            await become(refused, [code])
        # The broker brings it to the next run, too, which finds it in the store.
        await asyncio.to_thread(operator.send, f"{PREFIX}/update", document, retain=True)
        await asyncio.to_thread(stage.handset.cut_power)
        await asyncio.to_thread(stage.handset.start)
        await heard(document, ["taken", "taken"])
    assert "updates.example" not in stage.handset.main.log


@pytest.mark.feature("updates by stick and network")
async def test_an_update_from_the_broker_is_installed_in_idle_hours_and_its_codes_come_back(
    stage: Stage, root: RootOfUpdates, releaser: Releaser
) -> None:
    document = releaser.update(1, fleet=FLEET)
    with Observer(stage.broker) as observer, Operator(stage.broker) as operator:

        async def heard(*expected: str) -> None:
            # The broker brings the document to each run, which says once more what became of it.
            await asyncio.to_thread(
                observer.wait_for, lambda received: list(dict.fromkeys(codes(received, document))) == [*expected], 60
            )

        await asyncio.to_thread(operator.send, f"{PREFIX}/update", document, retain=True)
        await heard("taken", "installed")
        await asyncio.to_thread(wait_until, lambda: root.wishes[1:] == [UpdateWish.START_TRIAL])
        assert root.wishes[0] is UpdateWish.INSTALL
        assert base64.b64decode(root.asked[0].message) == document
        await asyncio.to_thread(stage.handset.cut_power)
        root.restart(works=True)
        await asyncio.to_thread(stage.handset.start)
        await heard("taken", "installed", "applied")
    assert root.wishes[2:] == [UpdateWish.WORKS]
    assert not root.state.on_trial
