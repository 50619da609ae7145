import itertools
import random
from collections import Counter
from collections.abc import Callable

import pytest

from firmware.phone.call import RegistrationFailure, RegistrationState
from firmware.phone.news import RegistrationChanged
from firmware.voice.sip.registration import (
    ANSWER_OVERDUE_S,
    FAIL_OVER_JITTER_S,
    REFUSED_CAP_S,
    RETURN_CAP_S,
    SILENT_S,
    Registration,
)
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.servers import ServerChoice, Target

EXPIRES_S = 300.0
RETURN_S = 30.0


class ServerRoom:
    """A line whose far end does what the test says, on a clock that the test turns."""

    def __init__(
        self,
        probe_s: float | None = None,
        servers: int = 1,
        binding_check_s: float = 0,
        *,
        idle_probe_s: float = 0,
        knocks: bool = False,
        seed: int = 7,
    ) -> None:
        self.now_s = 0.0
        self.scheduler = Scheduler(lambda: self.now_s)
        self.told = list[RegistrationChanged]()
        self.sent: list[str] = []
        self.address_failure: RegistrationFailure | None = None
        self.registration = Registration(
            self,
            self.scheduler,
            self.told.append,
            account="work",
            retry_base_s=1,
            retry_cap_s=60,
            probe_s=probe_s,
            idle_probe_s=idle_probe_s,
            binding_check_s=binding_check_s,
            knocks=knocks,
            rng=random.Random(seed),
        )
        self.choice = ServerChoice()
        self.choice.offer([Target(str(number), f"192.0.2.{number}", 5060) for number in range(servers)])
        self.used = self.choice.current
        self.first_answers = False
        self.is_open = False
        self.is_busy = False

    def prepare(self, done: Callable[[RegistrationFailure | None], None]) -> None:
        done(self.address_failure)

    def register(self) -> None:
        self.used = self.choice.current
        self.sent.append("register")

    def unregister(self) -> None:
        self.sent.append("unregister")

    def probe(self) -> None:
        self.sent.append("probe")

    def keep_open(self) -> None:
        self.sent.append("keep open")

    def do_without_flows(self) -> bool:
        return False

    def knock(self, done: Callable[[bool], None]) -> None:
        self.sent.append("knock")
        done(self.is_open)

    @property
    def has_others(self) -> bool:
        return len(self.choice.targets) > 1

    @property
    def is_at_first(self) -> bool:
        return self.choice.is_at_first

    @property
    def is_moving(self) -> bool:
        return self.choice.current != self.used

    def next_server(self) -> bool:
        return self.choice.advance()

    def return_to_first(self) -> None:
        self.choice.return_to_first()

    def settle(self) -> None:
        self.choice.settle()

    def probe_first(self, done: Callable[[bool], None]) -> None:
        self.sent.append("probe first")
        done(self.first_answers)

    @property
    def server(self) -> int:
        return self.choice.targets.index(self.choice.current) if self.choice.current else -1

    def pass_time(self, duration_s: float) -> None:
        end_s = self.now_s + duration_s
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + self.scheduler.wait_s(1.0) + 0.001)
            self.scheduler.run_due()

    @property
    def state(self) -> RegistrationState:
        return self.told[-1].state


def test_it_registers_at_once() -> None:
    room = ServerRoom()
    room.registration.start()
    assert room.sent == ["register"]
    room.registration.succeeded()
    assert [event.state for event in room.told] == [RegistrationState.REGISTERING, RegistrationState.REGISTERED]


def test_failed_tries_are_repeated_ever_more_slowly_up_to_the_cap() -> None:
    room = ServerRoom()
    room.registration.start()
    for _ in range(20):
        room.registration.failed(RegistrationFailure.REFUSED, 503)
        assert room.told[-1].retry_in_s <= 60
        room.pass_time(61)
    assert room.sent == ["register"] * 21
    assert max(event.retry_in_s for event in room.told) > 10
    assert [event.state for event in room.told].count(RegistrationState.REGISTERING) == 1, "the reason stays shown"


