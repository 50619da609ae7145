"""Every state of the phone that has a page of its own, for goldens and for tests that want them all."""

from dataclasses import replace
from typing import Any

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.base.words import Text, counted, word
from firmware.phone.activation import AgeBand
from firmware.phone.call import (
    AudioTrouble,
    CallerId,
    CallQuality,
    CallState,
    Decision,
    RegistrationFailure,
    RegistrationState,
    TransferState,
    Verification,
)
from firmware.phone.call_text import TextState, TextView
from firmware.phone.contact import ContactMatch
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK
from firmware.phone.menu.codes import HELP_CODE
from firmware.phone.menu_views import (
    CALLED,
    CAME,
    MISSED,
    CardView,
    CodeView,
    EntryKind,
    EntryView,
    ListView,
    MenuRow,
    MenuView,
    NoticeView,
    SoftKeys,
)
from firmware.phone.news import Problem, Watched
from firmware.phone.requests.handset import ReadFacts
from firmware.phone.view import CallView, Hint, LineView, Look, Mode, PersonView, PhoneView, RecordingView, Refusal
from firmware.services.egress_facts import egress_facts
from tests.unit.display.bundle_views import bundle_views
from tests.unit.display.rights_views import rights_views
from tests.unit.display.self_test_views import self_test_views
from tests.unit.display.update_views import update_views
from tests.unit.phone.menus import open_page
from tests.unit.phone.new_phone import CODE, PIN, NewPhone, at_step

CLOCK = "12:34"
_ANNA = CallerId("+442012345678", "Anna Schmidt")

_BOB = CallerId("2345")
_GOOD = CallQuality(0.4, 8.0, 42.0, "G722", True, 4.3)
_POOR = CallQuality(9.5, 60.0, None, "PCMA", False, 2.1)
_BLOCKED = CallQuality(0.0, 0.0, None, "G722", True, 0.0, trouble=AudioTrouble.BLOCKED)
_NOT_HEARD = replace(_GOOD, trouble=AudioTrouble.NOT_HEARD)
_SILENT = replace(_BLOCKED, trouble=AudioTrouble.NOTHING_HEARD)


def _view(mode: Mode, **more: Any) -> PhoneView:
    return PhoneView(mode, **({"registration": RegistrationState.REGISTERED} | more))


def _call(state: CallState, party: CallerId = _ANNA, **more: Any) -> CallView:
    return CallView(state, more.pop("direction", CallDirection.OUTGOING), party, **more)


def _active(party: CallerId = _ANNA, **more: Any) -> CallView:
    return _call(CallState.ACTIVE, party, **more)


def _incoming(party: CallerId = _ANNA, **more: Any) -> CallView:
    return _call(CallState.INCOMING, party, direction=CallDirection.INCOMING, **more)


def _talking(call: CallView, **more: Any) -> PhoneView:
    return _view(Mode.IN_CALL, off_hook=True, microphone_open=True, call=call, **more)


def _ringing(call: CallView, **more: Any) -> PhoneView:
    return _view(Mode.RINGING, call=call, **more)


def _menu(menu: MenuView, **more: Any) -> PhoneView:
    return _view(Mode.MENU, menu=menu, **more)


def _offered() -> dict[str, PhoneView]:
    """Offer what else may be agreed to, to somebody who has used the phone for a while."""
    phone = NewPhone.of_office(activated=True)
    phone.talks(5)
    phone.ok()
    phone.press(Key.VOLUME_DOWN)
    return {
        "idle, questions are offered": _view(Mode.IDLE, lines=_HOME, has_offer=True),
        "what is offered": phone.view,
        "what is offered, large text": replace(phone.view, look=Look(large_text=True)),
    }


def _asked_in_call(*, turns: int = 1, look: Look | None = None, age_band: AgeBand = AgeBand.ADULT) -> PhoneView:
    """Press RECORD in the first call of somebody who was never asked about it."""
    phone = NewPhone.of_office(activated=True, age_band=age_band)
    phone.audio(phone.answered_incoming_call())
    phone.press(Key.RECORD)
    phone.answer()
    for _ in range(turns):
        phone.expire(Timer.RECORDING_QUESTION)
    return replace(phone.view, look=look or Look())


