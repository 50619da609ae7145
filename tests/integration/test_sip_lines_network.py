"""The account and its calls on networks that change and break, over IPv4 and IPv6, seen on the wire."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from firmware.phone.call import CallState, RegistrationFailure, RegistrationState
from firmware.phone.events import Event
from firmware.phone.news import CallQualityMeasured, CallStateChanged, RegistrationChanged
from firmware.phone.orders import HangUpCall
from firmware.voice.sip.settings import ServerName
from provisioning.sip_choices import Srtp, Transport
from tests.lab import chance
from tests.lab.audio import level
from tests.lab.operator_site import (
    FRIEND_HZ,
    HOME,
    HOME_6,
    OPERATOR,
    OPERATOR_6,
    PHONE_HZ,
    USERS,
    OperatorSite,
    call,
    operator_site,
)
from tests.lab.packets import PacketTrace
from tests.lab.patience import wait_until
from tests.lab.reports import DESCRIPTION, GOODBYE, PLAIN, SENDER, is_rtcp, kinds
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

pytestmark = pytest.mark.feature("broken networks")

CLASS_SELECTOR_3, EXPEDITED_FORWARDING = 24, 46
WINDOW_S = 0.4
HEARD = 1000.0
NEW_HOME = "10.9.0.77"
NEW_HOME_6 = "fd09::77"
CHANGES = chance.counted(200, 8)
# For so long there is no address; a lease that is renewed elsewhere takes none of it, or seconds.
WITHOUT_S = (0.0, 0.0, 0.1, 0.5, 1.5)
REACHABLE_S = 5.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[OperatorSite]:
    with operator_site(tmp_path) as site:
        yield site


def both_hear_each_other(phone: SipLine, friend: SecondPhone) -> None:
    """Wait until a tone fills a whole window at either end."""
    for last_heard, frequency_hz in ((friend.last_heard, PHONE_HZ), (phone.last_heard, FRIEND_HZ)):
        wait_until(lambda: level(last_heard(WINDOW_S), frequency_hz) >= HEARD, f"{frequency_hz} Hz is heard")  # noqa: B023 - at once


def follow(
    site: OperatorSite,
    phone: SipLine,
    friend: SecondPhone,
    address: str,
    *others: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Change the address in a call; wait until it is registered and both hear each other again."""
    began = time.monotonic()
    site.cable.first.change_addresses(address, *others)
    host = address.partition("/")[0]
    wait_until(lambda: any(host in contact for contact in site.registrar.contacts("alice")), "it is registered")
    record_property("address_registered_s", time.monotonic() - began)
    # What is heard of the moment before the change is over by then.
    time.sleep(max(0.0, began + 1 - time.monotonic()))
    both_hear_each_other(phone, friend)
    record_property("address_audible_s", time.monotonic() - began)


