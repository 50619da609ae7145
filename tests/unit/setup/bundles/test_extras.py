"""What a bundle brings beside its configuration, taken into a real store through the gates of every day."""

import io
from pathlib import Path

import pytest
from PIL import Image

from contract.consent import Purpose
from contract.results import CheckCode, CheckName, OutcomeCode
from firmware.phone.events import BlockedContactsLoaded, Event
from firmware.setup.bundles.extras import Extras, Holdings
from provisioning.bundle import Bundle, open_bundle
from provisioning.report import Check
from tests.lab.bundles import Installer
from tests.lab.documents import DocumentLab

pytestmark = pytest.mark.feature("bundle trial")

CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nTEL:+442079460000\r\nEND:VCARD\r\n"
BROKEN = b"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;"


class Lab(DocumentLab):
    """A store, and who takes things into it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.events: list[Event] = []
        self.scratch = folder / "memory"

    @property
    def documents(self) -> "Lab":
        return self

    async def take_in(self, bundle: Bundle, holdings: Holdings | None = None) -> dict[CheckName, CheckCode]:
        extras = Extras(holdings or self, self.scratch, self.events.append, lambda: None)
        checks = await extras.take_in(bundle)
        assert all(check == Check(name=check.name, passed=not check.code, code=check.code) for check in checks)
        assert not list(self.scratch.glob("*")), "somebody's data was left in memory"
        return {check.name: check.code for check in checks}


@pytest.fixture
def lab_class() -> type[Lab]:
    return Lab


@pytest.fixture
async def lab(lab: Lab) -> Lab:
    await lab.policies.prepare()
    return lab


def bundle(**contents: bytes) -> Bundle:
    return open_bundle(io.BytesIO(Installer().bundle(contents)), None)


def picture() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (9, 9)).save(target, "PNG")
    return target.getvalue()


async def test_contacts_come_in_once_however_often_they_are_taken_in(lab: Lab) -> None:
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    brings = bundle(**{"contacts.vcf": CARD})
    for _ in range(2):
        assert await lab.take_in(brings) == {CheckName.CONTACTS: CheckCode.OK}
    assert [contact.name for contact in await lab.contacts.after(0, 10)] == ["Ada"]
    assert lab.events == [BlockedContactsLoaded(())] * 2


async def test_pictures_come_in_once_under_their_names(lab: Lab) -> None:
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    brings = bundle(**{"pictures/garden.png": picture(), "pictures/house.png": picture()})
    for _ in range(2):
        assert await lab.take_in(brings) == {CheckName.PICTURES: CheckCode.OK}
    assert [kept.name for kept in await lab.pictures.list()] == ["garden", "house"]


async def test_without_the_holders_agreement_no_contacts_and_no_pictures_come_in(lab: Lab) -> None:
    brings = bundle(**{"contacts.vcf": CARD, "pictures/garden.png": picture()})
    assert await lab.take_in(brings) == {
        CheckName.CONTACTS: CheckCode.NOT_AGREED,
        CheckName.PICTURES: CheckCode.NOT_AGREED,
    }
    assert list(await lab.contacts.after(0, 10)) == []
    assert await lab.pictures.list() == ()


async def test_what_is_broken_leaves_the_rest_and_is_said(lab: Lab) -> None:
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    brings = bundle(**{"contacts.vcf": CARD + BROKEN, "pictures/a.png": b"none", "pictures/b.png": picture()})
    assert await lab.take_in(brings) == {
        CheckName.CONTACTS: CheckCode.IN_PART,
        CheckName.PICTURES: CheckCode.IN_PART,
    }
    assert [contact.name for contact in await lab.contacts.after(0, 10)] == ["Ada"]
    assert [kept.name for kept in await lab.pictures.list()] == ["b"]


class Orders:
    """Takes orders to erase the handset, and says of each what the test wants."""

    def __init__(self, outcome: OutcomeCode) -> None:
        self.outcome = outcome
        self.taken: list[bytes] = []

    async def take(self, document: bytes) -> OutcomeCode:
        self.taken.append(document)
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (OutcomeCode.TAKEN, CheckCode.OK),
        (OutcomeCode.NOT_GRANTED, CheckCode.NOT_AGREED),
        (OutcomeCode.UNKNOWN_REQUEST, CheckCode.FAILED),
    ],
)
async def test_an_order_to_erase_the_handset_is_looked_at_without_a_store(
    tmp_path: Path, outcome: OutcomeCode, code: CheckCode
) -> None:
    orders = Orders(outcome)
    extras = Extras(None, tmp_path, lambda _event: None, lambda: None, orders)
    assert await extras.take_in(bundle(**{"reset/handset-7": b"signed"})) == (
        Check(name=CheckName.DOCUMENTS, passed=not code, code=code),
    )
    assert orders.taken == [b"signed"]


async def test_policies_and_notices_are_looked_at_as_those_from_the_broker_are(lab: Lab) -> None:
    brings = bundle(
        **{
            "policies/new": lab.operator.policy(1, "2026-03-01"),
            "notices/leak": lab.operator.notice(1),
        }
    )
    for _ in range(2):
        assert await lab.take_in(brings) == {CheckName.DOCUMENTS: CheckCode.OK}
    assert "2026-03-01" in await lab.versions()
    assert len(await lab.notices.to_show()) == 1
    assert await lab.take_in(bundle(**{"policies/forged": b"nobody signed this"})) == {
        CheckName.DOCUMENTS: CheckCode.IN_PART
    }


async def test_a_handset_without_a_store_says_that_it_took_nothing_in(tmp_path: Path) -> None:
    extras = Extras(None, tmp_path, lambda _event: None, lambda: None)
    [check] = await extras.take_in(bundle(**{"contacts.vcf": CARD}))
    assert check.code is CheckCode.FAILED


async def test_a_store_that_fails_fails_the_contacts_and_nothing_else(lab: Lab) -> None:
    await lab.consents.grant(Purpose.CONTACT_IMPORT)
    await lab.stop()
    assert await lab.take_in(bundle(**{"contacts.vcf": CARD})) == {CheckName.CONTACTS: CheckCode.FAILED}