def lost_for(away_s: float, *, knocks: bool = True, seed: int = 7) -> ServerRoom:
    """Return a line whose server refuses connections for so long, whatever is tried, and takes them from then on."""
    room = ServerRoom(knocks=knocks, seed=seed)
    room.registration.start()
    room.registration.succeeded()
    room.registration.connection_lost()
    while room.now_s < away_s:
        before = room.sent.count("register")
        room.pass_time(0.25)
        if room.sent.count("register") > before:
            room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
    room.is_open = True
    room.sent.clear()
    room.told.clear()
    return room


def returns(room: ServerRoom, *, within_s: float = 100) -> tuple[float, float]:
    """Return after how many seconds the display says no longer that there is no answer, and when REGISTER goes out."""
    began_s, told_s = room.now_s, None
    while "register" not in room.sent and room.now_s < began_s + within_s:
        room.pass_time(0.05)
        if told_s is None and room.told and room.state is RegistrationState.REGISTERING:
            told_s = room.now_s - began_s
    sent_s = room.now_s - began_s
    # A try whose time had come anyway succeeds before anybody knocks.
    return told_s or sent_s, sent_s


@pytest.mark.parametrize("away_s", [1, 20, 120])
def test_a_thousand_handsets_notice_within_two_seconds_that_their_server_is_back_and_come_one_by_one(
    away_s: float,
) -> None:
    noticed, sent = zip(*(returns(lost_for(away_s, seed=seed)) for seed in range(1000)), strict=True)
    assert max(noticed) < 2
    assert max(sent) < 4.5
    for second in range(5):
        assert sum(second <= at_s < second + 1 for at_s in sent) < 500, "no second has half of them"


def test_while_a_server_is_away_a_handset_looks_for_it_once_a_second_or_two_and_after_minutes_seldom() -> None:
    room = ServerRoom(knocks=True)
    room.registration.start()
    room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
    room.pass_time(60)
    assert 40 <= room.sent.count("knock") <= 80
    room.pass_time(3600)
    before = room.sent.count("knock")
    room.pass_time(3600)
    assert 55 <= room.sent.count("knock") - before <= 125


def test_a_server_that_takes_connections_and_no_registrations_is_left_alone_ever_longer() -> None:
    room = lost_for(20)
    for _ in range(20):
        returns(room)
        room.sent.clear()
        room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
        assert "knock" not in room.sent
    assert max(event.retry_in_s for event in room.told) > 10
    room.registration.succeeded()
    room.registration.connection_lost()
    room.is_open = False
    room.pass_time(2)
    assert "knock" in room.sent, "it is another time"


def test_what_becomes_of_a_register_from_before_the_server_was_back_changes_nothing() -> None:
    room = lost_for(20)
    while room.state is not RegistrationState.REGISTERING if room.told else True:
        room.pass_time(0.05)
    room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
    assert room.state is RegistrationState.REGISTERING
    assert returns(room)[1] < 3


def test_over_datagrams_nobody_knocks() -> None:
    room = lost_for(20, knocks=False)
    room.pass_time(10)
    assert "knock" not in room.sent


def test_a_server_that_answers_a_probe_is_no_longer_said_not_to() -> None:
    room = ServerRoom(probe_s=2)
    room.registration.start()
    room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
    room.registration.probe_ended(answered=True)
    assert room.state is RegistrationState.REGISTERING


def test_the_server_may_ask_for_more_patience_but_not_beyond_the_cap() -> None:
    room = ServerRoom()
    room.registration.start()
    room.registration.failed(RegistrationFailure.REFUSED, 503, retry_after_s=30)
    assert room.told[-1].retry_in_s == 30
    room.registration.failed(RegistrationFailure.REFUSED, 503, retry_after_s=86400)
    assert room.told[-1].retry_in_s == 60


