"""Who began a call, and how it ended."""

from enum import StrEnum


class CallDirection(StrEnum):
    """Who began the call."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


class DisconnectReason(StrEnum):
    """Why a call is over. That it was answered says its time of answer; this says how it ended, whoever called.

    After an answer. LOCAL_HANGUP: the person at this phone hung up. REMOTE_HANGUP: the other end did. NETWORK_LOST: one
    end no longer reached the other.

    Before an answer. CANCELLED: whoever called gave up. NO_ANSWER: it rang until the called phone, or its server, gave
    up. BUSY: the called phone had no line free. REJECTED: whoever was called, or a rule of theirs, turned it away.
    NOT_FOUND: nobody has that number. UNREACHABLE: nothing got through to the called phone. NOT_ALLOWED: a server
    forbids this call. BARRED: this phone does, so that it never left. NO_COMMON_CODEC: the phones share no format of
    sound. ENCRYPTION_REQUIRED: one of them takes encrypted sound only, and the other none. SERVER_ERROR: a server or
    the called phone could not handle the call. FORWARDED: this phone sent the caller on to another number.
    ANSWERED_ELSEWHERE: another phone that rang for the same caller answered.

    Either. TRANSFERRED: another call took its place. INTERRUPTED: this phone stopped and did not see the end.
    """

    LOCAL_HANGUP = "local_hangup"
    REMOTE_HANGUP = "remote_hangup"
    CANCELLED = "cancelled"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not_allowed"
    NO_COMMON_CODEC = "no_common_codec"
    ENCRYPTION_REQUIRED = "encryption_required"
    NETWORK_LOST = "network_lost"
    SERVER_ERROR = "server_error"
    INTERRUPTED = "interrupted"
    FORWARDED = "forwarded"
    TRANSFERRED = "transferred"
    BARRED = "barred"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
