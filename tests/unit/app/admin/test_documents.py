from types import SimpleNamespace
from typing import Any, Literal

import pytest

from contract.consent import Actor, Channel, RequestKind
from contract.downlink import MAX_DOCUMENT_BYTES
from contract.results import OutcomeCode
from firmware.app.admin.documents import DocumentRole, DocumentTaken
from firmware.base.errors import ControlError
from firmware.control.admin_requests import DocumentTakeRequest
from firmware.control.open_files import sealed
from firmware.privacy.catalogue import built_in
from firmware.privacy.consent import LedgerAction
from provisioning.signed import sign
from provisioning.trust import Kind
from tests.lab.documents import DocumentLab


@pytest.fixture
def lab_class() -> type[DocumentLab]:
    return DocumentLab


DocumentKind = Literal["policy", "notice", "catalogue", "answer"]


async def take(lab: DocumentLab, kind: DocumentKind, document: bytes) -> Any:
    documents: Any = SimpleNamespace(
        policies=lab.policies, notices=lab.notices, catalogues=lab.catalogues, answers=lab.answers
    )
    with sealed(document) as file:
        return await DocumentRole(lambda: documents).handlers["document_take"](DocumentTakeRequest(kind=kind), file)


async def test_a_document_of_each_kind_is_taken(lab: DocumentLab) -> None:
    filed = await lab.requests.file(RequestKind.COPY, actor=Actor.HOLDER, channel=Channel.KEYPAD)
    assert filed.request is not None
    catalogue = built_in().model_dump(mode="json") | {"version": "shop-1"}
    documents: dict[DocumentKind, bytes] = {
        "policy": lab.operator.policy(1, "shop-1"),
        "notice": lab.operator.notice(1),
        "answer": lab.operator.answer(1, 1, filed.request.epoch),
        "catalogue": sign(Kind.CATALOGUE, lab.operator.statement(1, catalogue), lab.operator.key),
    }
    for kind, document in documents.items():
        assert await take(lab, kind, document) == DocumentTaken(outcome=OutcomeCode.TAKEN)
    assert "shop-1" in await lab.versions()
    told = [(entry.action, entry.channel) for entry in await lab.consents.entries()]
    assert (LedgerAction.CATALOGUE_IN_FORCE, Channel.COMMAND_LINE) in told
    assert (LedgerAction.REQUEST_ANSWERED, Channel.COMMAND_LINE) in told


async def test_news_that_the_holder_does_not_want_are_said_to_be_that(lab: DocumentLab) -> None:
    news = lab.operator.notice(1, incident=False)
    assert await take(lab, "notice", news) == DocumentTaken(outcome=OutcomeCode.NOT_GRANTED)


async def test_what_is_refused_is_refused_with_its_reason_in_words_and_as_a_code(lab: DocumentLab) -> None:
    with pytest.raises(ControlError, match=r"This document is a policy, where a notice is wanted. \(wrong_kind\)"):
        await take(lab, "notice", lab.operator.policy(1, "shop-1"))
    with pytest.raises(ControlError, match=r"made no request 5 of that epoch.* \(unknown_request\)"):
        await take(lab, "answer", lab.operator.answer(1, 5, 4711))
    with pytest.raises(ControlError, match=f"has more than {MAX_DOCUMENT_BYTES} bytes"):
        await take(lab, "policy", bytes(MAX_DOCUMENT_BYTES + 1))


async def test_without_a_store_nothing_is_taken() -> None:
    with pytest.raises(ControlError, match="store cannot be used"):
        await DocumentRole(lambda: None).handlers["document_take"](DocumentTakeRequest(kind="policy"), sealed(b""))