def refused_for(room: ServerRoom, duration_s: float) -> list[float]:
    """Let a server refuse the password, and return when it was tried."""
    tries: list[float] = []
    ends_s = room.now_s + duration_s
    while room.now_s < ends_s:
        if room.sent.count("register") > len(tries):
            tries.append(room.now_s)
            room.registration.failed(RegistrationFailure.WRONG_PASSWORD, 401)
        room.pass_time(0.5)
    return tries


@pytest.mark.parametrize("seed", range(10))
def test_a_wrong_password_is_tried_three_times_in_ten_minutes_and_in_the_end_once_an_hour(seed: int) -> None:
    room = ServerRoom(seed=seed)
    room.registration.start()
    tries = refused_for(room, 8 * 3600)
    assert sum(tried < 600 for tried in tries) <= 3
    assert 0.8 * REFUSED_CAP_S <= tries[-1] - tries[-2] <= REFUSED_CAP_S + 2
    assert room.told[-1].retry_in_s > 1800
    # Networks that come and go do not make it guess faster than once a minute.
    before = len(room.sent)
    for _ in range(600):
        room.registration.retry_now()
        refused_for(room, 1)
    assert len(room.sent) - before <= 11
    room.registration.succeeded()
    room.registration.failed(RegistrationFailure.WRONG_PASSWORD, 403)
    assert room.told[-1].retry_in_s <= 120


def test_an_unknown_address_is_looked_up_again() -> None:
    room = ServerRoom()
    room.address_failure = RegistrationFailure.SERVER_NOT_FOUND
    room.registration.start()
    assert room.told[-1].failure is RegistrationFailure.SERVER_NOT_FOUND
    assert room.sent == []
    room.address_failure = None
    room.pass_time(2)
    assert room.sent == ["register"]


def test_a_silent_server_is_called_unreachable_before_the_library_gives_up() -> None:
    room = ServerRoom(probe_s=2)
    room.registration.start()
    room.pass_time(ANSWER_OVERDUE_S + 0.1)
    assert room.told[-1].failure is RegistrationFailure.SERVER_UNREACHABLE
    room.pass_time(3)
    assert "probe" in room.sent
    room.registration.probe_ended(answered=True)
    room.pass_time(1.1)
    assert room.sent.count("register") == 2


def test_a_server_that_stops_answering_probes_is_lost_and_one_that_answers_again_gets_a_register() -> None:
    room = ServerRoom(probe_s=2)
    room.registration.start()
    room.registration.succeeded()
    room.pass_time(0.1)
    for _ in range(5):
        room.registration.probe_ended(answered=True)
        room.pass_time(2.01)
    assert room.state is RegistrationState.REGISTERED
    room.pass_time(4.1)
    assert room.told[-1].failure is RegistrationFailure.SERVER_UNREACHABLE
    assert room.sent.count("register") == 1
    room.registration.probe_ended(answered=True)
    room.pass_time(1.1)
    assert room.sent.count("register") == 2
    room.registration.succeeded()
    assert room.state is RegistrationState.REGISTERED


def test_only_a_few_probes_are_unanswered_at_a_time() -> None:
    room = ServerRoom(probe_s=2)
    room.registration.start()
    room.registration.succeeded()
    room.pass_time(0.1)
    room.registration.probe_ended(answered=True)
    room.sent.clear()
    room.pass_time(60)
    assert room.sent.count("probe") == 3


def test_a_lost_connection_is_made_again_within_the_first_step_of_the_back_off() -> None:
    room = ServerRoom()
    room.registration.start()
    room.registration.succeeded()
    room.registration.connection_lost()
    assert room.state is RegistrationState.FAILED
    room.pass_time(1.1)
    assert room.sent == ["register", "register"]


def test_a_change_of_network_is_followed_at_once() -> None:
    room = ServerRoom()
    room.registration.start()
    room.registration.failed(RegistrationFailure.NO_NETWORK)
    room.registration.retry_now()
    assert room.sent == ["register", "register"]


