"""What the core needs from outside: one Protocol for each thing, implemented by drivers and adapters.

Calls into SipStack, Audio, Display and the stores never block the main thread: each owner has a thread and a queue of
its own. Callbacks arrive on the owner's thread; the composition root brings them into the main loop.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from firmware.phone.call import (
    CallDirection,
    CallId,
    CallQuality,
    Decision,
    DisconnectReason,
    RejectReason,
    SipUri,
    TextMessage,
)
from firmware.phone.call_statistics import CallStatistics
from firmware.phone.commands import AudioRoute, IndicatorPattern, Tone
from firmware.phone.errands import CallKind
from firmware.phone.events import Event, Key
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingEnd, RecordingNotice, RecordingSign
from firmware.phone.set_up import SetUp

SOUND_RATE_HZ: Final = 16_000
"""Rate of the sounds that `play` takes: 16-bit little-endian mono."""

# --- devices (drivers/ and drivers/simulator/) ------------------------------------------------------------------------
# Drivers raise OSError (their own subclass of it) when a device is missing or fails.


class Keypad(Protocol):
    """Keys by their configured names; callbacks arrive on the driver's thread."""

    when_pressed: Callable[[str], None] | None
    when_repeated: Callable[[str], None] | None
    when_held: Callable[[str], None] | None

    def start(self) -> None: ...
    def stop(self) -> None: ...


