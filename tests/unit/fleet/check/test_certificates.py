"""How long the certificates of a fleet's server last."""

from pathlib import Path

import pytest

from fleet.check.broker import check_certificates
from fleet.check.report import State
from fleet.collector.settings import BrokerAddress, CollectorSettings
from tests.lab.certificates import CertificateAuthority, IssuedCertificate


def settings_with(authority: CertificateAuthority, issued: IssuedCertificate) -> CollectorSettings:
    return CollectorSettings(
        broker=BrokerAddress(host="broker", ca=authority.ca_path, certificate=issued.certificate, key=issued.key)
    )


@pytest.mark.parametrize(
    ("days", "expired", "state", "says"),
    [(31, False, State.GOOD, "lasts"), (30, False, State.WARN, "within 30 days"), (30, True, State.BAD, "It ended")],
)
def test_a_certificate_is_warned_of_thirty_days_before_its_end(
    tmp_path: Path, days: int, expired: bool, state: State, says: str
) -> None:
    authority = CertificateAuthority(tmp_path)
    issued = authority.issue("collector.main", days=days, expired=expired)
    rows = {row.what: row for row in check_certificates(settings_with(authority, issued))}
    row = rows["certificate of collector.main"]
    assert (row.state, says in row.says) == (state, True)
    if state is not State.GOOD:
        assert row.says.endswith(f"wecall fleet ca service AUTHORITY {issued.certificate.stem}")


def test_a_file_that_is_no_certificate_hides_no_other(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    settings = settings_with(authority, authority.issue("collector.main"))
    settings.broker.certificate.write_text("nothing")
    states = {row.what: row.state for row in check_certificates(settings)}
    assert states == {"certificate of authority": State.WARN, "certificate of collector.main": State.BAD}
