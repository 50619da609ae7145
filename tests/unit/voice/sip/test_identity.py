import base64
import json

import pytest

from firmware.phone.call import CallerId, Verification
from firmware.voice.sip.identity import Headers, asserted_identity, is_answered_elsewhere, q850_cause, read_invitation


def invite(*headers: str, sender: str = '"Caller" <sip:100@example.com>;tag=1') -> str:
    lines = ["INVITE sip:alice@example.com SIP/2.0", f"From: {sender}", *headers, "", "v=0"]
    return "\r\n".join(lines)


def test_the_server_says_who_calls(subtests: pytest.Subtests) -> None:
    for headers, caller in (
        (("P-Asserted-Identity: <sip:200@example.com>",), CallerId("200", asserted=True)),
        (('P-Asserted-Identity: "A, B" <sip:200@x>, <tel:+4930200>',), CallerId("200", "A, B", asserted=True)),
        (("P-Asserted-Identity: <tel:+4930200;ext=1>",), CallerId("+4930200", asserted=True)),
        (('Remote-Party-ID: "Bob" <sip:300@x>;party=calling;screen=yes',), CallerId("300", "Bob", asserted=True)),
        (("Remote-Party-ID: <sip:300@x>;party=calling;privacy=full",), CallerId("", asserted=True)),
        (("Remote-Party-ID: <sip:300@x>;party=called",), CallerId("100", "Caller")),
        (("P-Asserted-Identity: <sip:200@x>", "Privacy: id"), CallerId("", asserted=True)),
        (("P-Asserted-Identity: <sip:200@x>", "Privacy: none"), CallerId("200", asserted=True)),
        (("P-Asserted-Identity: <sip:example.com>",), CallerId("100", "Caller")),
        (("p-asserted-identity:\r\n <sip:200@x>",), CallerId("200", asserted=True)),
        ((), CallerId("100", "Caller")),
    ):
        with subtests.test(headers=headers):
            assert read_invitation(invite(*headers), trusted=True).caller == caller


def test_a_cancel_says_whether_another_phone_has_answered(subtests: pytest.Subtests) -> None:
    for headers, elsewhere in (
        (('Reason: SIP;cause=200;text="Call completed elsewhere"',), True),
        (('Reason: SIP ;text="Call completed elsewhere" ; cause = 200',), True),
        (("Reason: Q.850;cause=26",), True),
        (('Reason: Q.850;cause=16, SIP;cause=200;text="Call completed elsewhere"',), True),
        (("Reason: Q.850;cause=16", "reason: sip;cause=200"), True),
        (("Reason: SIP;cause=487",), False),
        (("Reason: SIP;cause=2000",), False),
        (("Reason: Q.850;cause=200",), False),
        (('Reason: Preemption;cause=1;text="cause=200"',), False),
        (("X-Reason: SIP;cause=200",), False),
        (("Reason:",), False),
        ((), False),
    ):
        with subtests.test(headers=headers):
            message = "\r\n".join(["CANCEL sip:alice@example.com SIP/2.0", *headers, "", "Reason: SIP;cause=200"])
            assert is_answered_elsewhere(message) is elsewhere


def test_the_cause_of_a_network_beyond_sip_is_read(subtests: pytest.Subtests) -> None:
    for headers, cause in (
        (("Reason: Q.850;cause=19",), 19),
        (('reason : q.850 ; text="no answer" ; cause = 19',), 19),
        (("Reason: SIP;cause=480",), 0),
        (("Reason: SIP;cause=480, Q.850;cause=3",), 3),
        (("Reason: Q.850;cause=1900",), 0),
        ((), 0),
    ):
        with subtests.test(headers=headers):
            assert q850_cause("\r\n".join(["SIP/2.0 480 Gone", *headers, "", "Reason: Q.850;cause=1"])) == cause


PASSED = "verstat=TN-Validation-Passed"


def passport(attest: str = "A", number: object = "14085401000", ppt: str = "shaken") -> str:
    """Make an Identity header whose signature nobody looks at (RFC 8588 section 5)."""
    header, claims = {"alg": "ES256", "ppt": ppt}, {"attest": attest, "orig": {"tn": number}}
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return f"Identity: {'.'.join(parts)}.c2lnbmF0dXJl;info=<https://cert.example.org/a.cer>;alg=ES256;ppt={ppt}"