@pytest.mark.parametrize("registered", [True, False])
def test_stopping_unregisters_only_what_is_registered_and_nothing_follows(registered: bool) -> None:
    room = ServerRoom(probe_s=2)
    room.registration.start()
    if registered:
        room.registration.succeeded()
    room.registration.stop()
    room.registration.failed(RegistrationFailure.REFUSED)
    room.registration.retry_now()
    room.pass_time(120)
    assert room.sent == ["register", "unregister"][: 1 + registered]


def test_what_is_no_status_in_sip_is_a_failure_without_a_code() -> None:
    room = ServerRoom()
    room.registration.start()
    room.registration.failed(RegistrationFailure.REFUSED, 799)
    assert (room.told[-1].state, room.told[-1].sip_code) == (RegistrationState.FAILED, 0)


# --- several servers --------------------------------------------------------------------------------------------------


def test_what_is_posted_names_the_account() -> None:
    room = ServerRoom()
    room.registration.start()
    assert {event.account for event in room.told} == {"work"}


def test_a_silent_server_is_left_for_the_next_within_three_seconds() -> None:
    room = ServerRoom(probe_s=2, servers=2)
    room.registration.start()
    room.pass_time(SILENT_S + FAIL_OVER_JITTER_S + 0.1)
    assert (room.sent, room.server) == (["register", "register"], 1)
    room.registration.succeeded()
    assert room.state is RegistrationState.REGISTERED


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (RegistrationFailure.SERVER_UNREACHABLE, 0),
        (RegistrationFailure.CERTIFICATE_REJECTED, 0),
        (RegistrationFailure.NO_NETWORK, 0),
        (RegistrationFailure.REFUSED, 503),
    ],
)
def test_what_may_be_one_servers_trouble_leads_to_the_next(failure: RegistrationFailure, code: int) -> None:
    room = ServerRoom(servers=2)
    room.registration.start()
    room.registration.failed(failure, code)
    room.pass_time(FAIL_OVER_JITTER_S + 0.1)
    assert (room.sent, room.server) == (["register", "register"], 1)
    assert room.state is RegistrationState.REGISTERING


@pytest.mark.parametrize(
    "failure", [RegistrationFailure.WRONG_PASSWORD, RegistrationFailure.ACCOUNT_UNKNOWN, RegistrationFailure.REFUSED]
)
def test_a_refusal_that_any_server_would_give_leads_nowhere(failure: RegistrationFailure) -> None:
    room = ServerRoom(servers=2)
    room.registration.start()
    room.registration.failed(failure, 403)
    assert (room.server, room.state) == (0, RegistrationState.FAILED)


def test_once_every_server_has_failed_the_account_rests_and_begins_again_with_the_best() -> None:
    room = ServerRoom(servers=3)
    room.registration.start()
    for _ in range(30):
        for expected in (0, 1, 2):
            assert room.server == expected
            room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
            if expected < 2:
                room.pass_time(FAIL_OVER_JITTER_S + 0.1)
        assert room.told[-1].failure is RegistrationFailure.SERVER_UNREACHABLE
        sent = len(room.sent)
        while len(room.sent) == sent:
            room.pass_time(0.1)
    waits = [event.retry_in_s for event in room.told if event.state is RegistrationState.FAILED]
    assert max(waits) > 10
    assert len(room.sent) == 1 + 30 * 3


def test_a_thousand_handsets_do_not_arrive_at_the_next_server_at_once() -> None:
    arrivals = []
    for seed in range(100):
        room = ServerRoom(servers=2)
        room.registration._rng = random.Random(seed)
        room.registration.start()
        room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
        began = room.now_s
        while len(room.sent) < 2:
            room.pass_time(0.01)
        arrivals.append(room.now_s - began)
    assert max(arrivals) - min(arrivals) > 0.8 * FAIL_OVER_JITTER_S


def test_a_probe_without_an_answer_leads_to_the_next_server_within_five_seconds() -> None:
    room = ServerRoom(probe_s=2, servers=2)
    room.registration.start()
    room.registration.succeeded()
    room.pass_time(0.1)
    room.registration.probe_ended(answered=True)
    room.pass_time(4.5)
    assert room.server == 1
    assert room.sent.count("register") == 2


