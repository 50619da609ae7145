"""One call, and the recording of one, as the phone remembers it until the person has seen how it ended."""

from dataclasses import dataclass, field

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import CallerId, CallId, CallQuality, CallState, Decision, TransferState
from firmware.phone.call_text import CallText
from firmware.phone.dial_string import WAIT
from firmware.phone.recording import RecordingEnd, RecordingPreference, RecordingSign
from firmware.phone.view import CallView, RecordingView

Party = tuple[CallId, CallerId]
"""Somebody at the other end of a call: who is there now may be another one later."""


@dataclass(slots=True)
class RunningRecording:
    """A recording that is wanted, goes on or comes to its end.

    Attributes:
        call_id: of which call; those that are joined to it are heard in it, too.
        is_message: the answering machine makes it.
        announcing: those who are being told that they are recorded, empty while nobody is.
        interrupted: that could not be heard to its end, because the call was left meanwhile.
        announced: those who have heard it.
        begun: the recorder was told to begin.
        running: it has begun.
        paused: it was told to wait.
        signs: what each call's other end was told by SIP.
        end: why no more is wanted; None while more is.
        duration_s: how long it is so far.
    """

    call_id: CallId
    is_message: bool = False
    announcing: frozenset[Party] = frozenset()
    interrupted: bool = False
    announced: frozenset[Party] = frozenset()
    begun: bool = False
    running: bool = False
    paused: bool = False
    signs: dict[CallId, RecordingSign] = field(default_factory=dict)
    end: RecordingEnd | None = None
    duration_s: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether what is said now is kept."""
        return self.running and not self.paused and self.end is None

    def view(self) -> RecordingView | None:
        return RecordingView(self.duration_s, self.is_kept) if self.end is None else None


_SHOWN_DTMF_DIGITS = 32
_HIDDEN_DIGIT = "•"


@dataclass(slots=True, eq=False)
class Call:
    """One call, in the foreground or beside it; one is never equal to another.

    Attributes:
        state: what SIP last said.
        account: whose call it is: the account's name, empty for the default account.
        ring: the pattern that the server asked for.
        contact_ring: the contact's own pattern, empty where it has none; it wins.
        picture: names the contact's picture, empty where it has none.
        aloud: it rings even where the ringer is turned down.
        let_through: the holder wanted this one call to ring whatever the rules say.
        silenced: the person wants neither to hear it ring nor its waiting tone.
        accepted: the person has answered it, or it took the place of a call that runs; SIP may not have said so yet.
        answered: it has been ACTIVE once.
        hold_wanted: the person has pressed hold; the microphone stays shut even while SIP still says ACTIVE.
        joined: it is one of those that are in conference.
        receiving: the far end can be heard.
        sending: the far end wants to hear this end.
        post_dial: what is still to be sent after the answer; see firmware.phone.dial_string.
        hides_dtmf: the digits sent in it are not for everybody's eyes.
        recorded_by_peer: the other end says that it records.
        record_preference: what the other end thinks of being recorded.
        recording_declined: asked in this call whether calls may be recorded, the person has said no.
        decision: what the handset decided about it by itself.
        text: what is written in it, None while nobody has begun to.
        transfer: how far handing it over has come.
        transfer_to: the call that is to take this one's place, where it is handed over to a call.
    """

    call_id: CallId
    direction: CallDirection
    party: CallerId
    state: CallState
    account: str = ""
    emergency: bool = False
    contact_name: str = ""
    attribution: str = ""
    diverted_by: CallerId | None = None
    ring: str = "normal"
    contact_ring: str = ""
    picture: str = ""
    aloud: bool = False
    let_through: bool = False
    silenced: bool = False
    accepted: bool = False
    answered: bool = False
    hold_wanted: bool = False
    joined: bool = False
    receiving: bool = False
    sending: bool = True
    duration_s: int = 0
    dtmf: str = ""
    post_dial: str = ""
    hides_dtmf: bool = False
    recorded_by_peer: bool = False
    record_preference: RecordingPreference = RecordingPreference.NONE
    recording_declined: bool = False
    reason: DisconnectReason | None = None
    sip_code: int = 0
    decision: Decision | None = None
    quality: CallQuality | None = None
    text: CallText | None = None
    transfer: TransferState | None = None
    transfer_to: CallId | None = None

    @property
    def is_live(self) -> bool:
        return self.state is not CallState.DISCONNECTED

    @property
    def is_offered(self) -> bool:
        """Somebody calls, and nobody has answered."""
        return self.is_live and self.direction is CallDirection.INCOMING and not (self.accepted or self.answered)

    @property
    def is_held(self) -> bool:
        """Held by this handset."""
        return self.state is CallState.HELD or (self.is_live and self.answered and self.hold_wanted)

    @property
    def may_talk(self) -> bool:
        """Whether the microphone has a business here."""
        return self.answered and self.state is CallState.ACTIVE and not self.hold_wanted and self.sending

    @property
    def needs_ringback(self) -> bool:
        """The network's early media is the better ringback: it may be an announcement (RFC 3960 section 3.2)."""
        return self.state is CallState.ALERTING and not self.answered and not self.receiving

    @property
    def is_being_handed_over(self) -> bool:
        return self.is_live and self.transfer in {TransferState.REQUESTED, TransferState.RINGING}

    @property
    def awaits_word(self) -> bool:
        """What is next to be sent waits for the person to say so."""
        return self.answered and self.post_dial.startswith(WAIT)

    @property
    def title(self) -> str:
        """The other end by name or number."""
        return self.contact_name or self.party.display_name or self.party.number

    @property
    def ring_pattern(self) -> str:
        return self.contact_ring or self.ring

    @property
    def _shown_state(self) -> CallState:
        return CallState.HELD if self.is_held else self.state

    def view(self) -> CallView:
        dtmf = self.dtmf[-_SHOWN_DTMF_DIGITS:]
        return CallView(
            state=self._shown_state,
            direction=self.direction,
            party=self.party,
            contact_name=self.contact_name,
            duration_s=self.duration_s,
            held_by_peer=self.answered and not self.sending and not self.is_held,
            dtmf=_HIDDEN_DIGIT * len(dtmf) if self.hides_dtmf else dtmf,
            reason=self.reason,
            sip_code=self.sip_code,
            emergency=self.emergency,
            attribution=self.attribution,
            diverted_by=(self.diverted_by.display_name or self.diverted_by.number) if self.diverted_by else "",
            decision=self.decision,
            transfer=self.transfer,
            quality=self.quality,
            text=self.text.view() if self.text is not None and self.is_live else None,
            in_conference=self.joined and self.is_live,
            picture=self.picture,
            recorded_by_peer=self.recorded_by_peer,
            awaits_word=self.awaits_word,
        )