@pytest.mark.feature("verified callers")
def test_the_server_says_whether_the_number_is_the_callers(subtests: pytest.Subtests) -> None:
    for headers, verification in (
        ((f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>",), Verification.VERIFIED),
        ((f'P-Asserted-Identity: "Ann" <sip:+14085401000;{PASSED}@x;user=phone>',), Verification.VERIFIED),
        ((f"P-Asserted-Identity: tel:+14085401000;{PASSED.upper()}",), Verification.VERIFIED),
        (("P-Asserted-Identity: <tel:+14085401000;verstat=TN-Validation-Failed>",), Verification.UNVERIFIED),
        (("P-Asserted-Identity: <tel:+14085401000;verstat=No-TN-Validation>",), Verification.UNVERIFIED),
        (("P-Asserted-Identity: <tel:+14085401000>",), None),
        (("P-Asserted-Identity: <tel:+14085401000;verstat=TN-Validation-Passed-Indeed>",), None),
        (("P-Asserted-Identity: <tel:+14085401000;verstat=>",), None),
        ((f"P-Asserted-Identity: <tel:+14085401000;{PASSED};verstat=TN-Validation-Failed>",), None),
        ((f"P-Asserted-Identity: <sip:+14085401000@x;{PASSED}>",), None),
        ((f"P-Asserted-Identity: <sip:+14085401000@x>;{PASSED}",), None),
        ((f'P-Asserted-Identity: "<tel:+14085401000;{PASSED}>" <tel:+14085401000>',), None),
        ((f"P-Asserted-Identity: <tel:+1;{PASSED}>", "Privacy: id"), None),
        ((f"Remote-Party-ID: <sip:300;{PASSED}@x>",), None),
        ((f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", passport()), Verification.VERIFIED),
        ((f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", passport("B")), Verification.UNVERIFIED),
        ((f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", passport("C")), Verification.UNVERIFIED),
        (
            (f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", passport(number="14085401001")),
            Verification.UNVERIFIED,
        ),
        ((f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", passport(number=["1"])), Verification.UNVERIFIED),
        ((f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", "Identity: rubbish"), Verification.UNVERIFIED),
        (
            (f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", "Identity: e30.W10.x;ppt=shaken"),
            Verification.UNVERIFIED,
        ),
        (
            (f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", passport(), passport("C", ppt="div")),
            Verification.VERIFIED,
        ),
        ((passport(),), None),
        (("P-Asserted-Identity: <tel:+14085401000>", passport()), None),
        (("Call-Info: <https://x/1>;purpose=info;type=spam;confidence=85",), Verification.SPAM),
        (("Call-Info: <https://x/1>;purpose=info;type=Fraud",), Verification.SPAM),
        (("Call-Info: <https://x/1>;type=spam;confidence=49",), None),
        (("Call-Info: <https://x/1>;type=spam;confidence=101",), None),
        (("Call-Info: <https://x/1>;type=spam;confidence=high",), None),
        (("Call-Info: <https://x/1?;type=spam>",), None),
        (("Call-Info: <https://x/1>;type=telemarketing;confidence=99",), None),
        (
            (f"P-Asserted-Identity: <tel:+14085401000;{PASSED}>", "Call-Info: <x:1>;type=spam"),
            Verification.SPAM,
        ),
    ):
        with subtests.test(headers=headers):
            message = invite(*headers)
            assert read_invitation(message, trusted=True).caller.verification is verification
            assert read_invitation(message, trusted=False).caller.verification is Verification.UNVERIFIED


@pytest.mark.parametrize(
    ("sender", "verification"),
    [
        (f"<sip:+14085401000;{PASSED}@x;user=phone>;tag=1", None),
        ("<tel:+14085401000;verstat=No-TN-Validation>;tag=1", Verification.UNVERIFIED),
        (f'"<sip:+1;{PASSED}@x>" <sip:+14085401000@x>;tag=1', None),
        (f'<sip:+14085401000@x>;tag=1;a="<tel:+14085401000;{PASSED}>"', None),
    ],
)
def test_where_the_server_asserts_nothing_from_gives_no_tick_and_may_say_that_there_is_none(
    sender: str, verification: Verification | None
) -> None:
    assert read_invitation(invite(sender=sender), trusted=True).caller.verification is verification
    assert read_invitation(invite(sender=sender), trusted=False).caller.verification is Verification.UNVERIFIED


def test_what_from_says_of_one_number_says_nothing_of_another() -> None:
    message = invite("P-Asserted-Identity: <tel:+4930200>", sender=f"<tel:+14085401000;{PASSED}>;tag=1")
    caller = read_invitation(message, trusted=True).caller
    assert (caller.number, caller.verification) == ("+4930200", None)


def test_without_trust_only_the_callers_own_word_is_left() -> None:
    message = invite(
        "P-Asserted-Identity: <sip:200@x>",
        "Alert-Info: <urn:alert:source:internal>",
        "Answer-Mode: Auto",
        "Diversion: <sip:300@x>",
    )
    invitation = read_invitation(message, trusted=False)
    assert invitation.caller == CallerId("100", "Caller", verification=Verification.UNVERIFIED)
    assert (invitation.ring, invitation.answer_after_s, invitation.diverted_by) == ("normal", None, None)


def test_the_compact_form_of_from_is_read_too() -> None:
    message = "INVITE sip:a@b SIP/2.0\r\nf: <sip:100@x>;tag=1\r\n\r\n"
    assert read_invitation(message, trusted=True).caller.number == "100"


def test_a_header_in_the_body_asserts_nothing() -> None:
    message = invite() + "\r\nP-Asserted-Identity: <sip:200@x>\r\n"
    assert asserted_identity(Headers(message)) is None


def test_the_server_chooses_the_ring(subtests: pytest.Subtests) -> None:
    for value, ring in (
        ("<urn:alert:source:internal>", "internal"),
        ("<urn:alert:source:external>", "external"),
        ("<urn:alert:priority:high>", "priority"),
        ("<http://pbx.example.com>;info=alert-internal;x-line-id=0", "internal"),
        ("<http://127.0.0.1/Bellcore-dr3>", "external"),
        ("Bellcore-dr2", "internal"),
        ("Bellcore-dr4", "priority"),
        ("Bellcore-dr1", "normal"),
        ("<file://Bellcore-dr5>", "normal"),
        ("<urn:alert:unknown>, <urn:alert:source:external>", "external"),
        ("internal", "internal"),
        ("<http://internalise.example.com/ring.wav>", "normal"),
    ):
        with subtests.test(value=value, ring=ring):
            assert read_invitation(invite(f"Alert-Info: {value}"), trusted=True).ring == ring


def test_a_call_may_ask_to_be_answered_without_a_hand(subtests: pytest.Subtests) -> None:
    for header, answer_after_s in (
        ("Call-Info: <sip:x>;answer-after=0", 0),
        ("Call-Info: <sip:x>; Answer-After = 5", 5),
        ("Call-Info: <sip:x>;answer-after=9999", 60),
        ("Alert-Info: <http://x>;info=alert-autoanswer;delay=0", 0),
        ("Alert-Info: info=alert-autoanswer", 0),
        ("Alert-Info: Ring-Answer", 0),
        ("Alert-Info: <sip:x>;answer-after=2", 2),
        ("Answer-Mode: Auto", 0),
        ("Answer-Mode: Auto;require", 0),
        ("Priv-Answer-Mode: auto", 0),
        ("Answer-Mode: Manual", None),
        ("Alert-Info: <urn:alert:source:internal>", None),
        ("Subject: answer-after=0", None),
    ):
        with subtests.test(header=header):
            assert read_invitation(invite(header), trusted=True).answer_after_s == answer_after_s


@pytest.mark.parametrize(
    ("headers", "diverted_by"),
    [
        (("Diversion: <sip:200@x>;reason=no-answer, <sip:300@x>",), CallerId("200")),
        (("Diversion: <sip:200@x>", "Diversion: <sip:300@x>"), CallerId("200")),
        (("History-Info: <sip:200@x>;index=1, <sip:alice@x>;index=1.1",), CallerId("200")),
        (("History-Info: <sip:alice@x>;index=1",), None),
        ((), None),
    ],
)
def test_who_forwarded_the_call_is_known(headers: tuple[str, ...], diverted_by: CallerId | None) -> None:
    assert read_invitation(invite(*headers), trusted=True).diverted_by == diverted_by
