"""What the handset and voice may say to each other, and that nothing else is heard."""

import functools
from dataclasses import is_dataclass, replace
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.calls import CallDirection, DisconnectReason
from firmware.phone import news as n
from firmware.phone.call import (
    CallerId,
    CallId,
    CallQuality,
    CallState,
    RegistrationFailure,
    RegistrationState,
    TextMessage,
    TransferState,
)
from firmware.phone.news import Problem
from firmware.phone.orders import LineOrder, SoundOrder
from firmware.phone.recording import RecordingPreference
from firmware.phone.requests.handset import Loudness
from firmware.voice.channel import MAX_MESSAGE_BYTES, RefusedError
from firmware.voice.messages import (
    LONGEST_TEXT,
    AnnouncementOver,
    Hello,
    News,
    Order,
    OrderTaken,
    Report,
    RingerFault,
    SoundTried,
    decode_news,
    decode_order,
    encode,
)
from firmware.voice.sip.mapping import caller_id
from firmware.voice.sip.text_messages import readable
from tests.lab import chance

CALL, OTHER = CallId("c" * 32), CallId("0123456789abcdef" * 2)
ANNA = CallerId("+491234", "Anna Müller 安娜", asserted=True)
TEXT = TextMessage("d" * 32, CallDirection.INCOMING, ANNA, "Back at noon.\nAnna", at=1_800_000.5)
FOUND = n.FoundCall(
    CALL, CallDirection.OUTGOING, CallState.ACTIVE, ANNA, "home", receiving=True, recorded=True, began_ago_s=61.5,
    answered_ago_s=58.0,
)  # fmt: skip
NEWS: tuple[News, ...] = (
    Hello("/opt/wecall/firmware/voice", "0" * 64),
    OrderTaken(CALL),
    AnnouncementOver(7, made=True),
    SoundTried("microphone"),
    Loudness(20, 3000),
    RingerFault("The ringer's sound card 'bell' is gone. Plug it in again."),
    Report("2.16, TLS", "periods=1", (("eth0", "192.0.2.1"), ("gateway", "192.0.2.254"))),
    n.IncomingCallReceived(CALL, ANNA, "home", "internal", 3, CallerId("100")),
    n.CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.BUSY, 486),
    n.CallAudioChanged(CALL, receiving=True, sending=False),
    n.CallPartyChanged(CALL, ANNA),
    n.TransferChanged(CALL, TransferState.FAILED, 603),
    n.CallReplaced(CALL, OTHER, ANNA, CallDirection.INCOMING),
    n.CallQualityMeasured(CALL, CallQuality(0.5, 12.25, None, "opus/48000/2", True, 4.1)),
    n.CallQualityMeasured(CALL, CallQuality(9.5, 12.25, 40.5, "opus", True, 4.1, 9.25, 1.5, 3.5)),
    n.CallTextChanged(CALL, is_open=True),
    n.CallTextReceived(CALL, "Guten Tag\n张伟", erased=3),
    n.RecordingSignalled(CALL, records=True, preference=RecordingPreference.UNWANTED),
    n.CallsFound((FOUND, replace(FOUND, call_id=OTHER)), joined=(CALL, OTHER), muted=True, speaker=True),
    n.RegistrationChanged(RegistrationState.FAILED, RegistrationFailure.REFUSED, 503, 30, "home"),
    n.VoicemailCounted(3, 12, "home"),
    n.WatchedPhoneChanged("202", n.Watched.RINGING),
    n.PagingChanged("Hall", speaks=True),
    n.MessageReceived(TEXT),
    n.MessageSent(TEXT.message_id, accepted=True, sip_code=202),
    n.ProblemRaised(Problem.SOUND_MISSING, "There is no sound card 'ear'."),
    n.ProblemCleared(Problem.SOUND_MISSING),
)
HEADS = b"\xdd", b"\xdf", b"\xdb", b"\xc6"


