import random
from collections.abc import Callable

import pytest

from firmware.phone.call import RegistrationFailure, RegistrationState
from firmware.phone.events import RegistrationChanged
from firmware.sip.agenda import Agenda
from firmware.sip.registration import ANSWER_OVERDUE_S, Registration


class ServerRoom:
    """A line whose far end does what the test says, on a clock that the test turns."""

    def __init__(self, probe_s: float | None = None) -> None:
        self.now_s = 0.0
        self.agenda = Agenda(lambda: self.now_s)
        self.told = list[RegistrationChanged]()
        self.sent: list[str] = []
        self.address_failure: RegistrationFailure | None = None
        self.registration = Registration(
            self, self.agenda, self.told.append, retry_base_s=1, retry_cap_s=60, probe_s=probe_s, rng=random.Random(7)
        )

    def prepare(self, done: Callable[[RegistrationFailure | None], None]) -> None:
        done(self.address_failure)

    def register(self) -> None:
        self.sent.append("register")

    def unregister(self) -> None:
        self.sent.append("unregister")

    def probe(self) -> None:
        self.sent.append("probe")

    def pass_time(self, duration_s: float) -> None:
        end_s = self.now_s + duration_s
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + self.agenda.wait_s(1.0) + 0.001)
            self.agenda.run_due()

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


def test_the_server_may_ask_for_more_patience_but_not_beyond_the_cap() -> None:
    room = ServerRoom()
    room.registration.start()
    room.registration.failed(RegistrationFailure.REFUSED, 503, retry_after_s=30)
    assert room.told[-1].retry_in_s == 30
    room.registration.failed(RegistrationFailure.REFUSED, 503, retry_after_s=86400)
    assert room.told[-1].retry_in_s == 60


def test_a_wrong_password_is_not_tried_in_quick_succession() -> None:
    waits = []
    for seed in range(30):
        room = ServerRoom()
        room.registration._rng = random.Random(seed)
        room.registration.start()
        room.registration.failed(RegistrationFailure.WRONG_PASSWORD, 403)
        waits.append(room.told[-1].retry_in_s)
    assert sum(waits) / len(waits) > 15


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
    for _ in range(5):
        room.pass_time(2.01)
        room.registration.probe_ended(answered=True)
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
