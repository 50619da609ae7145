"""What people are to be told of, as the database and the certificates have it now."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, func, select

from contract.results import OutcomeCode
from fleet.api.models import DeviceState, RequestStanding
from fleet.api.outcomes import NEWEST
from fleet.api.rights import standing_of
from fleet.collector.alert_settings import AlertSettings
from fleet.collector.certificates import broker_certificate, certificate_files, ends_soon, read_certificate
from fleet.collector.settings import CollectorSettings
from fleet.errors import FleetError
from fleet.publications import PublicationKind
from fleet.publisher.roll_out import Verdict, verdict
from fleet.tables import devices, publications, requests
from mqtt.problems import BrokerError

ROLL_OUTS_SINCE: Final = timedelta(days=30)
"""What was published before that is nobody's concern any more."""

MOST_ROLL_OUTS: Final = 1000
"""The newest ones; a bundle for a single handset is one."""

MOST_FAILURES: Final = 0.05
"""As with `wecall fleet publish`: where more of those that have answered failed, the roll-out has."""

_DIGEST_SHOWN: Final = 12


class Kind(StrEnum):
    """What can be wrong. Of the first three nobody is told which handset: the page says it to whoever has logged in."""

    REQUEST_LATE = "request_late"
    HANDSET_OFFLINE = "handset_offline"
    HANDSET_NO_LINE = "handset_no_line"
    CERTIFICATE_ENDS = "certificate_ends"
    ROLL_OUT_FAILED = "roll_out_failed"

    @property
    def names_its_subject(self) -> bool:
        """Whether people are told what it is about: a certificate of the server's, or a message of the operator's."""
        return self in {Kind.CERTIFICATE_ENDS, Kind.ROLL_OUT_FAILED}


class Condition(NamedTuple):
    """One thing that is wrong; as in the table `alerts`."""

    kind: Kind
    fleet: str
    subject: str


def wrong_in_database(connection: Connection, today: date, now: datetime, settings: AlertSettings) -> set[Condition]:
    """Return what is wrong by what handsets have said.

    Args:
        connection: reads.
        today: the day that it is where requests are due.
        now: the time.
        settings: for how long a handset may be in a state.
    """
    offline_before = now - timedelta(hours=settings.offline_hours)
    no_line_before = now - timedelta(hours=settings.no_line_hours)
    return {
        *_late_requests(connection, today),
        *_in_state(connection, DeviceState.OFFLINE, offline_before, Kind.HANDSET_OFFLINE),
        *_in_state(connection, DeviceState.NO_LINE, no_line_before, Kind.HANDSET_NO_LINE),
        *_failed_roll_outs(connection, now - ROLL_OUTS_SINCE),
    }


def certificates_judged(settings: CollectorSettings) -> dict[Condition, bool]:
    """Say of each certificate that can be seen from here whether it ends soon; of others nothing."""
    judged = {}
    for whose, path in certificate_files(settings):
        # Files are this collector's own; another one has another copy.
        condition = Condition(Kind.CERTIFICATE_ENDS, "", f"{whose} (at {settings.client_id})")
        try:
            judged[condition] = ends_soon(read_certificate(whose, path))
        except FleetError:
            continue
    try:
        shown = broker_certificate(settings.broker)
    except BrokerError:
        return judged
    judged[Condition(Kind.CERTIFICATE_ENDS, "", "broker")] = ends_soon(shown)
    return judged


def _late_requests(connection: Connection, today: date) -> Iterator[Condition]:
    late = standing_of(today)[RequestStanding.OVERDUE]
    for fleet, device, number in connection.execute(
        select(requests.c.fleet, requests.c.device, requests.c.number).where(late)
    ):
        yield Condition(Kind.REQUEST_LATE, fleet, f"{device}/{number}")


def _in_state(connection: Connection, state: DeviceState, before: datetime, kind: Kind) -> Iterator[Condition]:
    for fleet, device in connection.execute(
        select(devices.c.fleet, devices.c.device).where(
            devices.c.retired_at.is_(None), devices.c.state == state.value, devices.c.state_since < before
        )
    ):
        yield Condition(kind, fleet, device)


def _failed_roll_outs(connection: Connection, since: datetime) -> Iterator[Condition]:
    named = {
        (row.fleet, row.message): row
        for row in connection.execute(
            select(publications)
            .where(publications.c.published_at >= since)
            .order_by(publications.c.published_at.desc())
            .limit(MOST_ROLL_OUTS)
        )
    }
    if not named:
        return
    # By the messages' own names, or else the newest words about all that was ever published would be looked for.
    of_these = and_(
        NEWEST.c.fleet.in_({fleet for fleet, _ in named}), NEWEST.c.message.in_({message for _, message in named})
    )
    answers: dict[tuple[str, str], Counter[Verdict]] = {}
    for fleet, message, code, number in connection.execute(
        select(NEWEST.c.fleet, NEWEST.c.message, NEWEST.c.code, func.count())
        .where(of_these)
        .group_by(NEWEST.c.fleet, NEWEST.c.message, NEWEST.c.code)
    ):
        if (publication := named.get((fleet, message))) is not None:
            said = verdict(PublicationKind(publication.kind), OutcomeCode(code))
            answers.setdefault((fleet, message), Counter())[said] += number
    for (fleet, message), counts in answers.items():
        if counts[Verdict.FAILED] > MOST_FAILURES * (counts[Verdict.FAILED] + counts[Verdict.GOOD]):
            publication = named[fleet, message]
            subject = f"{publication.kind} {publication.name} ({message[:_DIGEST_SHOWN]})"
            yield Condition(Kind.ROLL_OUT_FAILED, fleet, subject)
