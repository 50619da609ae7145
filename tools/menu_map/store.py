"""A phone with everything set up, and a store with one thing of each kind, to walk through the menus with."""

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from contract.messages import Topic
from firmware.base.words import word
from firmware.phone.call import CallerId, CallId, CallQuality, CallState, TextMessage
from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.contact import Contact, ContactMatch, ContactNumber
from firmware.phone.dial_plan import DialPlan
from firmware.phone.events import (
    AccountKnown,
    Event,
    HandsetLifted,
    HandsetReplaced,
    KeyPressed,
    MessagesLoaded,
    PreferencesLoaded,
)
from firmware.phone.key import Key
from firmware.phone.my_data import DataCategory
from firmware.phone.news import CallQualityMeasured, CallStateChanged
from firmware.phone.phone_settings import PhoneSettings
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingId
from firmware.phone.request import Answered, Request, Stretch
from firmware.phone.requests.calls import ClearCalls, CountCalls, DeleteCall, ListCalls, LoggedCall
from firmware.phone.requests.consents import ConsentRow, ConsentsChanged, ConsentsRead, ReadConsents, ReadReceipt
from firmware.phone.requests.contacts import ListContacts, ReadContact, SearchContacts
from firmware.phone.requests.handset import FactsKind, MakeHelpCode, ReadFacts
from firmware.phone.requests.pictures import ListPictures
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked, SetPin
from firmware.phone.requests.policies import (
    ListPolicies,
    NoticeRow,
    PolicyRead,
    PolicyRow,
    PolicyState,
    ReadNotices,
    ReadPolicy,
)
from firmware.phone.requests.recordings import ListRecordings, RecordingRow, RecordingsListed
from firmware.phone.requests.rights import ListRequests, ReadRetention
from firmware.phone.requests.shares import ReadShares, SharedRow

PIN = "2580"
_NUMBER = "2345"
_PLACED = CallId(f"{1:032x}")
_CALL = LoggedCall(CallId("c1"), CallDirection.INCOMING, _NUMBER, "Anna", "25 Nov 14:03", 60, True, None, contact_id=1)
_RECORDING = RecordingRow(RecordingId("r1"), "Anna", _NUMBER, "25 Nov 14:03", 60.0, 240_000, complete=True, kept=False)
_COUNTS = CallCounts(dialled=0, received=1, missed=0, talked_s=60, mos=4.2)
_SHARED = SharedRow("mqtt.example.org", Topic.CDR, "25 Nov", 1, 1)
_MATCH = ContactMatch(1, "Anna", _NUMBER)
_CONTACT = Contact(1, "Anna", (ContactNumber(_NUMBER),))
_POLICY = PolicyRow("2026-11-25", "2026-11-25", PolicyState.IN_FORCE)
_NOTICE = NoticeRow(1, "Lost list", ("A list of accounts was lost.",), "2026-11-25", incident=True, acknowledged=True)


def _consent(purpose: Purpose) -> ConsentRow:
    return ConsentRow(
        purpose,
        purpose.value,
        "What is done.",
        "Nobody.",
        granted=True,
        needed=purpose is Purpose.SERVICE,
        since="25 Nov 2026",
        asked=True,
    )


SETTINGS = PhoneSettings(
    DialPlan.build(country="GB", domain="example.com"),
    has_loudspeaker=True,
    voicemail_number="2500",
    operator_name="Example Telecom",
    privacy_officer="Li Na",
    privacy_contact="privacy@example.com",
    invite_link="https://operator.example/invite/{account}",
    top_up_link="https://operator.example/pay/{account}",
)

NEWS: tuple[Event, ...] = (
    PreferencesLoaded(Preferences(answering_machine=True)),
    PinChanged(is_set=True),
    ConsentsChanged(frozenset(Purpose), activated=True, age_band="adult"),
    AccountKnown("a1"),
    HandsetLifted(),
    *(KeyPressed(Key(digit)) for digit in f"{_NUMBER}#"),
    CallStateChanged(_PLACED, CallState.ACTIVE),
    CallQualityMeasured(_PLACED, CallQuality(0.5, 3, 20, "G722", encrypted=True, mos=4.2)),
    CallStateChanged(_PLACED, CallState.DISCONNECTED, DisconnectReason.REMOTE_HANGUP),
    HandsetReplaced(),
    MessagesLoaded((TextMessage("m1", CallDirection.INCOMING, CallerId(_NUMBER, "Anna"), "Hello", read=True),)),
)
"""What the store says at the start, and one call that was placed since; its id is the first that the phone asks for."""

_ALWAYS_THE_SAME: dict[type[Request[object]], object] = {
    DeleteCall: None,
    ClearCalls: None,
    CountCalls: CallStatistics(_COUNTS, _COUNTS, _COUNTS, undated=0),
    ReadContact: _CONTACT,
    SearchContacts: (_MATCH,),
    SetPin: None,
    ListPictures: (("p1", "Holiday"),),
    ListPolicies: (_POLICY,),
    ReadPolicy: PolicyRead(_POLICY, ("This is the privacy policy of this phone.",)),
    ReadNotices: (_NOTICE,),
    ReadReceipt: "receipt",
    ReadRetention: ((DataCategory.CALLS, 365), (DataCategory.RECORDINGS, 90)),
    ListRequests: (),
    ReadConsents: ConsentsRead(tuple(map(_consent, Purpose))),
}
_FACTS = {
    FactsKind.SET_UP: ((word("Bundle"), "1"), (word("Serial number"), "1"), (word("Signer"), "1")),
}


def answer_to(request: Request[object]) -> Answered | None:
    """Answer as the store would; None where the answer comes later or never."""
    match request:
        case ListCalls(_, first, limit):
            answer: object = Stretch(first, 1, (_CALL,)[first : first + limit])
        case ListContacts(first, limit):
            answer = Stretch(first, 1, (_MATCH,)[first : first + limit])
        case ListRecordings(first, limit):
            recordings = (_RECORDING,)[first : first + limit]
            answer = RecordingsListed(first, 1, recordings, _RECORDING.size_bytes, 500_000_000)
        case ReadShares(first, limit):
            answer = Stretch(first, 1, (_SHARED,)[first : first + limit])
        case ReadFacts(kind):
            answer = _FACTS.get(kind, ((word("Version"), "1"),))
        case MakeHelpCode():
            answer = "10015046473416451688"
        case CheckPin(pin):
            answer = PinChecked(accepted=pin == PIN, wait_s=0 if pin == PIN else 10)
        case _ if type(request) in _ALWAYS_THE_SAME:
            answer = _ALWAYS_THE_SAME[type(request)]
        case _:
            return None
    return Answered(request, answer)