def test_a_server_that_is_gone_before_it_has_answered_a_probe_is_left_within_five_seconds_too() -> None:
    room = ServerRoom(probe_s=2, servers=2)
    room.registration.start()
    room.registration.succeeded()
    room.pass_time(4.9)
    assert room.server == 1


def test_a_server_that_answers_no_probes_is_probed_once_and_lost_where_it_does_not_answer_a_register() -> None:
    room = ServerRoom(probe_s=2, binding_check_s=4)
    room.registration.start()
    room.registration.succeeded()
    room.pass_time(2.5)
    assert room.sent == ["register", "probe", "keep open", "register"]
    for _ in range(100):
        room.registration.succeeded()
        room.pass_time(4.05)
    assert room.sent.count("probe") == 1
    assert {event.state for event in room.told} == {RegistrationState.REGISTERING, RegistrationState.REGISTERED}
    # One that answers late, as over a line that loses packets, is probed as any other.
    room.registration.probe_ended(answered=True)
    room.pass_time(3)
    assert room.sent.count("probe") > 1


def test_a_late_answer_to_a_probe_has_nobody_probed_who_refuses() -> None:
    room = ServerRoom(probe_s=2, binding_check_s=4)
    room.registration.start()
    room.registration.succeeded()
    room.pass_time(0.1)
    room.registration.failed(RegistrationFailure.WRONG_PASSWORD, 403)
    room.registration.probe_ended(answered=True)
    room.sent.clear()
    room.pass_time(60)
    assert room.sent == []


def answered_for(room: ServerRoom, duration_s: float) -> Counter[str]:
    """Let a server answer everything at once, and count what was sent to it."""
    room.sent.clear()
    seen = 0
    ends_s = room.now_s + duration_s
    renewed_s = room.now_s
    while room.now_s < ends_s:
        room.pass_time(0.5)
        if room.now_s - renewed_s >= EXPIRES_S - 5:
            # The library renews by itself.
            room.sent.append("register")
        for what in room.sent[seen:]:
            if what == "register":
                renewed_s = room.now_s
                room.registration.succeeded()
            elif what == "probe":
                room.registration.probe_ended(answered=True)
        seen = len(room.sent)
    return Counter(room.sent)


def test_after_ten_quiet_minutes_a_line_costs_at_most_240_messages_an_hour_and_none_is_missed_in_calls() -> None:
    room = ServerRoom(probe_s=2, idle_probe_s=20, binding_check_s=4)
    room.registration.start()
    room.registration.succeeded()
    lively = answered_for(room, 60)
    assert lively["probe"] >= 28
    assert lively["register"] >= 13
    answered_for(room, 540)
    quiet = answered_for(room, 3600)
    # Servers ask for the password each time.
    assert quiet["probe"] + 2 * quiet["register"] <= 240
    assert quiet["probe"] >= 3600 / 25
    room.is_busy = True
    answered_for(room, 20)
    used = answered_for(room, 60)
    assert used["probe"] >= 28
    assert used["register"] >= 13
    room.is_busy = False
    # One that is lost is noticed as soon as it has not answered one.
    answered_for(room, 600)
    room.pass_time(20 + 2.5)
    assert room.told[-1].failure is RegistrationFailure.SERVER_UNREACHABLE


def test_where_nothing_is_to_be_eased_nothing_is() -> None:
    room = ServerRoom(probe_s=2, idle_probe_s=2, binding_check_s=4)
    room.registration.start()
    room.registration.succeeded()
    answered_for(room, 3600)
    assert answered_for(room, 60)["register"] >= 13


def test_after_a_change_of_address_the_line_is_connected_once_the_registrar_says_so() -> None:
    room = ServerRoom()
    room.registration.start()
    room.registration.succeeded()
    room.sent.clear()
    room.registration.moved()
    assert room.state is RegistrationState.REGISTERING
    # The library says nothing: it is asked for a REGISTER each second.
    room.pass_time(3.1)
    assert room.sent == ["register"] * 3
    room.registration.succeeded()
    assert room.told[-1].state is RegistrationState.REGISTERED
    room.registration.moved()
    room.pass_time(ANSWER_OVERDUE_S + 0.1)
    assert room.told[-1].failure is RegistrationFailure.SERVER_UNREACHABLE
    room.pass_time(60)
    assert room.sent.count("register") < 12


