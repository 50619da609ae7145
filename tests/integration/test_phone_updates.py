"""An update that the operator announces reaches the running handset by a real broker, and outlasts its kills."""

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.lab.mosquitto import Observer, Operator, Received
from tests.lab.releases import Releaser, update_content
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
    )
    with stage:
        yield stage


def codes(received: list[Received], document: bytes) -> list[str]:
    """Return what was said of a document."""
    digest = hashlib.sha256(document).hexdigest()
    said = [each.document for each in received if each.topic == f"{PREFIX}/outcome"]
    return [each["code"] for each in said if each["message"] == digest]


@pytest.mark.feature("updates announced and signed")
async def test_an_update_from_the_broker_is_taken_and_others_are_refused_with_a_code(
    stage: Stage, releaser: Releaser
) -> None:
    with Observer(stage.broker) as observer, Operator(stage.broker) as operator:

        async def become(document: bytes, expected: list[str]) -> None:
            await asyncio.to_thread(operator.send, f"{PREFIX}/update", document, retain=True)
            await heard(document, expected)

        async def heard(document: bytes, expected: list[str]) -> None:
            await asyncio.to_thread(observer.wait_for, lambda received: codes(received, document) == expected, 60)

        document = releaser.update(4, fleet=FLEET)
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
