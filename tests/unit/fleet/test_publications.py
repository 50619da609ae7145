import pytest
from msgspec import ValidationError

from contract.downlink import DownTopic
from fleet.publications import Publication, PublicationKind, publication_topic

MESSAGE = "ab" * 32
LINE = f'{{"kind":"policy","name":"2026-03-01","message":"{MESSAGE}","published_at":"2026-03-01T12:00:00.000Z"}}'


def test_a_publication_reads_as_it_was_written() -> None:
    said = Publication.read(LINE.encode())
    assert said.written().decode() == LINE
    assert said.kind.topic is DownTopic.POLICY


def test_it_goes_to_a_topic_of_its_own_below_its_fleet() -> None:
    assert publication_topic("hotel", MESSAGE) == f"wecall-fleet/v1/hotel/publication/{MESSAGE}"


@pytest.mark.parametrize(("fleet", "message"), [("a/b", MESSAGE), ("+", MESSAGE), ("hotel", "ab"), ("hotel", "#" * 64)])
def test_nothing_else_becomes_a_topic(fleet: str, message: str) -> None:
    with pytest.raises(ValidationError):
        publication_topic(fleet, message)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"policy"', '"ack"'),
        ("2026-03-01", "two words"),
        (MESSAGE, "ab"),
        ("Z", "+00:00"),
        ('"kind"', '"note":"x","kind"'),
    ],
)
def test_what_is_no_publication_is_refused(before: str, after: str) -> None:
    with pytest.raises(ValidationError):
        Publication.read(LINE.replace(before, after, 1).encode())


def test_every_kind_has_a_topic_that_handsets_listen_to() -> None:
    assert {kind.topic for kind in PublicationKind} == set(DownTopic) - {DownTopic.ACK}