class HookSwitch(Protocol):
    """The handset's cradle; `is_off_hook` is the debounced state."""

    when_lifted: Callable[[], None] | None
    when_replaced: Callable[[], None] | None

    @property
    def is_off_hook(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class Display(Protocol):
    """The panel. How long a frame is, and what its bytes are, follows from the display's family.

    Black and white: rows top to bottom, one bit a pixel, most significant bit leftmost, each row padded to whole bytes.
    Colour: rows of red, green and blue bytes. Characters: rows of codes of the controller's A02 character set.
    """

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def show(self, frame: bytes) -> None: ...
    def set_brightness(self, percent: int) -> None:
        """Dim the panel from now on, from 100 down to 0, where it sleeps and keeps what is shown for when it wakes."""
        ...

    def refresh(self) -> None:
        """Heal a panel that was without power for a moment; nothing is seen of it on one that was not."""
        ...


class Indicator(Protocol):
    """The status LED; `pattern` is one of IndicatorPattern's values."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def show(self, pattern: IndicatorPattern) -> None: ...


class Ringer(Protocol):
    """The ringer on its own PCM; returns at once, rings on its own thread."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def ring(self, pattern: str = "normal") -> None: ...
    def silence(self) -> None: ...
    def set_volume(self, percent: int) -> None: ...
    def play(self, sound: bytes) -> None:
        """Play a sound once, in place of the one before; an empty one is silence. Nothing sounds over ringing."""
        ...


class CaptureStream(Protocol):
    """An open microphone PCM: 16-bit little-endian mono frames. It records from the moment it is open."""

    @property
    def overruns(self) -> int:
        """How often sound was lost because nobody read it in time."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether `read` would return at once."""
        ...

    def read(self) -> bytes:
        """Wait for one period and return it.

        Raises:
            OSError: the card is gone.
        """
        ...

    def close(self) -> None: ...


class PlaybackStream(Protocol):
    """An open earpiece PCM: 16-bit little-endian mono frames."""

    @property
    def underruns(self) -> int:
        """How often the queue ran empty."""
        ...

    @property
    def queued_frames(self) -> int:
        """How many samples wait to be played."""
        ...

    def write(self, frame: bytes) -> None:
        """Queue a frame of any length without waiting; an empty queue is prefilled with silence first.

        Raises:
            OSError: the card is gone.
        """
        ...

    def wait(self) -> None:
        """Wait until one more period fits, so that playback alone can pace a loop."""
        ...

    def close(self) -> None: ...


class SoundCard(Protocol):
    """The earpiece and the microphone, chosen by PCM name."""

    @property
    def rate_hz(self) -> int: ...
    @property
    def period_frames(self) -> int: ...
    def open_capture(self) -> CaptureStream: ...
    def open_playback(self) -> PlaybackStream: ...

    @property
    def prefill_frames(self) -> int:
        """How many samples of silence an empty queue is filled with: the delay that playback should keep."""
        ...

    @property
    def has_mixer(self) -> bool:
        """Whether the card has a volume of its own; otherwise sound is scaled before it is written."""
        ...

    def set_volume(self, percent: int) -> None:
        """Set the card's own volume.

        Raises:
            OSError: the mixer does not answer.
        """
        ...


# --- adapters ---------------------------------------------------------------------------------------------------------


class AudioPort(Protocol):
    """The SIP stack's end of the audio path: one conference bridge, pumped by whoever calls `exchange`."""

    @property
    def rate_hz(self) -> int: ...
    @property
    def frame_samples(self) -> int: ...
    def attach(self) -> None:
        """Make the calling thread known to the SIP stack; once, before its first exchange."""
        ...

    def exchange(self, near: bytes | None) -> bytes:
        """Give one frame of the microphone (None for silence) and take the frame that is due at the earpiece."""
        ...


class SipStack(Protocol):
    """The SIP user agent. Every method only queues; what follows arrives as events."""

    def start(self, post: Callable[[Event], None]) -> None: ...
    def stop(self) -> None: ...
    @property
    def audio_port(self) -> AudioPort: ...
    def place_call(self, call_id: CallId, uri: SipUri, account: str = "", *, anonymous: bool = False) -> None: ...
    def signal_ringing(self, call_id: CallId) -> None: ...
    def answer(self, call_id: CallId) -> None: ...
    def reject(self, call_id: CallId, reason: RejectReason) -> None: ...
    def hang_up(self, call_id: CallId) -> None: ...
    def hold(self, call_id: CallId) -> None: ...
    def resume(self, call_id: CallId) -> None: ...
    def send_dtmf(self, call_id: CallId, key: Key) -> None: ...
    def signal_recording(self, call_id: CallId, sign: RecordingSign) -> None: ...
    def redirect(self, call_id: CallId, uri: SipUri) -> None: ...
    def transfer(self, call_id: CallId, uri: SipUri) -> None: ...
    def transfer_to_call(self, call_id: CallId, other_call_id: CallId) -> None: ...
    def join(self, call_ids: Sequence[CallId]) -> None: ...
    def split(self) -> None: ...
    def send_message(self, message_id: str, uri: SipUri, text: str, account: str = "") -> None: ...


class SoundSource(Protocol):
    """Sound that comes piece by piece."""

    def next_frame(self, duration_ms: int) -> bytes | None:
        """Return what is due, mono at SOUND_RATE_HZ and at most so long; None where that is nothing. Never waits."""
        ...

    def give_up(self) -> None:
        """Hear that no more will be taken."""
        ...


class Audio(Protocol):
    """The audio loop between a sound card and an AudioPort. Every method only sets what the loop does next."""

    def start(self, port: AudioPort | None) -> None: ...
    def stop(self) -> None: ...
    def open(self, *, talk: bool, speaker: bool = False) -> None: ...
    def close(self) -> None: ...
    def play_tone(self, tone: Tone) -> None: ...
    def stop_tone(self) -> None: ...
    def set_muted(self, *, muted: bool) -> None: ...
    def set_volume(self, route: AudioRoute, percent: int) -> None: ...
    def play(self, sound: bytes) -> None:
        """Play a sound once over what is heard, in place of the one before; an empty one is silence.

        Nothing sounds where the earpiece is shut, nor with the microphone open: the far end would hear it.
        """
        ...

    def announce(self, sound: bytes, when_over: Callable[[bool], None]) -> None:
        """Play a sound once to both ends, over what they hear, in place of the one before.

        Args:
            sound: at SOUND_RATE_HZ.
            when_over: is told once, on any thread, whether all of it went out; it does not where the microphone is shut
                or shuts meanwhile.
        """
        ...

    def listen_to(self, source: SoundSource | None) -> None:
        """Play what a source gives over what is heard, in place of the one before; None is nothing.

        Nothing is taken from it where the earpiece is shut; once the microphone opens it is given up.
        """
        ...


class SoundFormat(StrEnum):
    """How the sound of a recording is encoded; the values are how its files' names end."""

    OPUS = "opus"
    FLAC = "flac"


class RecordingSink(Protocol):
    """Where a recording is kept, chunk by chunk."""

    def write(self, chunk: bytes, samples: int) -> None:
        """Keep a chunk that makes the recording so many samples at SOUND_RATE_HZ longer; on the disk on return.

        Raises:
            StorageError: there is no room for it, or the disk is broken; what was kept before can be played.
        """
        ...

    def finish(self) -> None:
        """Say that this is all of it.

        Raises:
            StorageError: as above.
        """
        ...


class RecordingAnnouncer(Protocol):
    """Lets everybody in a call hear that it is recorded."""

    def announce(self, notice: RecordingNotice) -> None:
        """Begin to tell; after BEGINNING, RecordingAnnounced follows."""
        ...


class Recorder(Protocol):
    """Keeps how calls sound, one at a time. Every method returns at once; what became of it arrives as events.

    What it keeps is what the far end is sent (silence while muted) on the left and what is heard on the right.
    RecordingStarted follows once the recording's key is on the disk, and nothing is kept before; RecordingEnded follows
    once all of it is there, or where it could not begin.
    """

    def begin(self, call_id: CallId, number: str, name: str) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def end(self, reason: RecordingEnd) -> None: ...


@dataclass(frozen=True, slots=True)
class CallLogEntry:
    """One line of the call log; times are seconds since the epoch, UTC; `contact_id` is 0 where nobody is known."""

    call_id: CallId
    direction: CallDirection
    number: str
    name: str
    started_at: float
    answered_at: float | None
    ended_at: float | None
    reason: DisconnectReason | None
    sip_code: int
    decision: Decision | None = None
    quality: CallQuality | None = None
    contact_id: int = 0


class CallLog(Protocol):
    """The call log and, behind it, the outbox: one transaction closes a call and queues its record."""

    async def open_record(
        self,
        call_id: CallId,
        direction: CallDirection,
        number: str,
        dialled: str,
        *,
        account: str = "",
        decision: Decision | None = None,
    ) -> None: ...
    async def mark_answered(self, call_id: CallId) -> None: ...
    async def close_record(
        self, call_id: CallId, reason: DisconnectReason, sip_code: int, decision: Decision | None = None
    ) -> None: ...
    async def keep_quality(self, call_id: CallId, quality: CallQuality) -> None: ...
    async def last_dialled(self) -> str: ...
    async def count_unseen_missed(self) -> int: ...
    async def account_id(self) -> str:
        """Return the default account's opaque id, as call records have it."""
        ...

    async def mark_missed_seen(self) -> None: ...
    async def recent(self, limit: int) -> Sequence[CallLogEntry]: ...
    async def listed(self, kind: CallKind, first: int, limit: int) -> tuple[int, Sequence[CallLogEntry]]:
        """Return how many calls of a kind there are, and a stretch of them, newest first."""
        ...

    async def statistics(self) -> CallStatistics: ...
    async def delete(self, call_id: CallId) -> None: ...
    async def clear(self, kind: CallKind = CallKind.ALL) -> None: ...


@dataclass(frozen=True, slots=True)
class CallerContact:
    """What the address book has on a caller.

    Attributes:
        ring: one of the ring patterns, empty where none was chosen.
        blocked: the holder wants no call of theirs to ring.
        picture: names the contact's picture, empty where it has none.
        contact_id: names the contact in the store.
    """

    name: str
    ring: str = ""
    blocked: bool = False
    picture: str = ""
    contact_id: int = 0


class Contacts(Protocol):
    """The address book."""

    async def contact_of(self, number: str) -> CallerContact | None:
        """Return the contact that has a number, however either is written; None where nobody has it."""
        ...

    async def blocked_numbers(self) -> Sequence[str]:
        """Return the numbers of all contacts that never ring."""
        ...


class Messages(Protocol):
    """The text messages that are kept."""

    async def keep(self, message: TextMessage) -> None:
        """Keep a message, or replace what was kept under its id."""
        ...

    async def newest(self, limit: int) -> Sequence[TextMessage]: ...
    async def mark_read(self) -> None: ...
    async def delete(self, message_id: str) -> None: ...


class Pin(Protocol):
    """The holder's PIN."""

    async def is_set(self) -> bool: ...


class PreferenceStore(Protocol):
    """What the holder has set on the phone itself."""

    async def load(self) -> Preferences | None:
        """Return what was saved last, None where nothing ever was."""
        ...

    async def save(self, preferences: Preferences) -> None: ...


class SetUpStore(Protocol):
    """How the phone came to be set up by whoever holds it."""

    async def load(self) -> SetUp: ...
    async def save(self, set_up: SetUp) -> None: ...


@dataclass(frozen=True, slots=True, order=True)
class OutboxKey:
    """Names one message for ever: `epoch` is the store's, `seq` only rises within it."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message that waits for the broker.

    Attributes:
        topic: the last level of its topic, such as "cdr".
        payload: the JSON of one of the closed models of firmware.egress; empty to have the broker forget the message
            that it keeps for the topic.
    """

    key: OutboxKey
    topic: str
    retain: bool
    payload: Mapping[str, object]


class Outbox(Protocol):
    """Messages that wait for the broker, durably; each is kept until it is complete."""

    async def next_batch(self, limit: int) -> Sequence[OutboxMessage]:
        """Return the oldest messages that may leave now, the same ones again until they are complete.

        Consent is asked here once more, so what it does not cover is not among them. None of them may leave before
        `hand_over` was told.
        """
        ...

    async def hand_over(self, keys: Sequence[OutboxKey]) -> Collection[OutboxKey]:
        """Write down that these leave now; return those that still may, and only these leave."""
        ...

    async def complete(self, keys: Sequence[OutboxKey]) -> None:
        """Record that the broker has these; keys that are complete or purged already mean nothing."""
        ...

    async def wait_for_due(self, timeout_s: float) -> bool:
        """Wait until there is a message to hand over; False if there was none in that time."""
        ...


class BrokerState(StrEnum):
    """How the sync process stands with the broker."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


class BrokerProblem(StrEnum):
    """Why the broker cannot be used, in words that a person can be shown."""

    NONE = ""
    HOST_NOT_FOUND = "host_not_found"
    CONNECTION_REFUSED = "connection_refused"
    TIMED_OUT = "timed_out"
    NO_NETWORK = "no_network"
    CONNECTION_LOST = "connection_lost"
    SERVER_BUSY = "server_busy"
    BROKER_CERTIFICATE_UNTRUSTED = "broker_certificate_untrusted"
    BROKER_CERTIFICATE_EXPIRED = "broker_certificate_expired"
    TLS_FAILED = "tls_failed"
    DEVICE_CERTIFICATE_UNUSABLE = "device_certificate_unusable"
    DEVICE_CERTIFICATE_REJECTED = "device_certificate_rejected"
    DEVICE_CERTIFICATE_EXPIRED = "device_certificate_expired"
    NOT_AUTHORIZED = "not_authorized"
    IDENTITY_IN_USE = "identity_in_use"
    MESSAGE_REFUSED = "message_refused"
    MESSAGE_NOT_ALLOWED = "message_not_allowed"
    PROTOCOL_ERROR = "protocol_error"


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """All that the sync process must know to reach the broker.

    Attributes:
        ca_pem: the authorities that sign the broker's certificate; the system's where None.
        certificate_pem, key_pem: the device's own; both or neither.
        discovery: dashboards are told of the handset; what they were told is taken back where False.
        departing: the holder has gone: the broker is to forget whether the handset is there, and dashboards the
            handset.
    """

    device: str
    fleet: str
    host: str
    port: int
    ca_pem: str | None = None
    certificate_pem: str | None = None
    key_pem: str | None = field(default=None, repr=False)
    batch_records: int = 50
    retry_base_s: float = 1.0
    retry_cap_s: float = 120.0
    keep_alive_s: int = 120
    discovery: bool = True
    departing: bool = False


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many bytes a connection, or all of them on a day, moved over the network."""

    sent_bytes: int = 0
    received_bytes: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.sent_bytes + other.sent_bytes, self.received_bytes + other.received_bytes)

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.sent_bytes - other.sent_bytes, self.received_bytes - other.received_bytes)


@dataclass(frozen=True, slots=True)
class DailyTraffic:
    """How much the connection to the broker moves a day.

    Attributes:
        today: so far.
        average: of the whole days that are known.
        days: how many these are.
    """

    today: Traffic
    yesterday: Traffic
    average: Traffic
    days: int


class Heartbeat(Protocol):
    """A thread's sign of life: called whenever the thread has made progress, at least every few seconds."""

    def __call__(self) -> None: ...