_HOME = (LineView("Home", RegistrationState.REGISTERED),)
_PEOPLE = (
    PersonView("1", "Anna", "+442012345678"),
    PersonView("2", "Tom", "2662"),
    PersonView("3", "欧阳建国", "2345"),
    PersonView("4", word("Voicemail"), "2500"),
    PersonView("7", "Daniela Ortega-Villanueva de la Fuente", "13912345678"),
)
_WATCHED = (
    *map(lambda person, state: replace(person, state=state), _PEOPLE, list(Watched)[1:]),
    replace(_PEOPLE[3], digit="5"),
)
_WITH_PICTURES = (replace(_PEOPLE[0], picture="anna"), *_PEOPLE[1:3], replace(_PEOPLE[3], picture="voicemail"))
_MATCHES = (
    ContactMatch(1, "Anna Schmidt", "+442012345678"),
    ContactMatch(2, "安娜", "13912345678"),
    ContactMatch(3, "Bob", "2662"),
)
_BOB_WAITS = _call(CallState.WAITING, _BOB, direction=CallDirection.INCOMING)
_LEAVE = SoftKeys(word("Back"))
_CHOOSE = SoftKeys(word("Back"), word("OK"))
_ROWS: list[tuple[Text, Text]] = [
    (word("Calls"), ""),
    (word("Missed calls"), "2"),
    (word("Do not disturb"), word("off")),
    (word("Forward all"), "2345"),
    (word("Speed dial"), ""),
    (word("Auto-answer"), word("on")),
    (word("Keep trying"), ""),
]
_MENU = ListView(
    word("Menu"),
    tuple((MenuRow(label, value, number) for number, (label, value) in enumerate(_ROWS, start=1))),
    selected=2,
    total=7,
    keys=_CHOOSE,
)
_NAMES = ("Aaron", "Anna Schmidt", "安娜", "Bob", "陈建国", "Daniela Ortega-Villanueva de la Fuente", "欧阳建国")
_LONG_LIST = ListView(
    word("Calls"),
    tuple((MenuRow(name, detail=f"25 Nov 14:{minute:02}") for minute, name in enumerate(_NAMES))),
    selected=43,
    first=40,
    total=120,
    keys=SoftKeys(word("Back"), word("Call")),
)
_ALL_CALLS = ListView(
    word("All calls"),
    (
        MenuRow("Anna Schmidt", number=1, detail="25 Nov 14:03", sign=MISSED),
        MenuRow("欧阳建国办公室电话", number=2, detail="25 Nov 9:41", sign=CAME),
        MenuRow("+442012345678", number=3, detail="3 Nov 18:20", sign=CALLED),
    ),
    total=3,
    keys=_CHOOSE,
)
_CARD = CardView(
    _ANNA.display_name,
    (
        MenuRow(word("Where"), "London"),
        MenuRow(word("Talked"), "1:02:05"),
        MenuRow(word("Sound"), word("good")),
        MenuRow(word("Codec"), "G722"),
        MenuRow(word("Encrypted"), word("yes")),
        MenuRow(word("Forwarded: you did not answer")),
    ),
    keys=SoftKeys(word("Back"), word("Call back")),
)
_STATISTICS = ListView(
    word("Statistics"),
    (
        MenuRow(word("Today"), "12", 1),
        MenuRow(word("This month"), "340", 2),
        MenuRow(word("All calls"), "2100", 3),
        MenuRow(word("Only on this phone")),
    ),
    total=4,
    keys=_CHOOSE,
)
_COUNTS = CardView(
    word("Today"),
    (
        MenuRow(word("Dialled"), "5"),
        MenuRow(word("Received"), "4"),
        MenuRow(word("Missed"), "3"),
        MenuRow(word("Talked"), word("{hours} h {minutes} min", hours=1, minutes=5)),
        MenuRow(word("Sound"), word("{verdict}, {mos} of 5", verdict=word("good"), mos="4.2")),
        MenuRow(counted("{count} call has no date", "{count} calls have no date", 2)),
    ),
    keys=_LEAVE,
)
_NO_CLOCK = CardView(word("Today"), (MenuRow(word("The clock is not set yet. See All calls.")),), keys=_LEAVE)

_SHARED = ListView(
    word("Who got what"),
    (
        MenuRow(word("Call data"), "25 Nov", 1),
        MenuRow(word("Deletions"), "24 Nov", 2),
        MenuRow(word("Consents"), "24 Nov", 3),
        MenuRow(word("Replies"), "23 Nov", 4),
    ),
    total=4,
    keys=_CHOOSE,
)
_SHARED_IN_A_DAY = CardView(
    word("Call data"),
    (
        MenuRow(word("Shared with"), "mqtt.example.org"),
        MenuRow(word("Day"), "25 Nov"),
        MenuRow(word("How many"), "12"),
        MenuRow(word("Arrived"), "11"),
        MenuRow(word("Confirmed"), "10"),
        MenuRow(word("Confirmed by"), "collector-1"),
        MenuRow(word("To be deleted"), "2"),
    ),
    keys=_LEAVE,
)