def name_of(kind: Any) -> str:
    return getattr(kind, "__name__", type(kind).__name__)


# --- what is on the lists ---------------------------------------------------------------------------------------------


def words(longest: int) -> st.SearchStrategy[str]:
    """Words without controls, and without what turns the direction of writing around."""
    return st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=longest)


@functools.cache
def within_bounds(hint: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Anything of a type that the border lets through."""
    if isinstance(hint, NewType):
        return within_bounds(hint.__supertype__, name)
    match get_origin(hint), get_args(hint):
        case (origin, kinds) if origin in {Union, UnionType}:
            return st.one_of([within_bounds(kind, name) for kind in kinds])
        case (origin, values) if origin is Literal:
            return st.sampled_from(values)
        case (origin, (kind, last)) if origin is tuple and last is Ellipsis:
            return st.lists(within_bounds(kind, name.removesuffix("s")), max_size=3).map(tuple)
        case (origin, kinds) if origin is tuple:
            return st.tuples(*(within_bounds(kind) for kind in kinds))
        case _:
            pass
    if is_dataclass(hint) and isinstance(hint, type):
        return st.builds(hint, **{each: within_bounds(kind, each) for each, kind in get_type_hints(hint).items()})
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    if hint is str:
        identifies = name in {"call_id", "new_call_id", "other_call_id", "message_id", "joined"}
        return st.from_regex(r"[0-9a-f]{32}", fullmatch=True) if identifies else words(512)
    return {
        bool: st.booleans(),
        int: st.integers(0, 699 if name == "sip_code" else 10**9),
        float: st.floats(0, 30 * 86_400 if name.endswith("_ago_s") else 10**9),
        NoneType: st.none(),
    }[hint]


@pytest.mark.parametrize("kind", get_args(Order), ids=name_of)
@given(st.data())
def test_an_order_arrives_as_it_was_sent(kind: type, data: st.DataObject) -> None:
    order = data.draw(within_bounds(kind))
    assert decode_order(encode(order)) == order


@pytest.mark.parametrize("kind", get_args(News), ids=name_of)
@given(st.data())
def test_news_arrives_as_it_was_sent(kind: type, data: st.DataObject) -> None:
    news = data.draw(within_bounds(kind))
    assert decode_news(encode(news)) == news


def test_the_bus_orders_nothing_that_is_not_on_the_list() -> None:
    assert set(get_args(Order)) >= set(get_args(LineOrder)) | set(get_args(SoundOrder))
    assert {type(news) for news in NEWS} == set(get_args(News))


def test_the_longest_text_goes_into_one_message() -> None:
    text = replace(TEXT, text="\U0001f600" * LONGEST_TEXT, party=CallerId("\U0001f600" * 512, "\U0001f600" * 512))
    data = encode(n.MessageReceived(text))
    assert len(data) <= MAX_MESSAGE_BYTES
    assert decode_news(data) == n.MessageReceived(text)


@given(st.text())
@example("\u2028\u2029\x85\u202e\x00\ud800")
def test_whatever_comes_over_the_wire_is_told_in_words_that_are_taken(wire: str) -> None:
    text = readable(f"Hi{wire}!")
    decode_news(encode(n.MessageReceived(replace(TEXT, text=text, party=caller_id(f'"{wire}" <sip:{wire}@x>')))))


# --- what is not ------------------------------------------------------------------------------------------------------


def packed(name: object, body: object) -> bytes:
    """Return what somebody sends who does not keep to the list."""
    return msgspec.msgpack.encode((name, body))


def with_fields(news: News, **values: object) -> bytes:
    """Return news with other values in it, of whatever type."""
    return packed(name_of(news), {**msgspec.to_builtins(news), **values})


INCOMING = n.IncomingCallReceived(CALL, ANNA)
COUNTED = n.VoicemailCounted(3)
QUALITY = n.CallQualityMeasured(CALL, CallQuality(0.5, 12.25, None, "PCMA", True, 4.1))


def test_what_is_not_on_the_list_or_of_another_type_is_refused(subtests: pytest.Subtests) -> None:
    for data in (
        b"",
        b"\xc1",
        packed("KeyPressed", {"key": "1"}),
        packed("Configure", {}),
        packed("Leave", {}),
        packed("", {}),
        packed(None, {}),
        packed(["RingerFault"], {"sentence": ""}),
        packed("RingerFault", None),
        packed("RingerFault", ["x"]),
        packed("RingerFault", {}),
        msgspec.msgpack.encode(("RingerFault", {"sentence": ""}, 1)),
        msgspec.msgpack.encode({"RingerFault": {"sentence": ""}}),
        encode(RingerFault("")) + b"\x00",
        with_fields(RingerFault(""), sentence=1),
        with_fields(RingerFault(""), sentence=None),
        with_fields(RingerFault(""), sentence=b"bytes"),
        with_fields(RingerFault(""), sentence=["nested"]),
        with_fields(COUNTED, new="3"),
        with_fields(COUNTED, new=3.5),
        with_fields(COUNTED, new=True),
        with_fields(SoundTried(""), fault="everything"),
        with_fields(n.ProblemCleared(Problem.SOUND_MISSING), problem="boredom"),
        with_fields(INCOMING, caller="Anna"),
        with_fields(INCOMING, caller={"number": {"number": "1"}}),
        with_fields(INCOMING, answer_after_s=[]),
        with_fields(n.CallsFound(()), calls=[["c" * 32]]),
        with_fields(Report("", "", ()), network=[["eth0"]]),
        with_fields(Report("", "", ()), network=[["eth0", "192.0.2.1", "more"]]),
    ):
        with subtests.test(data=data), pytest.raises(RefusedError):
            decode_news(data)


def test_calls_and_texts_are_named_as_they_are_named_here(subtests: pytest.Subtests) -> None:
    for data in (
        with_fields(INCOMING, call_id=""),
        with_fields(INCOMING, call_id="c" * 31),
        with_fields(INCOMING, call_id="C" * 32),
        with_fields(INCOMING, call_id="c" * 32 + "\n"),
        with_fields(INCOMING, call_id="../" + "c" * 29),
        with_fields(n.CallReplaced(CALL, OTHER, ANNA), new_call_id="x"),
        with_fields(n.MessageSent("d" * 32, accepted=True), message_id="x"),
        encode(n.MessageReceived(replace(TEXT, message_id="x"))),
        encode(n.CallsFound((replace(FOUND, call_id=CallId("x")),))),
        encode(n.CallsFound((), joined=(CallId("x"),))),
    ):
        with subtests.test(data=data), pytest.raises(RefusedError):
            decode_news(data)


def test_controls_and_what_turns_words_around_are_refused_wherever_they_stand(subtests: pytest.Subtests) -> None:
    for control in list("\x00\x07\x08\x0b\x1b\x1f\x7f\x85\x9f\u2028\u2029\u202a\u202e\u2066\u2069"):
        with subtests.test(control=control):
            forged = f"An{control}na"
            for data in (
                encode(RingerFault(forged)),
                encode(replace(INCOMING, caller=CallerId(forged))),
                encode(replace(INCOMING, diverted_by=CallerId("1", forged))),
                encode(n.MessageReceived(replace(TEXT, text=forged))),
                encode(n.CallsFound((replace(FOUND, party=CallerId("1", forged)),))),
                encode(Report("", "", (("eth0", forged),))),
            ):
                with pytest.raises(RefusedError):
                    decode_news(data)


def test_what_is_out_of_bounds_is_refused(subtests: pytest.Subtests) -> None:
    for data in [
        encode(RingerFault("x" * 513)),
        encode(replace(INCOMING, caller=CallerId("1" * 513))),
        encode(replace(INCOMING, account="x" * 513)),
        encode(n.MessageReceived(replace(TEXT, text="x" * (LONGEST_TEXT + 1)))),
        encode(n.MessageReceived(replace(TEXT, party=CallerId("1", "x" * 513)))),
        encode(n.CallsFound((FOUND,) * 65)),
        encode(n.CallsFound((), joined=(CALL,) * 65)),
        encode(Report("", "", (("a", "b"),) * 65)),
        encode(n.VoicemailCounted(10**9 + 1)),
        encode(n.VoicemailCounted(-1)),
        encode(n.MessageSent(TEXT.message_id, accepted=False, sip_code=700)),
        with_fields(COUNTED, new=2**64 - 1),
        *(
            encode(replace(QUALITY, quality=replace(QUALITY.quality, jitter_ms=value)))
            for value in (float("nan"), float("inf"), float("-inf"), -0.1, 1.1e9, 1e300)
        ),
        encode(n.CallsFound((replace(FOUND, answered_ago_s=float("nan")),))),
        encode(n.CallsFound((replace(FOUND, began_ago_s=31 * 86_400),))),
    ]:
        with subtests.test(data=data), pytest.raises(RefusedError):
            decode_news(data)


def test_what_claims_to_be_huge_costs_nothing(subtests: pytest.Subtests) -> None:
    for size in (10**5, 2**31 - 1, 2**32 - 1):
        for head in HEADS:
            with subtests.test(size=size, head=head):
                claim = head + size.to_bytes(4, "big")
                for start in (
                    encode(n.CallsFound(()))[:-1],
                    b"\x92\xabRingerFault\x81\xa8sentence",
                    b"\x92\xaaCallsFound\x81\xa5calls",
                    b"\x92\xaaCallsFound\x81\xa6joined",
                    b"\x92\xa6Report\x81\xa7network",
                    b"\x92",
                    b"",
                ):
                    with pytest.raises(RefusedError):
                        decode_news(start + claim)
                    with pytest.raises(RefusedError):
                        decode_order(start + claim)


def test_nested_junk_is_refused(subtests: pytest.Subtests) -> None:
    for opener in (b"\x91", b"\x81\xa1x", b"\x92\xa1x", b"\x81\xa8sentence"):
        for start in (b"", b"\x92\xabRingerFault", b"\x92\xaaCallsFound\x81\xa5calls"):
            with subtests.test(opener=opener, start=start), pytest.raises(RefusedError):
                decode_news((start + opener * MAX_MESSAGE_BYTES)[:MAX_MESSAGE_BYTES])


def test_the_sentence_of_a_refusal_quotes_nothing() -> None:
    for data in (with_fields(INCOMING, caller="secret"), packed("secret", {}), with_fields(INCOMING, call_id="secret")):
        with pytest.raises(RefusedError) as refused:
            decode_news(data)
        assert "secret" not in str(refused.value)


@pytest.mark.soak
def test_no_bytes_at_all_raise_anything_but_a_refusal() -> None:
    dice = chance.dice()
    good = [encode(news) for news in NEWS]
    for _ in range(chance.counted(200_000, 10_000)):
        is_heard(dice.randbytes(dice.randrange(200)))
        mutated = bytearray(dice.choice(good))
        for _ in range(dice.randrange(1, 4)):
            place = dice.randrange(len(mutated) + 1)
            match dice.randrange(4):
                case 0:
                    mutated[place : place + 1] = dice.randbytes(1)
                case 1:
                    del mutated[place : place + dice.randrange(1, 9)]
                case 2:
                    mutated[place:place] = dice.randbytes(dice.randrange(1, 9))
                case _:
                    other = dice.choice(good)
                    mutated[place:] = other[dice.randrange(len(other)) :]
        is_heard(bytes(mutated))


def is_heard(data: bytes) -> None:
    """Let both ends hear it, each of which takes it as what is on its list or refuses it."""
    for decode, kinds in ((decode_news, get_args(News)), (decode_order, get_args(Order))):
        try:
            heard = decode(data)
        except RefusedError:
            continue
        assert type(heard) in kinds
