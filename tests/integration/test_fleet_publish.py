"""`wecall fleet publish` at a real broker, with handsets that come by the real connection and answer."""

import hashlib
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from contract.results import OutcomeCode
from fleet.publications import PUBLICATION_TOPICS, Publication, PublicationKind
from fleet.publisher.record import RecordFolder
from fleet.publisher.roll_out import StopReason
from tests.lab import chance
from tests.lab.broker_guest import Guest
from tests.lab.bundle_desk import configuration_text
from tests.lab.bundles import Installer
from tests.lab.documents import FLEET
from tests.lab.fleet_broker import FleetBroker
from tests.lab.publishing_desk import PATIENCE_S, Handsets, PublishingDesk
from tests.lab.releases import Releaser
from tests.unit.provisioning.test_report import report

NAMES: Final = tuple(f"desk-{number}" for number in range(20))
ROUNDS: Final = chance.counted(20, 2)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[FleetBroker]:
    with FleetBroker(tmp_path / "broker", operators=("main", "anna"), fleets=(FLEET,)) as broker:
        yield broker


@pytest.fixture
def desk(tmp_path: Path, broker: FleetBroker) -> PublishingDesk:
    return PublishingDesk(tmp_path / "desk", broker)


def everybody_takes_it(_device: str) -> OutcomeCode:
    return OutcomeCode.TAKEN


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command as a power failure would."""
    process.kill()
    process.communicate(timeout=PATIENCE_S)


def outcome_of(process: subprocess.Popen[bytes], code: int) -> str:
    """Wait for the end of a command, be sure of its exit code, and return what it said."""
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, said
    return said.decode()


def kept(broker: FleetBroker, names: tuple[str, ...], level: str) -> set[str]:
    """Return the handsets for which the broker keeps a message; each looks for itself."""
    found: set[str] = set()
    for name in names:
        with Guest(broker, name) as guest:
            guest.subscribe(f"wecall/v1/{FLEET}/{name}/{level}")
            guest.subscribe(f"wecall/v1/{FLEET}/{name}/ack")
            found |= {name for message in guest.heard if message.payload and message.topic.endswith(level)}
    return found


def publications(broker: FleetBroker) -> list[Publication]:
    with Guest(broker, "dashboard.main", door="password") as guest:
        guest.subscribe(PUBLICATION_TOPICS)
        guest.subscribe("wecall/v1/+/+/nothing")
        return [Publication.read(message.payload) for message in guest.heard]


def test_a_policy_reaches_every_handset_that_the_broker_knows_stage_by_stage(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    with Handsets(broker, NAMES, everybody_takes_it) as handsets:
        said = desk.did("policy", desk.policy, "--stages", "10%,50%,100%")
        handsets.wait_until_reached(20)
    assert "taken: 20" in said
    record = desk.record()
    assert record.is_done
    assert [len(stage) for stage in record.plan.stages] == [2, 8, 10]
    assert [device for device, _ in handsets.arrivals[:2]] in (
        list(record.plan.stages[0]),
        list(record.plan.stages[0])[::-1],
    )
    assert {message for _, message in handsets.arrivals} == {record.message}
    (published,) = publications(broker)
    assert (published.kind, published.name, published.message) == (PublicationKind.POLICY, "2026-03-01", record.message)
    assert "taken 20" in re.sub(r"\s+", " ", desk.did("status"))
    assert desk.run("policy", desk.policy).exit_code == 0
    assert len(handsets.arrivals) == 20


@pytest.mark.feature("roll-out")
def test_failures_stop_it_before_others_get_it_and_the_codes_are_told_without_names(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    answers = iter([OutcomeCode.TAKEN, OutcomeCode.UNKNOWN_KEY, OutcomeCode.TAKEN, OutcomeCode.UNKNOWN_KEY])
    with Handsets(broker, NAMES, lambda _device: next(answers, OutcomeCode.TAKEN)) as handsets:
        said = desk.refused("policy", desk.policy, "--stages", "20%,100%")
        handsets.wait_until_reached(4)
        assert "unknown_key: " in said
        assert "desk-" not in said
        assert desk.record().stopped is StopReason.FAILURES
        assert "--go-on" in desk.refused("policy", desk.policy)
        others = {name for stage in desk.record().plan.stages[1:] for name in stage}
        assert len(others) == 16
        assert others.isdisjoint(handsets.reached)
        assert "taken: 18" in desk.did("policy", desk.policy, "--go-on")
        assert desk.record().is_done


@pytest.mark.feature("updates announced and signed")
def test_an_update_stops_where_phones_go_back_and_waits_out_whoever_postpones_it(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    releaser = Releaser(datetime.now(UTC))
    trusted = ("--public", releaser.trusted.public)
    broken = desk.write("update-1.wecall-update", releaser.update(1, "0.3.0"))
    with Handsets(broker, NAMES, lambda _device: OutcomeCode.WENT_BACK) as handsets:
        assert "may not sign an update" in desk.refused("update", broken, "--public", desk.signer.trusted.public)
        # It may stop before the second one has answered.
        said = desk.refused("update", broken, *trusted, "--stages", "10%,100%")
        assert any(f"went_back: {count}" in said for count in (1, 2))
        handsets.wait_until_reached(2)
    (published,) = publications(broker)
    assert (published.kind, published.name) == (PublicationKind.UPDATE, "0.3.0")
    assert len(kept(broker, NAMES, "update")) == 2
    mended = desk.write("update-2.wecall-update", releaser.update(2, "0.3.1"))

    def most_install_it(device: str) -> OutcomeCode:
        return OutcomeCode.POSTPONED if device == "desk-7" else OutcomeCode.APPLIED

    with Handsets(broker, NAMES, most_install_it):
        said = desk.did("update", mended, *trusted, "--stages", "50%,100%", "--stage-timeout", "5")
    assert "applied: 19" in said
    assert "postponed: 1" in said


def test_a_handset_that_falls_silent_counts_as_one_that_failed(broker: FleetBroker, desk: PublishingDesk) -> None:
    with Handsets(broker, NAMES[:4], lambda device: None if device == "desk-1" else OutcomeCode.TAKEN):
        said = desk.refused("policy", desk.policy, "--stages", "100%", "--stage-timeout", "5")
    assert "no answer yet: 1" in said
    assert desk.record().stopped is StopReason.FAILURES


def test_nobody_is_waited_for_who_is_offline_and_who_comes_later_finds_it(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    with Handsets(broker, NAMES[2:4], everybody_takes_it):
        pass
    with Handsets(broker, NAMES[:2], everybody_takes_it):
        said = desk.did("policy", desk.policy, "--stages", "100%", "--stage-timeout", "600")
    assert "taken: 2" in said
    assert "no answer yet: 2" in said
    with Handsets(broker, NAMES[2:4], everybody_takes_it) as late:
        late.wait_until_reached(2)


def test_what_one_handset_has_tried_goes_to_the_others_by_the_same_command_with_a_line_or_without(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    with Handsets(broker, NAMES, everybody_takes_it, can_call=False) as handsets:
        desk.did("policy", desk.policy, "--device", "desk-7")
        handsets.wait_until_reached(1)
        assert handsets.reached == {"desk-7"}
        said = desk.did("policy", desk.policy, "--dry-run")
        assert "It would go to 19 handsets, 19 of them online now" in said
        assert f"{FLEET}/desk-7/" not in said
        assert "taken: 20" in desk.did("policy", desk.policy, "--stages", "10%,100%")
        handsets.wait_until_reached(20)
        assert sorted(device for device, _ in handsets.arrivals) == sorted(NAMES)
    assert [len(stage) for stage in desk.record().roll_out.stages] == [1, 2, 17]


def test_a_mistyped_name_is_refused_with_the_one_that_was_meant(broker: FleetBroker, desk: PublishingDesk) -> None:
    with Handsets(broker, NAMES[2:4], everybody_takes_it):
        pass
    with Handsets(broker, NAMES[:2], everybody_takes_it) as handsets:
        said = desk.refused("policy", desk.policy, "--device", "desk-0", "--device", "dekc-3")
        assert "has never seen dekc-3" in said
        assert "Did you mean desk-3?" in said
        assert "--never-online" in desk.refused("policy", desk.policy, "--device", "lobby", "--dry-run")
        assert handsets.arrivals == []
        # Those that are off now have been there.
        assert "It would go to 1 handset, 0 of them online" in desk.did(
            "policy", desk.policy, "--device", "desk-3", "--dry-run"
        )
    assert kept(broker, NAMES[:4], "policy") == set()
    assert not list((desk.folder / "publications").glob("*.rollout"))


def test_a_handset_that_has_never_been_online_finds_its_message_where_the_operator_says_so(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    said = desk.refused("policy", desk.policy, "--device", "desk-9", "--never-online", "--stage-timeout", "0")
    assert "No handset of stage 1 of 1 has taken it" in said
    with Handsets(broker, ("desk-9",), everybody_takes_it) as handsets:
        handsets.wait_until_reached(1)


def test_while_a_roll_out_is_under_way_nobody_else_is_slipped_in(broker: FleetBroker, desk: PublishingDesk) -> None:
    with Handsets(broker, NAMES[:2], lambda _device: OutcomeCode.FORGED) as handsets:
        desk.refused("policy", desk.policy, "--device", "desk-0")
        assert "under way" in desk.refused("policy", desk.policy, "--device", "desk-1")
        assert "Nothing is sent" in desk.did("policy", desk.policy, "--dry-run")
        handsets.wait_until_reached(1)
        assert handsets.reached == {"desk-0"}


def test_a_dry_run_says_exactly_what_would_go_where_and_sends_nothing(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    with Handsets(broker, NAMES[:4], everybody_takes_it) as handsets:
        said = desk.did("policy", desk.policy, "--dry-run", "--stages", "25%,100%")
        assert handsets.arrivals == []
    assert set(re.findall(r"wecall/v1/\S+", said)) == {f"wecall/v1/{FLEET}/{name}/policy" for name in NAMES[:4]}
    assert "Stage 1: 1 handset\n" in said
    assert "4 of them online now" in said
    assert kept(broker, NAMES[:4], "policy") == set()
    assert publications(broker) == []
    assert not list((desk.folder / "publications").glob("*.rollout"))


@pytest.mark.feature("roll-out")
@pytest.mark.soak
@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_again_and_again_it_goes_on_where_it_was_and_sends_nothing_twice_that_it_knew_of(
    broker: FleetBroker, desk: PublishingDesk, number: int
) -> None:
    rng = chance.dice()
    arguments = ("policy", desk.policy, "--stages", "5%,20%,60%,100%", "--stage-timeout", "600")
    with Handsets(broker, NAMES, everybody_takes_it) as handsets:
        known: list[tuple[int, set[str]]] = []
        for reached in sorted(rng.sample(range(1, 20), 3)):
            process = desk.process(*arguments)
            handsets.wait_until_reached(reached)
            end(process)
            known.append((len(handsets.arrivals), set(desk.record().roll_out.sent)))
        assert "taken: 20" in desk.did(*arguments)
        handsets.wait_until_reached(20)
    assert desk.record().is_done
    order = [device for device, _ in handsets.arrivals]
    for count, sent in known:
        before, after = order[:count], order[count:]
        # What the broker had in that moment may have been on its way.
        assert all(after.count(device) <= (device not in before) for device in sent)


def test_an_outcome_that_comes_while_the_command_is_away_is_heard_when_it_is_back(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    with Handsets(broker, NAMES[:2], lambda _device: None) as handsets:
        process = desk.process("policy", desk.policy, "--stages", "100%", "--stage-timeout", "600")
        handsets.wait_until_reached(2)
        end(process)
    message = desk.record().message
    for name in NAMES[:2]:
        with Guest(broker, name) as handset:
            outcome = f'{{"device":"{name}","message":"{message}","code":"taken","epoch":1,"seq":1}}'
            assert handset.may_publish(f"wecall/v1/{FLEET}/{name}/outcome", outcome.encode())
    said = desk.did("policy", desk.policy, "--stage-timeout", "600")
    assert "taken: 2" in said


def test_a_broker_that_goes_and_comes_back_is_waited_for(broker: FleetBroker, desk: PublishingDesk) -> None:
    hold = threading.Event()
    with Handsets(broker, NAMES, lambda _device: OutcomeCode.TAKEN if hold.is_set() else None) as handsets:
        process = desk.process("policy", desk.policy, "--stages", "50%,100%", "--stage-timeout", "600")
        handsets.wait_until_reached(10)
        hold.set()
        # Retained messages come again with each connection, and are answered this time.
        broker.restart()
        assert "It is tried again." in outcome_of(process, 0)
        handsets.wait_until_reached(20)
    assert desk.record().is_done
    assert handsets.reached == set(NAMES)


def test_a_broker_that_lost_its_power_gets_again_what_it_may_have_lost(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    with Handsets(broker, NAMES[:2], everybody_takes_it):
        pass
    broker.restart()
    with Handsets(broker, NAMES[2:4], everybody_takes_it):
        assert "no answer yet: 2" in desk.did("policy", desk.policy, "--stages", "100%")
    # What came since its last copy to the disk is gone.
    broker.kill()
    broker.start()
    assert kept(broker, NAMES[:2], "policy") == set()
    assert "It would go to 2 handsets" in desk.did("policy", desk.policy, "--again", "--dry-run")
    with Handsets(broker, NAMES[:2], everybody_takes_it) as handsets:
        assert "taken: 4" in desk.did("policy", desk.policy, "--again", "--device", "desk-0", "--device", "desk-1")
        handsets.wait_until_reached(2)
        assert handsets.reached == set(NAMES[:2])


def test_one_command_of_an_operator_at_a_time(broker: FleetBroker, desk: PublishingDesk) -> None:
    with Handsets(broker, NAMES[:1], lambda _device: None) as handsets:
        process = desk.process("policy", desk.policy, "--stage-timeout", "600")
        handsets.wait_until_reached(1)
        assert "at work" in desk.refused("policy", desk.policy, "--dry-run")
        end(process)


def test_a_second_machine_with_the_same_certificate_ends_the_first_in_words(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    with Handsets(broker, NAMES[:1], lambda _device: None) as handsets:
        process = desk.process("policy", desk.policy, "--stage-timeout", "600")
        handsets.wait_until_reached(1)
        with Guest(broker, "operator.main"):
            assert "only one can be there" in outcome_of(process, 1)


def test_a_bundle_goes_to_the_handsets_of_its_serials_and_is_taken_back(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    now = datetime.now(UTC)
    dates: dict[str, Any] = {"issued_at": now - timedelta(hours=1), "not_after": now + timedelta(days=1)}
    serials = ("10000000abcd0001", "10000000abcd0002")
    bundle = desk.write("7.wecall", Installer().bundle({"contacts.vcf": b""}, serials=serials, **dates))
    table = desk.write("devices.csv", f"serial,device_id\n{serials[0]},desk-0\n{serials[1]},desk-1\n".encode())
    assert "--devices" in desk.refused("bundle", bundle)
    with Handsets(broker, NAMES[:3], lambda _device: OutcomeCode.APPLIED) as handsets:
        assert "applied: 2" in desk.did("bundle", bundle, "--devices", table, "--stages", "100%")
        handsets.wait_until_reached(2)
        assert handsets.reached == {"desk-0", "desk-1"}
    assert kept(broker, NAMES[:3], "bundle") == {"desk-0", "desk-1"}
    message = desk.record().message
    assert "for 2 handsets" in desk.did("withdraw", message[:16], "--taken")
    assert kept(broker, NAMES[:3], "bundle") == set()
    assert "for 0 handsets" in desk.did("withdraw", message[:16])


def test_what_a_later_message_has_replaced_is_neither_withdrawn_nor_sent_again(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    newer = desk.write("newer", desk.signer.policy(2, "2026-04-01"))
    with Handsets(broker, NAMES[:3], lambda device: OutcomeCode.TAKEN if device != "desk-0" else None):
        desk.did("policy", desk.policy, "--stages", "100%", "--max-failures", "50%", "--stage-timeout", "5")
        older = desk.record().message
        named = ("--device", "desk-0", "--device", "desk-1")
        said = desk.did("policy", newer, *named, "--stages", "100%", "--max-failures", "50%", "--stage-timeout", "5")
        assert "1 handset said nothing yet of policy 2026-03-01" in said
        assert "policy 2026-04-01 was published after" in desk.refused("policy", desk.policy, "--again")
        assert "for 1 handset" in desk.did("withdraw", older)
    assert kept(broker, NAMES[:3], "policy") == {"desk-0", "desk-1"}


def test_an_operator_whom_the_access_list_does_not_know_is_told_so(
    broker: FleetBroker, desk: PublishingDesk, tmp_path: Path
) -> None:
    stranger = PublishingDesk(tmp_path / "stranger", broker, operator="nobody")
    with Handsets(broker, NAMES[:1], everybody_takes_it) as handsets:
        assert "access list" in stranger.refused("policy", stranger.policy, "--device", "desk-0")
        assert handsets.arrivals == []


def test_a_handsets_certificate_and_a_broker_that_is_not_there_are_said_in_words(
    broker: FleetBroker, desk: PublishingDesk
) -> None:
    settings = desk.folder / "operator.toml"
    as_operator = settings.read_text()
    settings.write_text(
        as_operator.replace(str(broker.operator().certificate), str(broker.device("desk-0").certificate))
    )
    assert "not of an operator" in desk.refused("policy", desk.policy)
    settings.write_text(as_operator)
    broker.stop()
    assert "cannot be reached" in desk.refused("policy", desk.policy)
    broker.start()
    assert "no handset" in desk.refused("policy", desk.policy)


class SiteStick:
    """A stick with a bundle for each of some handsets."""

    def __init__(self, folder: Path) -> None:
        self.installer = Installer()
        self.path = folder / "stick"
        self.path.mkdir()
        self.messages: dict[str, str] = {}

    def bring(self, device: str, serial: str, number: int = 7, **changes: Any) -> None:
        now = datetime.now(UTC)
        dates = {"issued_at": now - timedelta(hours=1), "not_after": now + timedelta(days=1)}
        configuration = configuration_text(self.installer, device=device).encode()
        bundle = self.installer.bundle(
            {"config.toml": configuration}, number, **({"serials": (serial,)} | dates | changes)
        )
        (self.path / f"{serial}.wecall").write_bytes(bundle)
        self.messages[device] = hashlib.sha256(bundle).hexdigest()


def serial_of(number: int) -> str:
    return f"10000000abcd{number:04}"


@pytest.fixture
def stick(tmp_path: Path) -> SiteStick:
    stick = SiteStick(tmp_path)
    for number, name in enumerate(NAMES):
        stick.bring(name, serial_of(number))
    return stick


def everybody_applies_it(_device: str) -> OutcomeCode:
    return OutcomeCode.APPLIED


@pytest.mark.feature("roll-out")
def test_the_bundles_of_a_stick_go_each_to_its_own_handset_in_one_roll_out(
    broker: FleetBroker, desk: PublishingDesk, stick: SiteStick
) -> None:
    with Handsets(broker, NAMES, everybody_applies_it) as handsets:
        said = desk.did("site", stick.path, "--stages", "10%,50%,100%")
        handsets.wait_until_reached(20)
        assert "site 7 is with the broker for 20 handsets.\n  applied: 20\n" in said
        assert sorted(handsets.arrivals) == sorted(stick.messages.items())
        assert [len(stage) for stage in desk.record().plan.stages] == [2, 8, 10]
        assert {each.message: each.name for each in publications(broker)} == dict.fromkeys(stick.messages.values(), "7")
        assert "site 7 for shop" in desk.did("status")
        desk.did("site", stick.path)
        assert len(handsets.arrivals) == 20
    assert "for 20 handsets" in desk.did("withdraw", desk.record().message[:16])


def test_a_dry_run_says_which_bundle_would_go_to_whom_and_who_has_it_by_stick(
    broker: FleetBroker, desk: PublishingDesk, stick: SiteStick
) -> None:
    done = report(serial=serial_of(3))
    (stick.path / f"{done.file_stem}.json").write_text(done.as_json())
    older = report(serial=serial_of(4), number=6)
    (stick.path / f"{older.file_stem}.json").write_text(older.as_json())
    with Handsets(broker, NAMES, everybody_applies_it) as handsets:
        said = desk.did("site", stick.path, "--dry-run", "--stages", "10%,100%")
        assert (
            "It would go to 19 handsets, 19 of them online now. 1 handset had theirs before. Nothing is sent." in said
        )
        assert set(re.findall(r"wecall/v1/(\S+)/bundle  (\S+)", said)) == {
            (f"{FLEET}/{name}", f"{serial_of(number)}.wecall") for number, name in enumerate(NAMES) if number != 3
        }
        assert handsets.arrivals == []
    assert publications(broker) == []
    assert not list((desk.folder / "publications").glob("*.rollout"))


@pytest.mark.feature("roll-out")
def test_a_site_stops_by_itself_and_what_was_mended_goes_to_those_that_have_not_taken_theirs(
    broker: FleetBroker, desk: PublishingDesk, stick: SiteStick
) -> None:
    def all_but_one(device: str) -> OutcomeCode:
        return OutcomeCode.REVERTED_LINES if device == broken else OutcomeCode.APPLIED

    broken = ""
    with Handsets(broker, NAMES, all_but_one) as handsets:
        said = desk.did("site", stick.path, "--dry-run", "--stages", "20%,100%")
        first = re.findall(rf"wecall/v1/{FLEET}/(\S+)/bundle", said)[:4]
        broken = first[-1]
        said = desk.refused("site", stick.path, "--stages", "20%,100%")
        assert "reverted_lines: 1" in said
        handsets.wait_until_reached(4)
        assert handsets.reached == set(first)
        assert desk.record().stopped is StopReason.FAILURES
        assert "--go-on" in desk.refused("site", stick.path)
        stick.bring(broken, serial_of(int(broken.partition("-")[2])), number=8)
        mended, broken = broken, ""
        said = desk.did("site", stick.path, "--stages", "20%,100%")
        assert "site 8 is with the broker for 17 handsets.\n  applied: 17\n" in said
        handsets.wait_until_reached(20)
    taken = [device for device, message in handsets.arrivals if stick.messages[device] == message]
    assert sorted(taken) == sorted(NAMES)
    assert [device for device, _ in handsets.arrivals].count(mended) == 2


@pytest.mark.feature("roll-out")
def test_a_site_that_was_killed_goes_on_where_it_was(
    broker: FleetBroker, desk: PublishingDesk, stick: SiteStick
) -> None:
    arguments = ("site", stick.path, "--stages", "5%,20%,60%,100%", "--stage-timeout", "600")
    with Handsets(broker, NAMES, everybody_applies_it) as handsets:
        process = desk.process(*arguments)
        handsets.wait_until_reached(5)
        end(process)
        known = set(desk.record().roll_out.codes)
        before = len(handsets.arrivals)
        assert "applied: 20" in desk.did(*arguments)
        handsets.wait_until_reached(20)
    assert known.isdisjoint(device for device, _ in handsets.arrivals[before:])
    assert dict(handsets.arrivals) == stick.messages


def test_what_handsets_say_of_their_bundles_while_something_else_is_published_is_kept(
    broker: FleetBroker, desk: PublishingDesk, stick: SiteStick
) -> None:
    with Handsets(broker, NAMES, lambda _device: None) as handsets:
        process = desk.process("site", stick.path, "--stages", "100%", "--stage-timeout", "600")
        handsets.wait_until_reached(20)
        end(process)
    message = desk.record().message
    for name in NAMES[:2]:
        with Guest(broker, name) as handset:
            outcome = f'{{"device":"{name}","message":"{stick.messages[name]}","code":"applied","epoch":1,"seq":1}}'
            assert handset.may_publish(f"wecall/v1/{FLEET}/{name}/outcome", outcome.encode())
            # The bundle of another handset is none of its business.
            of_other = outcome.replace(stick.messages[name], stick.messages["desk-9"]).replace('"seq":1', '"seq":2')
            assert handset.may_publish(f"wecall/v1/{FLEET}/{name}/outcome", of_other.encode())
    with Handsets(broker, NAMES[:1], everybody_takes_it):
        desk.did("policy", desk.policy, "--device", "desk-0", "--stages", "100%")
    record = RecordFolder(desk.folder / "publications").find(message)
    assert record is not None
    with record:
        assert record.roll_out.codes == dict.fromkeys(NAMES[:2], OutcomeCode.APPLIED)


def test_a_bundle_for_a_handset_that_the_broker_has_never_seen_stops_the_site_before_it_begins(
    broker: FleetBroker, desk: PublishingDesk, stick: SiteStick
) -> None:
    stick.bring("dekc-3", serial_of(3))
    with Handsets(broker, NAMES, everybody_applies_it) as handsets:
        said = desk.refused("site", stick.path)
        assert "never seen dekc-3. Did you mean desk-3 or" in said
        assert handsets.arrivals == []
        assert "no answer yet: 1" in desk.did("site", stick.path, "--never-online", "--stages", "100%")