def _first_run() -> dict[str, PhoneView]:
    """Lead a new phone and a child's through the first run; nobody has chosen how the display is to be."""
    views: dict[str, PhoneView] = {}
    for phone in (NewPhone.of_office(), NewPhone.of_office()):
        while phone.view.mode is Mode.MENU:
            step = phone.step
            views.setdefault(f"first run, {step}", _first_run_view(phone))
            if step == "Your age" and "first run, Not set up" in views:
                phone.press(Key.VOLUME_DOWN)
            if step == "PIN":
                phone.dial("112")
                views.setdefault("first run, PIN, an emergency number", _first_run_view(phone))
                for _ in "112":
                    phone.press(Key.CANCEL)
                phone.type_pin(PIN)
                views.setdefault("first run, PIN, once more", _first_run_view(phone))
                phone.press(Key.CANCEL)
            if step == "Policy":
                phone.ok()
                phone.ok()
                views.setdefault("first run, Policy, its last paragraph", _first_run_view(phone))
            phone.go_on()
    views["idle, not set up"] = _first_run_view(phone)
    phone = at_step("Service", proves_number=True, country="GB")
    phone.press(Key.VOLUME_DOWN)
    views["first run, Service, yes"] = _first_run_view(phone)
    phone.ok()
    views["first run, Number, the code"] = _first_run_view(phone)
    phone.press(Key.CANCEL)
    phone.dial("0")
    phone.ok()
    views["first run, Number, a wrong code"] = _first_run_view(phone)
    phone.press(Key.CANCEL)
    phone.answer()
    views["first run, Number"] = _first_run_view(phone)
    phone.ok()
    phone.dial(CODE)
    phone.ok()
    views["all set"] = _first_run_view(phone)
    return views


def _first_run_view(phone: NewPhone) -> PhoneView:
    return replace(phone.view, look=Look())


_FIRST_RUN = _first_run()


def _country() -> dict[str, PhoneView]:
    """Ask a phone whose configuration does not say the country where it is."""
    phone = NewPhone.of_office(country=None, chosen_country="")
    views = {"country, all": _first_run_view(phone)}
    phone.dial("44")
    views["country, by its code"] = _first_run_view(phone)
    phone.press(Key.OK)
    views["country, the question"] = _first_run_view(phone)
    return views


def _privacy() -> dict[str, PhoneView]:
    """Go through what a holder who agrees to recording is told of privacy, and has a say in."""
    phone = NewPhone.of_office(
        activated=True,
        operator_name="Example Telecom Ltd",
        privacy_officer="Li Na",
        privacy_contact="privacy@example.com, +86 10 1234 5678",
    )
    phone.store.answers[Purpose.RECORDING] = True
    phone.store.tell_consents()
    views: dict[str, PhoneView] = {}
    pages = {"what I agree to": "1", "private mode": "2", "what leaves": "6", "contact": "8"}
    for name, digit in pages.items():
        open_page(phone, "Privacy")
        views["privacy"] = phone.view
        phone.dial(digit)
        phone.answer()
        if phone.waiting(ReadFacts):
            phone.reply(ReadFacts, egress_facts())
        views[f"privacy, {name}"] = phone.view
        phone.hold_down(Key.CANCEL)
    return {name: replace(view, look=Look()) for name, view in views.items()}


_PRIVACY = _privacy()

_POLICIES = ListView(
    word("Privacy policy"),
    (
        MenuRow("2027-03-01", word("in {days} d", days=6), 1),
        MenuRow("2026-11-25", word("current"), 2),
        MenuRow("2024-06-17", word("old"), 3),
    ),
    total=3,
    keys=SoftKeys(word("Back"), word("OK")),
)
_PARAGRAPH = (
    "What a call or a text message needs: your number and the other one, the address of this phone in the network, and "
    "the sound or the text. The operator's server and the other end get them."
)
_PARAGRAPH_ZH = (
    "话机在通话和短信中必须使用您和对方的号码、本话机的网络地址以及声音或文字。运营商的服务器和对方会得到这些。"
)
_NEW = word("It is new. Please read it.")