@pytest.mark.feature("IPv4 and IPv6")
@pytest.mark.parametrize(
    ("ipv6", "transport"),
    [
        (False, Transport.UDP),
        (False, Transport.TLS),
        (True, Transport.UDP),
        (True, Transport.TCP),
        (True, Transport.TLS),
    ],
)
def test_a_call_over_either_family_is_heard_at_both_ends_and_every_packet_is_marked(
    site: OperatorSite, ipv6: bool, transport: Transport
) -> None:
    account = site.account("alice", transport=transport, address=OPERATOR_6 if ipv6 else OPERATOR)
    with (
        PacketTrace(site.cable.second) as trace,
        site.friend(address=OPERATOR) as friend,
        site.phone(account) as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        call(phone, friend)
        both_hear_each_other(phone, friend)
    ours = [packet for packet in trace.packets if packet.source in {HOME, HOME_6} and packet.payload]
    sound = [packet for packet in ours if packet.is_rtp]
    signalling = [packet for packet in ours if not packet.is_rtp]
    assert {packet.source for packet in signalling} == {HOME_6 if ipv6 else HOME}
    assert len(sound) > 5
    assert len(signalling) > 3
    assert {packet.dscp for packet in sound} == {EXPEDITED_FORWARDING}
    assert {packet.dscp for packet in signalling} == {CLASS_SELECTOR_3}


@pytest.mark.parametrize("phone_calls", [True, False])
@pytest.mark.parametrize("srtp", [Srtp.OFF, Srtp.PREFERRED])
def test_a_network_with_nothing_but_ipv6_carries_sound_both_ways_and_marked(
    tmp_path: Path, phone_calls: bool, srtp: Srtp
) -> None:
    with (
        operator_site(tmp_path, ipv4=False) as site,
        PacketTrace(site.cable.second) as trace,
        site.friend() as friend,
        site.phone(replace(site.account("alice"), srtp=srtp)) as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        call_id = call(phone, friend) if phone_calls else call(friend, phone, "alice")
        both_hear_each_other(phone, friend)
        caller = phone if phone_calls else friend
        caller.stack.order(HangUpCall(call_id))
        caller.wait_for_call(call_id, CallState.DISCONNECTED)
    sound = [packet for packet in trace.packets if packet.is_rtp and packet.source == HOME_6]
    assert len(sound) > 5
    assert {packet.dscp for packet in sound} == {EXPEDITED_FORWARDING}


@pytest.mark.feature("call quality")
def test_between_two_of_ours_plain_reports_alone_cross_the_wire_and_tell_how_each_is_heard(site: OperatorSite) -> None:
    with (
        PacketTrace(site.cable.second) as trace,
        site.friend(address=OPERATOR) as friend,
        site.phone(site.account("alice")) as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        call_id = call(phone, friend)
        for one in (phone, friend):
            told = one.wait_for(CallQualityMeasured, lambda event: event.quality.far_loss_percent is not None)
            assert told.quality.far_loss_percent == pytest.approx(0, abs=2)
            assert told.quality.far_mos is None
        phone.stack.order(HangUpCall(call_id))
        for one in (phone, friend):
            one.wait_for(CallStateChanged, lambda event: event.state is CallState.DISCONNECTED)
    for end in (HOME, OPERATOR):
        sent = [packet.payload for packet in trace.packets if packet.source == end and is_rtcp(packet.payload)]
        assert {SENDER, DESCRIPTION, GOODBYE} <= set(kinds(sent)) <= PLAIN


def test_marks_can_be_set(site: OperatorSite) -> None:
    with PacketTrace(site.cable.second) as trace, site.phone(site.account("alice"), dscp_signalling=40) as phone:
        phone.wait_for_registration(RegistrationState.REGISTERED)
    marks = {packet.dscp for packet in trace.packets if packet.source == HOME and packet.payload}
    assert marks == {40}


def test_an_address_that_cannot_be_reached_is_passed_over_for_one_of_the_other_family(tmp_path: Path) -> None:
    with operator_site(tmp_path, ipv4=False) as site:
        port = site.registrar.udp_port
        account = site.account("alice", address=OPERATOR, fallback_servers=(ServerName(f"[{OPERATOR_6}]", port),))
        with site.phone(account) as phone:
            phone.wait_for_registration(RegistrationState.REGISTERED)


@pytest.mark.feature("changed address")
@pytest.mark.parametrize("transport", list(Transport))
def test_a_changed_address_is_registered_and_a_calls_sound_is_back(
    site: OperatorSite, record_property: Callable[[str, object], None], transport: Transport
) -> None:
    with site.friend(address=OPERATOR) as friend, site.phone(site.account("alice", transport=transport)) as phone:
        phone.wait_for_registration(RegistrationState.REGISTERED)
        call(phone, friend)
        both_hear_each_other(phone, friend)
        follow(site, phone, friend, f"{NEW_HOME}/24", f"{HOME_6}/64", record_property=record_property)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_after_each_change_of_address_every_line_is_reachable_there_or_says_that_it_is_not(site: OperatorSite) -> None:
    standing = dict.fromkeys(USERS, RegistrationState.UNREGISTERED)

    def note(event: Event) -> None:
        if isinstance(event, RegistrationChanged):
            standing[event.account or "alice"] = event.state

    def strayed(host: str) -> list[str]:
        """Name the lines that say that they are connected, and of which the registrar knows no way there."""
        connected = [user for user, state in standing.items() if state is RegistrationState.REGISTERED]
        return [user for user in connected if not any(f"@{host}:" in way for way in site.registrar.contacts(user))]

    mixed = cycle(Transport)
    default, *others = (site.account(user, transport=next(mixed)) for user in USERS)
    accounts = tuple(replace(account, name=account.username) for account in others)
    with site.phone(default, more_accounts=accounts) as phone:
        phone.when_posted = note
        wait_until(lambda: set(standing.values()) == {RegistrationState.REGISTERED}, "all lines are up")
        end, dice = site.cable.first, chance.dice()
        for number in range(CHANGES):
            # It keeps a few ways to each line, and would refuse the sixth.
            for user in USERS:
                site.registrar.forget(user)
            host = f"10.9.0.{20 + number % 200}"
            end.change_addresses()
            time.sleep(dice.choice(WITHOUT_S))
            end.change_addresses(f"{host}/24", f"{HOME_6}/64")
            wait_until(lambda: not strayed(host), "every line that says so can be called", REACHABLE_S)  # noqa: B023 - at once
            wait_until(lambda: set(standing.values()) == {RegistrationState.REGISTERED}, "all lines are up again")
            assert not strayed(host)


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TLS])
def test_a_changed_address_of_ipv6_is_followed_too(
    tmp_path: Path, record_property: Callable[[str, object], None], transport: Transport
) -> None:
    with (
        operator_site(tmp_path, ipv4=False) as site,
        site.friend() as friend,
        site.phone(site.account("alice", transport=transport)) as phone,
    ):
        phone.wait_for_registration(RegistrationState.REGISTERED)
        call(phone, friend)
        both_hear_each_other(phone, friend)
        follow(site, phone, friend, f"{NEW_HOME_6}/64", record_property=record_property)


def test_a_network_that_swallows_everything_is_called_unreachable_and_recovered_from(
    site: OperatorSite,
) -> None:
    with site.phone(site.account("alice")) as phone:
        phone.wait_for_registration(RegistrationState.REGISTERED)
        site.cable.blackhole()
        failed = phone.wait_for_registration(RegistrationState.FAILED)
        assert failed.failure is RegistrationFailure.SERVER_UNREACHABLE
        phone.forget()
        site.cable.heal()
        phone.wait_for_registration(RegistrationState.REGISTERED)


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TLS])
def test_a_pulled_plug_is_called_that_and_a_plugged_one_noticed_at_once(
    site: OperatorSite, transport: Transport
) -> None:
    with site.phone(site.account("alice", transport=transport), retry_base_s=600, retry_cap_s=600) as phone:
        phone.wait_for_registration(RegistrationState.REGISTERED)
        site.cable.first.set_up(False)
        failed = phone.wait_for_registration(RegistrationState.FAILED)
        assert failed.failure in {RegistrationFailure.NO_NETWORK, RegistrationFailure.SERVER_UNREACHABLE}
        phone.forget()
        site.cable.first.set_up(True)
        # Long before the next try.
        phone.wait_for_registration(RegistrationState.REGISTERED)
