"""A phone with everything set up, and a store with one thing of each kind, to walk through the menus with."""

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from contract.messages import Topic
from firmware.base.words import word
from firmware.phone import errands as e
from firmware.phone.answers import (
    AccountKnown,
    Answer,
    CallsCounted,
    CallsDeleted,
    CallsListed,
    ContactRead,
    ContactsFound,
    ContactsListed,
    FactsRead,
    LoggedCall,
    PicturesListed,
    PinChanged,
    PinChecked,
)
from firmware.phone.call import CallerId, CallId, CallQuality, CallState, TextMessage
from firmware.phone.call_statistics import CallCounts, CallStatistics
from firmware.phone.consent_answers import ConsentRow, ConsentsChanged, ConsentsRead, ReceiptRead
from firmware.phone.consent_errands import ReadConsents, ReadReceipt
from firmware.phone.contact import Contact, ContactMatch, ContactNumber
from firmware.phone.dial_plan import DialPlan
from firmware.phone.events import Event, HandsetLifted, HandsetReplaced, KeyPressed, MessagesLoaded, PreferencesLoaded
from firmware.phone.key import Key
from firmware.phone.my_data import DataCategory
from firmware.phone.news import CallQualityMeasured, CallStateChanged
from firmware.phone.phone_settings import PhoneSettings
from firmware.phone.policy_answers import NoticeRow, NoticesRead, PoliciesListed, PolicyRead, PolicyRow, PolicyState
from firmware.phone.policy_errands import ListPolicies, ReadNotices, ReadPolicy
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingId
from firmware.phone.recording_answers import RecordingRow, RecordingsListed
from firmware.phone.recording_errands import ListRecordings
from firmware.phone.rights_answers import RequestsListed, RetentionRead
from firmware.phone.rights_errands import ListRequests, ReadRetention
from firmware.phone.sharing_answers import SharedRow, SharesRead
from firmware.phone.sharing_errands import ReadShares

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
    PreferencesLoaded(Preferences()),
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

_ALWAYS_THE_SAME: dict[type[e.Errand], Answer] = {
    e.DeleteCall: CallsDeleted(),
    e.ClearCalls: CallsDeleted(),
    e.CountCalls: CallsCounted(CallStatistics(_COUNTS, _COUNTS, _COUNTS, undated=0)),
    e.ReadContact: ContactRead(_CONTACT),
    e.ListPictures: PicturesListed((("p1", "Holiday"),)),
    ListPolicies: PoliciesListed((_POLICY,)),
    ReadPolicy: PolicyRead(_POLICY, ("This is the privacy policy of this phone.",)),
    ReadNotices: NoticesRead((_NOTICE,)),
    ReadRetention: RetentionRead(((DataCategory.CALLS, 365), (DataCategory.RECORDINGS, 90))),
    ListRequests: RequestsListed(()),
    ReadConsents: ConsentsRead(tuple(map(_consent, Purpose))),
}


_FACTS = {
    e.FactsKind.SET_UP: ((word("Bundle"), "1"), (word("Serial number"), "1"), (word("Signer"), "1")),
}


def answer_to(errand: e.Errand) -> Answer | None:
    """Answer an errand as the store would; None where the answer comes later or never."""
    match errand:
        case e.ListCalls(kind, first, limit):
            return CallsListed(kind, first, 1, (_CALL,)[first : first + limit])
        case e.ListContacts(first, limit):
            return ContactsListed(first, 1, (_MATCH,)[first : first + limit])
        case ListRecordings(first, limit):
            recordings = (_RECORDING,)[first : first + limit]
            return RecordingsListed(first, 1, recordings, _RECORDING.size_bytes, 500_000_000)
        case ReadShares(first, limit):
            return SharesRead(first, 1, (_SHARED,)[first : first + limit])
        case e.SearchContacts(keys):
            return ContactsFound(keys, (_MATCH,))
        case ReadReceipt(purpose):
            return ReceiptRead(purpose, "receipt")
        case e.ReadFacts(kind):
            return FactsRead(kind, _FACTS.get(kind, ((word("Version"), "1"),)))
        case e.CheckPin(pin):
            return PinChecked(accepted=pin == PIN, wait_s=0 if pin == PIN else 10)
        case e.SetPin(pin):
            return PinChanged(is_set=bool(pin))
        case _:
            return _ALWAYS_THE_SAME.get(type(errand))