def _policy(place: int, text: Text, scroll: int = 0) -> NoticeView:
    title = word("{title} {place}/{count}", title=word("Policy"), place=place, count=18)
    return NoticeView(title, text, keys=SoftKeys(word("Back"), word("Next")), scroll=scroll)


VIEWS = {
    "idle": _view(Mode.IDLE),
    "idle, people": _view(Mode.IDLE, people=_PEOPLE, lines=_HOME),
    "idle, people who are watched": _view(Mode.IDLE, people=_WATCHED),
    "idle, an announcement is heard": _view(Mode.IDLE, page="Hall"),
    "idle, people with pictures": _view(Mode.IDLE, people=_WITH_PICTURES),
    "idle, people, large text": _view(Mode.IDLE, people=_WITH_PICTURES, look=Look(large_text=True)),
    "idle, people and missed calls": _view(
        Mode.IDLE, people=_WITH_PICTURES, missed_calls=2, missed_party="Anna Schmidt", voicemail=1
    ),
    "idle, people and a clock that is not set": _view(
        Mode.IDLE, people=_PEOPLE, problems=((Problem.CLOCK_NOT_SET, ""),)
    ),
    "idle, registering": _view(Mode.IDLE, registration=RegistrationState.REGISTERING),
    "idle, missed calls": _view(Mode.IDLE, missed_calls=2, missed_party="Anna Schmidt"),
    "idle, wrong password and a full store": _view(
        Mode.IDLE,
        registration=RegistrationState.FAILED,
        registration_failure=RegistrationFailure.WRONG_PASSWORD,
        registration_sip_code=401,
        problems=((Problem.STORE_FULL, ""),),
    ),
    "idle, damaged consents": _view(Mode.IDLE, problems=((Problem.LEDGER_DAMAGED, ""),)),
    "idle, no sound and many missed calls": _view(Mode.IDLE, problems=((Problem.SOUND_MISSING, ""),), missed_calls=120),
    **_offered(),
    "details of a refused line": _view(
        Mode.IDLE,
        registration=RegistrationState.FAILED,
        registration_failure=RegistrationFailure.REFUSED,
        registration_sip_code=403,
        details_step=2,
    ),
    "details of a mistake": _view(
        Mode.IDLE,
        problems=((Problem.CONFIGURATION, ""),),
        mistakes=("sip.retry_base_s: Input should be greater than or equal to 0.1.",),
        details_step=2,
    ),
    "not set up": _view(
        Mode.UNPROVISIONED,
        registration=RegistrationState.UNREGISTERED,
        mistakes=("accounts[1].password: is missing.", "device.id: is missing."),
    ),
    "not set up, lifted": _view(
        Mode.UNPROVISIONED, registration=RegistrationState.UNREGISTERED, off_hook=True, hint=Hint.CANNOT_CALL
    ),
    "dial tone": _view(Mode.COLLECTING_DIGITS, off_hook=True),
    "a short number": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="12345"),
    "a number of sixteen digits": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="0044201234567890"),
    "a number that is too long": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="00442012345678901234"),
    "an emergency number": _view(Mode.COLLECTING_DIGITS, digits="112", hint=Hint.EMERGENCY_NUMBER),
    "a number that was busy": _view(
        Mode.COLLECTING_DIGITS, digits="2345", why_failed=DisconnectReason.BUSY, matches=_MATCHES
    ),
    "an impossible number": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="009", hint=Hint.NUMBER_IMPOSSIBLE),
    "a number waiting for the handset": _view(Mode.COLLECTING_DIGITS, digits="2345", hint=Hint.LIFT_HANDSET),
    "an extension waiting for the handset": _view(
        Mode.COLLECTING_DIGITS, digits="+4930123456,12", hint=Hint.LIFT_HANDSET
    ),
    "an address waiting for the handset": _view(
        Mode.COLLECTING_DIGITS, digits="sip:ann.smith@sip.example.org", hint=Hint.LIFT_HANDSET
    ),
    "calling": _view(Mode.OUTGOING, off_hook=True, call=_call(CallState.DIALING)),
    "ringing at the far end": _view(Mode.OUTGOING, off_hook=True, call=_call(CallState.ALERTING)),
    "emergency call": _view(
        Mode.OUTGOING, off_hook=True, call=_call(CallState.DIALING, CallerId("112"), emergency=True)
    ),
    "emergency call failed": _view(
        Mode.CALL_ENDED,
        off_hook=True,
        call=_call(CallState.DISCONNECTED, CallerId("112"), emergency=True, reason=DisconnectReason.UNREACHABLE),
    ),
    "incoming call": _ringing(_incoming()),
    "incoming call, long name": _ringing(
        _call(CallState.INCOMING, CallerId("13912345678"), contact_name="欧阳建国办公室电话")
    ),
    **{
        f"incoming call, {verification}": _ringing(_call(CallState.INCOMING, replace(_ANNA, verification=verification)))
        for verification in Verification
    },
    "incoming call, withheld": _ringing(_call(CallState.INCOMING, CallerId(""))),
    "talking": _talking(_active(duration_s=3725)),
    "talking, keys sent": _talking(_active(CallerId("2345"), duration_s=65, dtmf="1234#")),
    "talking, the rest of the number waits": _talking(_active(CallerId("2345"), duration_s=65, awaits_word=True)),
    "muted": _talking(_active(duration_s=65), muted=True),
    "may record": _talking(_active(duration_s=65, quality=_GOOD), may_record=True),
    "may calls be recorded": _asked_in_call(),
    "may calls be recorded, the rest of it": _asked_in_call(turns=4),
    "may calls be recorded, large text": _asked_in_call(look=Look(large_text=True)),
    "may calls be recorded, a guardian says": _asked_in_call(age_band=AgeBand.UNDER_14),
    "about to record": _talking(_active(duration_s=65), recording=RecordingView(0, is_kept=False)),
    "recording": _talking(_active(duration_s=130, quality=_GOOD), recording=RecordingView(65, is_kept=True)),
    "recording waits": _view(
        Mode.IN_CALL,
        off_hook=True,
        call=_call(CallState.HELD, duration_s=130),
        recording=RecordingView(65, is_kept=False),
    ),
    "recording at both ends": _view(
        Mode.IN_CALL,
        speaker=True,
        microphone_open=True,
        call=_active(_BOB, duration_s=130, recorded_by_peer=True),
        recording=RecordingView(65, is_kept=True),
    ),
    "recording a conference": _talking(
        _active(duration_s=130, in_conference=True),
        other_calls=(_active(_BOB, duration_s=65, in_conference=True),),
        recording=RecordingView(65, is_kept=True),
    ),
    "recording refused in a conference": _talking(
        _active(duration_s=130, in_conference=True),
        other_calls=(_active(_BOB, duration_s=65, in_conference=True),),
        hint=Hint.RECORDING_UNWANTED,
    ),
    "recording refused while another caller waits": _talking(
        _active(duration_s=130), other_calls=(_BOB_WAITS,), hint=Hint.RECORDING_NOT_ALLOWED
    ),
    "recording refused": _talking(_active(duration_s=65), hint=Hint.RECORDING_NOT_ALLOWED),
    "no room to record": _talking(_active(duration_s=65), hint=Hint.RECORDING_DISK_FULL),
    "recordings": _menu(
        ListView(
            word("Recordings"),
            (
                MenuRow("Anna Schmidt", "", 1, word("Cut off, {at}", at="25 Nov 14:03")),
                MenuRow("欧阳建国办公室电话", "", 2, "24 Nov 09:41"),
                MenuRow("+442012345678", "", 3, "3 Nov 18:20"),
            ),
            total=3,
            keys=_CHOOSE,
        )
    ),
    "no recordings": _menu(ListView(word("Recordings"), (), empty=word("No recordings"), keys=_LEAVE)),
    "a recording, before the handset is lifted": _menu(
        NoticeView(word("Recording"), word("Lift the handset to listen."), 0, SoftKeys(word("Back"), word("Pause")))
    ),
    "a recording is heard": _view(
        Mode.LISTENING,
        off_hook=True,
        menu=NoticeView(word("Recording"), "0:20 / 1:35", 21, SoftKeys(word("Back"), word("Pause"))),
    ),
    "a call waits while a recording is heard": _view(
        Mode.LISTENING,
        off_hook=True,
        menu=NoticeView(word("Recording"), "0:20 / 1:35", 21, SoftKeys(word("Back"), word("Pause"))),
        other_calls=(_BOB_WAITS,),
        hint=Hint.CALL_WAITING,
    ),
    "on hold": _view(Mode.IN_CALL, off_hook=True, call=_call(CallState.HELD, duration_s=65)),
    "held by the far end": _view(Mode.IN_CALL, off_hook=True, call=_active(duration_s=65, held_by_peer=True)),
    "volume of the ringer": _view(Mode.IDLE, volume_percent=70),
    "volume in a call": _talking(_active(duration_s=65), volume_percent=30),
    "another caller waits": _talking(
        _active(duration_s=65, quality=_GOOD), hint=Hint.CALL_WAITING, other_calls=(_BOB_WAITS,)
    ),
    "talking, another call is on hold": _talking(
        _active(duration_s=65, quality=_POOR), other_calls=(_call(CallState.HELD, _BOB),)
    ),
    "conference": _talking(
        _active(duration_s=65, in_conference=True), other_calls=(_active(_BOB, in_conference=True),)
    ),
    "transfer, to whom": _view(
        Mode.COLLECTING_DIGITS, off_hook=True, hint=Hint.TRANSFER_TO_WHOM, other_calls=(_call(CallState.HELD),)
    ),
    "transferring": _view(
        Mode.IN_CALL, off_hook=True, call=_call(CallState.HELD, duration_s=65, transfer=TransferState.REQUESTED)
    ),
    "talking on the speaker, answered by itself": _view(
        Mode.IN_CALL,
        speaker=True,
        microphone_open=True,
        muted=True,
        call=_call(CallState.ACTIVE, direction=CallDirection.INCOMING, duration_s=65, decision=Decision.AUTO_ANSWERED),
    ),
    "greeting a caller whom nobody answers": _view(
        Mode.TAKING_MESSAGE, call=_call(CallState.ACTIVE, direction=CallDirection.INCOMING)
    ),
    "taking a message": _view(
        Mode.TAKING_MESSAGE,
        call=_call(CallState.ACTIVE, direction=CallDirection.INCOMING),
        recording=RecordingView(12, is_kept=True),
    ),
    "incoming call, from somewhere": _ringing(_incoming(CallerId("+442079460000"), attribution="London")),
    "incoming call, forwarded": _ringing(_incoming(diverted_by="Front desk")),
    "incoming call on another line": _ringing(_incoming(_BOB, account="Office")),
    "idle, somebody to call back": _view(Mode.IDLE, missed_calls=1, missed_party="Anna Schmidt", may_call_back=True),
    "idle, everything waits": _view(
        Mode.IDLE,
        missed_calls=2,
        missed_party="Anna Schmidt",
        voicemail=3,
        unread_messages=1,
        do_not_disturb=True,
        forwarding="2345",
    ),
    "idle, a call was turned away": _view(
        Mode.IDLE, do_not_disturb=True, refusal=Refusal("Anna Schmidt", Decision.DO_NOT_DISTURB)
    ),
    "idle, trying again": _view(Mode.IDLE, redial_in_s=30),
    "a feature was switched on": _view(Mode.IDLE, hint=Hint.FEATURE_ON, feature="do_not_disturb", do_not_disturb=True),
    "a barred number": _view(Mode.COLLECTING_DIGITS, off_hook=True, digits="0900123", hint=Hint.NUMBER_BARRED),
    "how a call sounds": _talking(_active(duration_s=65, quality=_GOOD), sound_shown=True),
    "a call whose audio is blocked": _talking(_active(duration_s=65, quality=_BLOCKED)),
    "a call in which they hear nothing": _talking(_active(_BOB, duration_s=65, quality=_NOT_HEARD)),
    "a call in which we hear nothing": _talking(_active(duration_s=65, quality=_SILENT), may_record=True),
    "a held call that was blocked": _talking(_call(CallState.HELD, duration_s=65, quality=_BLOCKED)),
    "how a call sounds in which they hear nothing": _talking(_active(quality=_NOT_HEARD), sound_shown=True),
    "how a bad call sounds": _talking(_active(_BOB, duration_s=65, quality=_POOR), sound_shown=True),
    "text in a call": _talking(
        _active(
            duration_s=65,
            text=TextView(TextState.OPEN, "Good morning,\nhow is she?", "She is well, tha", is_shown=True, mode="Abc"),
        )
    ),
    "text in a call, in pinyin": _talking(
        _active(
            text=TextView(TextState.OPEN, "你妈妈好吗", "她很", is_shown=True, mode="拼", candidates=tuple("好号毫豪"))
        )
    ),
    "text in a call, refused": _talking(
        _active(text=TextView(TextState.REFUSED, "", "Hel", is_shown=True, mode="Abc"))
    ),
    "writing a message": _view(
        Mode.WRITING, digits="2345", message_text="I am on my way and shall be there in twenty minutes or so"
    ),
    "writing a message, in pinyin": _view(
        Mode.WRITING, digits="2345", message_text="我", writing_mode="拼", candidates=tuple("们没门每"), candidate=1
    ),
    "busy": _view(
        Mode.CALL_ENDED,
        off_hook=True,
        hint=Hint.REPLACE_HANDSET,
        call=_call(CallState.DISCONNECTED, CallerId("2345"), reason=DisconnectReason.BUSY, sip_code=486),
    ),
    "the far end hung up": _view(
        Mode.CALL_ENDED,
        off_hook=True,
        call=_call(CallState.DISCONNECTED, duration_s=65, reason=DisconnectReason.REMOTE_HANGUP),
    ),
    "idle, named line": _view(Mode.IDLE, lines=_HOME),
    "idle, a picture behind it": _view(Mode.IDLE, look=Look(background="lake")),
    "idle, large text": _view(Mode.IDLE, missed_calls=1, missed_party="Anna Schmidt", look=Look(large_text=True)),
    "idle, high contrast": _view(Mode.IDLE, missed_calls=1, missed_party="Bob", look=Look(high_contrast=True)),
    "idle, locked": _view(Mode.IDLE, missed_calls=1, missed_party="Anna Schmidt", locked=True),
    "incoming call, with a picture": _ringing(_incoming(picture="anna")),
    "incoming call, locked": _ringing(_incoming(), locked=True),
    "incoming call, large text": _ringing(_incoming(), look=Look(large_text=True, high_contrast=True)),
    "contacts that the digits may mean": _view(Mode.COLLECTING_DIGITS, digits="2662", matches=_MATCHES),
    "contacts that the digits may mean, one chosen": _view(
        Mode.COLLECTING_DIGITS, digits="2662", matches=_MATCHES, match=1, hint=Hint.NUMBER_IMPOSSIBLE
    ),
    "contacts that the digits may mean, waiting for the handset": _view(
        Mode.COLLECTING_DIGITS, digits="2662", matches=_MATCHES, hint=Hint.LIFT_HANDSET
    ),
    "an important notice": _view(Mode.IDLE, notices_to_read=1, incident_to_read=True, missed_calls=2),
    "an important notice of a locked phone": _view(Mode.IDLE, notices_to_read=1, incident_to_read=True, locked=True),
    "a new policy and notices": _view(Mode.IDLE, notices_to_read=2, policy_to_read=True),
    "an answer of the operator": _view(Mode.IDLE, answers_to_read=1),
    "answers that are needed again": _view(Mode.IDLE, purposes_to_answer=2),
    "menu, policies": _menu(_POLICIES),
    "menu, a policy": _menu(
        _policy(1, word("{first} {second}", first=word("Version {version}.", version="2026-11-25"), second=_NEW))
    ),
    "menu, a long paragraph of a policy": _menu(_policy(3, _PARAGRAPH, scroll=1)),
    "menu, a long paragraph of a policy in Chinese": _menu(_policy(3, _PARAGRAPH_ZH)),
    "menu, when a policy takes effect": _menu(
        NoticeView(
            word("Privacy policy"),
            counted("It takes effect in {count} day.", "It takes effect in {count} days.", 7),
            keys=_CHOOSE,
        )
    ),
    "menu": _menu(_MENU),
    "menu, large text": _menu(_MENU, look=Look(large_text=True)),
    "menu, a long list": _menu(_LONG_LIST),
    "menu, all calls": _menu(_ALL_CALLS),
    "menu, all calls, large text": _menu(_ALL_CALLS, look=Look(large_text=True)),
    "menu, a name longer than the display": _menu(replace(_LONG_LIST, selected=45)),
    "menu, statistics": _menu(_STATISTICS),
    "menu, statistics of a day": _menu(_COUNTS),
    "menu, statistics without a clock": _menu(_NO_CLOCK),
    "menu, who got what": _menu(_SHARED),
    "menu, what one got in a day": _menu(_SHARED_IN_A_DAY),
    "menu, an empty list": _menu(ListView(word("Calls"), (), empty=word("No calls"), keys=_LEAVE)),
    "menu, a card": _menu(_CARD),
    "menu, the end of a card": _menu(
        CardView(_CARD.title, _CARD.rows, scroll=9, keys=SoftKeys(word("Back"), word("Call back")))
    ),
    "menu, the text of a call": _menu(
        CardView(
            word("Text"),
            (
                MenuRow(word("You: {words}", words="Good morning, how is she?")),
                MenuRow(word("{who}: {words}", who="Anna Schmidt", words="She is well, thank you")),
            ),
            keys=_LEAVE,
        )
    ),
    "menu, a card with a picture": _menu(CardView("Anna Schmidt", _CARD.rows[:3], picture="anna", keys=_CHOOSE)),
    "menu, a text": _menu(
        EntryView(
            word("New message"),
            "欧阳 An",
            mode="abc",
            candidates=("An", "Bn", "Cn"),
            candidate=1,
            keys=SoftKeys(word("Delete"), word("OK")),
        )
    ),
    "menu, pinyin": _menu(
        EntryView(word("New message"), "欧阳", mode="拼", candidates=tuple("建见件间简检键箭减剪"), keys=_CHOOSE)
    ),
    "menu, a number refused": _menu(
        EntryView(
            word("Forward all"),
            "112",
            EntryKind.NUMBER,
            note=word("Not an emergency number, please."),
            keys=SoftKeys(word("Delete"), word("OK")),
        )
    ),
    "menu, a contact was saved": _menu(_MENU, hint=Hint.CONTACT_SAVED, saved="Anna Schmidt"),
    "menu, help in place of a PIN": _menu(
        EntryView(word("PIN"), "•••", EntryKind.PIN, keys=_CHOOSE), help_number="112", locked=True
    ),
    "menu, help in place of a list": _menu(_MENU, help_number="112"),
    "menu, a PIN": _menu(EntryView(word("Locked"), "1234", EntryKind.PIN, keys=_CHOOSE), locked=True),
    "menu, a PIN that may be forgotten": _menu(
        NoticeView(
            word("PIN forgotten?"),
            word("The phone can only be erased; a copy can come back. Ask your operator or installer for that?"),
            keys=SoftKeys(word("No"), word("Ask")),
        ),
        locked=True,
    ),
    "menu, an erasure that is asked for": _menu(
        NoticeView(
            word("PIN forgotten?"),
            word(
                "Tell your operator or installer: request {number}, phone {serial}. What they send erases it.",
                number="4711 0815 2342",
                serial="10000000e3e3e3e3",
            ),
            keys=_LEAVE,
        ),
        locked=True,
    ),
    "menu, what a PIN for the memory costs": _menu(
        NoticeView(
            word("PIN at start"),
            word("Who forgets the PIN loses all. It is asked for at each start. A stolen card cannot be read then."),
            keys=SoftKeys(word("No"), word("Go on")),
            asks=True,
        )
    ),
    "menu, a PIN that opens the memory": _menu(
        EntryView(word("Locked. PIN?"), "", EntryKind.PIN, note=word("It opens contacts and calls."), keys=_CHOOSE),
        locked=True,
    ),
    "menu, a QR code": _menu(
        CodeView(word("Call"), "https://phone.example/i/7f3a9c", "phone.example/i/7f3a9c", keys=_LEAVE)
    ),
    "menu, a question": _menu(
        NoticeView(
            word("Delete all calls"),
            word("All calls are deleted. Sure?"),
            keys=SoftKeys(word("No"), word("OK")),
            asks=True,
        )
    ),
    "menu, a question about a long name": _menu(
        NoticeView(
            word("Delete"),
            word("{name} is deleted with all numbers. Sure?", name="Daniela Ortega-Villanueva de la Fuente"),
            keys=SoftKeys(word("No"), word("Delete")),
            scroll=1,
            asks=True,
        )
    ),
    "menu, work under way": _menu(NoticeView(word("Menu"), word("One moment…"), percent=40)),
    **_FIRST_RUN,
    **_country(),
    **_PRIVACY,
    **rights_views(),
    "dial tone of a phone that is not set up": _view(Mode.COLLECTING_DIGITS, off_hook=True, hint=Hint.SET_UP_FIRST),
    "private mode by a key": _view(Mode.IDLE, hint=Hint.FEATURE_ON, feature="private_mode"),
    **bundle_views(),
    "help code": _menu(
        NoticeView(HELP_CODE, "1001 5046 4734 1645 1688", keys=SoftKeys(BACK, word("QR code")), asks=True)
    ),
    "help code, as a picture": _menu(CodeView(HELP_CODE, "10015046473416451688", keys=SoftKeys(BACK, word("Digits")))),
    **self_test_views(),
    **update_views(),
    "talking, a stick waits": _view(Mode.IN_CALL, off_hook=True, call=_active(duration_s=65), hint=Hint.SET_UP_WAITS),
    **{f"{name}, large": replace(view, look=Look(large_text=True)) for name, view in _FIRST_RUN.items()},
}
"""By name; the name is what fails when a page looks different."""