def test_a_lost_connection_is_made_again_before_another_server_is_tried() -> None:
    room = ServerRoom(servers=2)
    room.registration.start()
    room.registration.succeeded()
    room.registration.connection_lost()
    room.pass_time(FAIL_OVER_JITTER_S + 0.1)
    assert (room.server, room.sent) == (0, ["register", "register"])
    room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
    room.pass_time(FAIL_OVER_JITTER_S + 0.1)
    assert (room.server, len(room.sent)) == (1, 3)


def test_a_call_that_is_left_unanswered_takes_the_account_to_the_next_server_at_once() -> None:
    room = ServerRoom(servers=2)
    room.registration.start()
    room.registration.succeeded()
    assert room.registration.leave_server()
    assert (room.server, room.sent) == (1, ["register", "register"])
    assert not ServerRoom().registration.leave_server()


def test_a_call_that_a_server_leaves_unanswered_while_the_account_leaves_it_gets_its_try_at_the_next() -> None:
    room = ServerRoom(servers=2)
    room.registration.start()
    room.registration.succeeded()
    room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
    assert (room.server, room.sent) == (1, ["register"])
    assert room.registration.leave_server()
    assert (room.server, room.sent) == (1, ["register", "register"])


def at_second_server(binding_check_s: float = 0) -> ServerRoom:
    room = ServerRoom(servers=2, binding_check_s=binding_check_s)
    room.registration.start()
    room.registration.failed(RegistrationFailure.SERVER_UNREACHABLE)
    room.pass_time(FAIL_OVER_JITTER_S + 0.1)
    room.registration.succeeded()
    room.sent.clear()
    return room


def test_the_best_server_is_returned_to_when_it_answers_again() -> None:
    room = at_second_server()
    room.pass_time(2 * RETURN_S)
    assert set(room.sent) == {"probe first"}
    room.first_answers = True
    room.pass_time(RETURN_S + 1.1)
    assert room.server == 0
    assert room.sent[-1] == "register"
    room.registration.succeeded()
    room.sent.clear()
    room.pass_time(300)
    assert room.sent == []


def test_nothing_is_moved_back_during_a_call() -> None:
    room = at_second_server()
    room.first_answers = room.is_busy = True
    room.pass_time(3 * RETURN_S)
    assert room.server == 1
    room.is_busy = False
    room.pass_time(7)
    assert room.server == 0


def test_a_best_server_that_answers_but_refuses_is_returned_to_ever_more_rarely() -> None:
    room = at_second_server()
    room.first_answers = True
    returns = []
    for _ in range(12):
        while "register" not in room.sent:
            room.pass_time(1)
        returns.append(room.now_s)
        room.registration.failed(RegistrationFailure.REFUSED, 503)
        room.pass_time(FAIL_OVER_JITTER_S + 0.1)
        assert room.server == 1
        room.registration.succeeded()
        room.sent.clear()
    gaps = [later - earlier for earlier, later in itertools.pairwise(returns)]
    assert gaps[-1] >= RETURN_CAP_S / 2


def test_a_registrar_that_may_have_forgotten_us_is_registered_at_again_and_again() -> None:
    room = ServerRoom(binding_check_s=4)
    room.registration.start()
    for count in range(1, 10):
        room.registration.succeeded()
        assert room.sent.count("register") == count
        room.pass_time(4.1)
    assert [event.state for event in room.told] == [RegistrationState.REGISTERING, RegistrationState.REGISTERED]


def test_stopping_ends_looking_for_the_best_server_and_checking() -> None:
    room = at_second_server(binding_check_s=4)
    room.registration.stop()
    room.sent.clear()
    room.pass_time(600)
    assert room.sent == []
