"""Receipts, held against a schema of their own, expanded as any reader of JSON-LD would, and read off a QR code."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld

from contract.consent import Actor, Channel, ClockTrust, Purpose
from firmware.display.families.pixels import module_px
from firmware.privacy.catalogue import Catalogue, built_in
from firmware.privacy.consent import ANSWERS, LedgerAction, LedgerEntry, LedgerHead
from firmware.privacy.receipts import Issuer, receipts, summary
from tests.lab.ledger import chain_of

DPV = "https://w3id.org/dpv#"
ISSUER = Issuer("handset-7", "Example Telecom Ltd", "privacy@example.com", "CN", "DE")
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "receipt.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

GRANT, WITHDRAW, REFUSE = LedgerAction.GRANT, LedgerAction.WITHDRAW, LedgerAction.REFUSE

steps = st.lists(
    st.tuples(st.sampled_from(sorted(ANSWERS)), st.sampled_from(Purpose).map(str))
    | st.just((LedgerAction.POLICY_SHOWN, "2026-11-25")),
    max_size=8,
)


def made(*chain: LedgerEntry, issuer: Issuer = ISSUER) -> list[Any]:
    return [receipt for _, receipt in receipts(chain, lambda _version: built_in(), issuer)]


def expanded(document: Any) -> Any:
    """Expand JSON-LD; a context that would have to be fetched is a mistake."""

    def refuse(url: str, _options: object) -> None:
        raise AssertionError(f"a receipt needs {url}")

    [node] = jsonld.expand(document, {"documentLoader": refuse})
    return node


@given(steps, st.integers(0, 3))
def test_every_answer_has_a_receipt_that_fits_the_schema(taken: list[Any], old: int) -> None:
    formats = next((n for n, (action, _) in enumerate(taken) if action not in {GRANT, WITHDRAW}), len(taken))
    chain = chain_of(*taken, old=min(old, formats))
    found = made(*chain)
    assert len(found) == sum(entry.action in ANSWERS for entry in chain)
    for receipt in found:
        VALIDATOR.validate(receipt)
        json.dumps(receipt)


def test_a_receipt_says_who_may_do_what_with_which_data_and_how_it_came_to_that() -> None:
    chain = chain_of(GRANT, WITHDRAW)
    *_, receipt = made(*chain)
    node = expanded(receipt)
    assert node["@type"] == [DPV + "ConsentReceipt"]
    assert node["http://purl.org/dc/terms/conformsTo"] == [{"@id": "https://w3id.org/dpv/schema/dpv-27560#receipt"}]
    [record] = node[DPV + "hasRecordOfActivity"]
    [controller] = record[DPV + "hasDataController"]
    assert controller[DPV + "hasName"] == [{"@value": "Example Telecom Ltd"}]
    assert controller[DPV + "hasContact"] == [{"@value": "privacy@example.com"}]
    assert record[DPV + "hasJurisdiction"] == [{"@id": "https://w3id.org/dpv/loc#CN"}]
    [process] = record[DPV + "hasProcess"]
    assert [each["@id"] for each in process[DPV + "hasPersonalData"]] == [
        "https://w3id.org/dpv/pd#TelephoneNumber",
        "https://w3id.org/dpv/pd#UID",
        "https://w3id.org/dpv/pd#CallLog",
    ]
    [purpose] = process[DPV + "hasPurpose"]
    assert purpose["http://www.w3.org/2004/02/skos/core#broader"] == [{"@id": DPV + "RecordManagement"}]
    assert {"@language": "zh", "@value": "向运营商发送通话数据"} in purpose["http://purl.org/dc/terms/title"]
    assert process[DPV + "hasLegalBasis"] == [{"@id": DPV + "ExplicitlyExpressedConsent"}]
    events = record[DPV + "hasConsentStatus"]
    assert [event["@type"] for event in events] == [[DPV + "ConsentGiven"], [DPV + "ConsentWithdrawn"]]
    assert [event[DPV + "isIndicatedBy"] for event in events] == [[{"@id": DPV + "DataSubject"}]] * 2


def test_nothing_of_a_receipt_is_lost_when_it_is_expanded() -> None:
    # A key without a meaning would be dropped without a word.
    def leaves(value: Any) -> int:
        if isinstance(value, dict):
            return sum(leaves(part) for key, part in value.items() if key not in {"@context", "@language"})
        return sum(map(leaves, value)) if isinstance(value, list) else 1

    for purpose in Purpose:
        [receipt] = made(*chain_of((GRANT, purpose.value)))
        typed = leaves(receipt) - json.dumps(receipt).count('"xsd:dateTime"')
        dated = json.dumps(expanded(receipt)).count("XMLSchema#dateTime")
        assert leaves(expanded(receipt)) - dated == typed


def test_no_term_is_left_without_its_namespace() -> None:
    for purpose in Purpose:
        [receipt] = made(*chain_of((GRANT, purpose.value)))
        for prefix in ("dpv:", "pd:", "loc:", "dct:", "skos:", "rdf:", "xsd:"):
            assert f'"{prefix}' not in json.dumps(expanded(receipt))


def test_each_answer_has_a_receipt_of_its_own_and_all_belong_to_one_record() -> None:
    first, second = made(*chain_of(GRANT, WITHDRAW))
    assert first["@id"] != second["@id"]
    assert first["dpv:hasRecordOfActivity"]["@id"] == second["dpv:hasRecordOfActivity"]["@id"]
    assert len(first["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]) == 1
    assert made(*chain_of(GRANT, WITHDRAW))[0] == first


def test_a_receipt_says_it_where_a_guardian_decided_and_where_the_clock_was_not_set() -> None:
    entry = LedgerEntry.follow(
        LedgerHead(),
        GRANT,
        Purpose.RECORDING,
        actor=Actor.GUARDIAN,
        channel=Channel.COMMAND_LINE,
        at="1970-01-01T00:00:12.000Z",
        clock=ClockTrust.UNSYNCED,
        policy_version="2026-11-25",
    )
    [receipt] = made(entry)
    [event] = receipt["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
    assert event["dpv:isIndicatedBy"] == {"@id": "dpv:GuardianOfDataSubject"}
    assert event["dpv:hasIndicationMethod"] == "by the command line of the handset"
    assert event["dct:provenance"].endswith("under the policy 2026-11-25. The clock had not been set from the network.")


def test_an_operator_without_a_name_is_said_to_have_none() -> None:
    [receipt] = made(*chain_of(GRANT), issuer=Issuer("handset-7"))
    VALIDATOR.validate(receipt)
    assert "not named" in receipt["dpv:hasRecordOfActivity"]["dpv:hasDataController"]["dpv:hasName"]


def test_numbers_that_cross_the_border_are_said_to_be_where_the_broker_is() -> None:
    [receipt] = made(*chain_of((GRANT, Purpose.CROSS_BORDER_CDR.value)))
    where, _ = receipt["dpv:hasRecordOfActivity"]["dpv:hasProcess"]["dpv:hasStorageCondition"]
    assert where["dpv:hasLocation"] == {"@id": "loc:DE"}


def test_an_old_answer_is_told_in_the_words_that_were_read_then() -> None:
    words = built_in().model_dump(mode="json")
    words["version"] = "2"
    words["purposes"][2]["name"]["en"] = "Lists of calls"
    newer = Catalogue.model_validate_json(json.dumps(words))
    chain = chain_of(GRANT, (LedgerAction.CATALOGUE_IN_FORCE, "2"), WITHDRAW)
    found = [receipt for _, receipt in receipts(chain, {"": built_in(), "2": newer}.__getitem__, ISSUER)]
    titles = [each["dpv:hasRecordOfActivity"]["dpv:hasProcess"]["dpv:hasPurpose"]["dct:title"] for each in found]
    assert [title[0]["@value"] for title in titles] == ["Call data for your operator", "Lists of calls"]


def test_the_summary_fits_a_code_on_a_display_of_128_pixels(subtests: pytest.Subtests) -> None:
    for (device, px_a_module), purpose in product([("a" * 22, 2), ("a" * 64, 1)], Purpose):
        with subtests.test(device=device, px_a_module=px_a_module, purpose=purpose):
            [entry] = chain_of((GRANT, purpose.value))
            payload = summary(entry, Issuer(device))
            assert module_px(payload, 128) >= px_a_module
            assert int(segno.make_qr(payload, error="l").version) <= 12


def test_the_summary_says_what_was_answered_when_and_where_that_is_written() -> None:
    *_, entry = chain_of(GRANT, REFUSE, old=1)
    node = expanded(json.loads(summary(entry, ISSUER)))
    assert node["@type"] == [DPV + "ConsentReceipt"]
    assert node[DPV + "hasIdentifier"] == [{"@value": f"handset-7:2:{entry.hash[:32]}"}]
    [status] = node[DPV + "hasConsentStatus"]
    assert status["@type"] == [DPV + "ConsentRefused"]
    assert status[DPV + "isIndicatedAtTime"] == [{"@value": entry.at}]
    assert node[DPV + "hasPurpose"] == [{"@value": "cdr_sync"}]


def test_what_is_no_answer_has_no_receipt() -> None:
    [entry] = chain_of((LedgerAction.POLICY_SHOWN, "2026-11-25"))
    assert made(entry) == []
    with pytest.raises(ValueError, match="only an answer"):
        summary(entry, ISSUER)
