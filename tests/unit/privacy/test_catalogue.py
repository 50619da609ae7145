import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.consent import Actor, Purpose
from firmware.privacy import catalogue
from firmware.privacy.catalogue import NEEDED, Catalogue, CatalogueError, built_in, merge, read_catalogue
from firmware.privacy.consent import ANSWERS

Change = Callable[[dict[str, Any]], object]


def content(change: Change = lambda _entry: None, purpose: Purpose = Purpose.CDR_SYNC) -> dict[str, Any]:
    """Return the built-in catalogue as the operator would send it, with one purpose changed."""
    said: dict[str, Any] = json.loads(built_in().model_dump_json())
    said["version"] = "2"
    change(next(entry for entry in said["purposes"] if entry["id"] == purpose))
    return said


def test_the_firmware_s_own_catalogue_tells_of_every_purpose_and_of_nothing_else() -> None:
    assert [entry.purpose for entry in built_in().purposes] == list(Purpose)
    assert {entry.purpose for entry in built_in().purposes if entry.needed} == NEEDED


def test_what_it_says_in_chinese_is_chinese() -> None:
    for entry in built_in().purposes:
        for words in (entry.name, entry.covers, entry.recipients, entry.retention):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in words.in_language("zh"))
            assert words.in_language("en").isascii()


def test_everything_has_a_term_of_the_vocabulary() -> None:
    assert set(catalogue.PURPOSE_TERMS) == set(catalogue.PROCESSING_TERMS) == set(Purpose)
    assert set(catalogue.DATA_TERMS) == set(catalogue.DataCategory)
    assert set(catalogue.STATUS_TERMS) == ANSWERS
    assert set(catalogue.ACTOR_TERMS) == set(Actor)


def test_the_same_catalogue_once_more_changes_nothing() -> None:
    assert merge(built_in(), read_catalogue(content())) == (
        Catalogue(version="2", purposes=built_in().purposes),
        frozenset(),
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry["name"].update(en="Lists of calls"),
        lambda entry: entry["covers"].update(zh="一切"),
        lambda entry: entry["recipients"].update(en="The operator and its partners."),
        lambda entry: entry["retention"].update(days=365),
        lambda entry: entry.update(since_policy="2027-01-01"),
    ],
    ids=["name", "covers", "recipients", "retention", "policy"],
)
def test_a_purpose_of_which_something_else_is_said_is_asked_for_again(change: Change) -> None:
    newer = read_catalogue(content(change))
    merged, changed = merge(built_in(), newer)
    assert changed == {Purpose.CDR_SYNC}
    assert merged.entry(Purpose.CDR_SYNC) == newer.entry(Purpose.CDR_SYNC)
    assert merged.entry(Purpose.RECORDING) == built_in().entry(Purpose.RECORDING)


@given(st.sets(st.sampled_from(list(Purpose))))
def test_purposes_of_which_nothing_is_said_stay_as_they_are(left_out: set[Purpose]) -> None:
    said = content()
    said["purposes"] = [entry for entry in said["purposes"] if entry["id"] not in left_out]
    if not said["purposes"]:
        return
    merged, changed = merge(built_in(), read_catalogue(said))
    assert merged.purposes == built_in().purposes
    assert not changed


def test_a_purpose_that_this_firmware_does_not_know_cannot_be_asked_for() -> None:
    said = content()
    said["purposes"].append({**said["purposes"][0], "id": "advertising"})
    merged, changed = merge(built_in(), read_catalogue(said))
    assert [entry.id for entry in merged.purposes] == list(Purpose)
    assert not changed


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.update(needed=True),
        lambda entry: entry["data"].append("voice_recording"),
        lambda entry: entry.update(data=["telephone_number"]),
        lambda entry: entry.update(region="broker"),
    ],
    ids=["needed", "more data", "less data", "another place"],
)
def test_no_catalogue_changes_what_this_firmware_does(change: Change) -> None:
    with pytest.raises(CatalogueError, match="the purpose cdr_sync"):
        read_catalogue(content(change))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda entry: entry["name"].update(en="a" * 41), "purposes.2.name.en"),
        (lambda entry: entry["name"].pop("zh"), "purposes.2.name.zh"),
        (lambda entry: entry["covers"].update(en="two\nlines"), "purposes.2.covers.en"),
        (lambda entry: entry.update(granted=True), "purposes.2.granted"),
        (lambda entry: entry.update(id="recording"), "the whole"),
        (lambda entry: entry["retention"].update(days=-1), "purposes.2.retention.days"),
    ],
)
def test_what_is_no_catalogue_is_refused_with_its_place_and_without_its_words(change: Change, place: str) -> None:
    with pytest.raises(CatalogueError, match=f"not understood at: .*{place}") as refused:
        read_catalogue(content(change))
    assert "two" not in str(refused.value)
