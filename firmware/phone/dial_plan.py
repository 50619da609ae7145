"""When what a person dials is a number, and which URI it stands for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import quote, unquote

from firmware.base.errors import DialPlanError
from firmware.phone.call import SipUri
from firmware.phone.countries import COUNTRIES
from firmware.phone.country import ASSUMED_COUNTRY, GENERAL_NUMBER, USUAL_EMERGENCY_NUMBERS
from firmware.phone.dial_string import PAUSE, WAIT, SipAddress, sip_address
from firmware.phone.digit_map import Alternative
from firmware.phone.numbers import DEFAULT_FORMS, NumberForms, NumberPattern

MAX_DIGITS = 32
"""What can be dialled at most: an E.164 number has 15 digits, a service code around it a few more."""

_E164_MIN_DIGITS = 7
_E164_MAX_DIGITS = 15  # ITU-T E.164 section 6.1
_NUMBER = re.compile(r"\+?[0-9*#]+")
# RFC 3261 section 25.1: user = 1*( unreserved / escaped / user-unreserved ).
_USER_UNESCAPED = "-_.!~*'()" + "&=+$,;?/"


class Match(StrEnum):
    """What the dial plan says about the digits so far."""

    IMPOSSIBLE = "impossible"
    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    COMPLETE_AFTER_TIMEOUT = "complete_after_timeout"


_SENDABLE = frozenset({Match.COMPLETE, Match.COMPLETE_AFTER_TIMEOUT})


class Objection(StrEnum):
    """Why the phone must not send calls to a number by itself."""

    IMPOSSIBLE = "impossible"
    EMERGENCY = "emergency"
    BARRED = "barred"
    OWN_NUMBER = "own_number"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Turns what was dialled into the number that the server wants.

    A digit map's alternative and a count are all that it takes: unlike a regular expression they are read in one pass,
    whatever somebody writes.

    Attributes:
        pattern: which numbers it is for; all of a number has to fit.
        strip: how many digits fall off the front.
        prepend: what takes their place.
        account: whose call it becomes: an account's name, empty for the default account.
    """

    pattern: Alternative
    strip: int = 0
    prepend: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class DialPlan:
    """Emergency numbers first, then the digit map, then what is rewritten, then what is barred.

    What is dialled may be a SIP address, and may have digits behind it that are sent after the answer: these are no
    part of a number. An address in a domain of this handset's that has a number for its user is that number.

    Attributes:
        domain: the host part of the URIs.
        alternatives: the digit map.
        emergency_numbers: called whatever else holds, and never rewritten but for the next.
        general_number: what 112 is sent as where it is none of the country's numbers: one of those; 112 elsewhere.
        unsure: those of the emergency numbers that here may be the beginning of another number as well.
        international_prefix: what stands for `+`; empty where nothing does.
        rewrites: the first that fits is applied, and no other after it.
        barred: numbers that are never called, compared as dialled and as rewritten.
        own_numbers: what this handset is called by.
        known_numbers: called as they are, whether the digit map has them or not: the voicemail's, and pick-ups.
        domains: the host part for accounts of other domains, by the account's name.
        forms: how numbers are written here.
    """

    domain: str
    alternatives: tuple[Alternative, ...]
    emergency_numbers: frozenset[str]
    general_number: str = GENERAL_NUMBER
    unsure: frozenset[str] = frozenset()
    international_prefix: str = ""
    rewrites: tuple[Rewrite, ...] = ()
    barred: tuple[NumberPattern, ...] = ()
    own_numbers: frozenset[str] = frozenset()
    known_numbers: frozenset[str] = frozenset()
    domains: Mapping[str, str] = field(default_factory=dict)
    forms: NumberForms = DEFAULT_FORMS

    @classmethod
    def build(
        cls,
        *,
        country: str | None,
        domain: str,
        digit_map: Iterable[str] = ("x.T",),
        emergency_numbers: Iterable[str] = (),
        international_prefix: str | None = None,
        rewrites: Iterable[Rewrite] = (),
        barred: Iterable[str] = (),
        own_numbers: Iterable[str] = (),
        known_numbers: Iterable[str] = (),
        domains: Mapping[str, str] | None = None,
    ) -> Self:
        """Make the plan of a country.

        Args:
            country: ISO 3166 code, one of COUNTRIES; None where nobody has said it: then what is called for help
                anywhere is help.
            domain: the host part of the URIs.
            digit_map: alternatives of RFC 3435 section 2.1.5.
            emergency_numbers: more of them, beside the country's own.
            international_prefix: instead of the country's own.
            rewrites: the first that fits a number is applied.
            barred: numbers, or beginnings of numbers with `*` behind them.
            own_numbers: what this handset is called by.
            known_numbers: called as they are, whether the digit map has them or not.
            domains: the host part for accounts of other domains, by the account's name.

        Raises:
            DialPlanError: an alternative of the digit map is not one.
        """
        numbers = COUNTRIES[country or ASSUMED_COUNTRY]
        certain = numbers.emergency | frozenset(emergency_numbers)
        known = country is not None and bool(numbers.emergency)
        recognised = certain | ({GENERAL_NUMBER} if known else USUAL_EMERGENCY_NUMBERS)
        return cls(
            domain=domain,
            alternatives=tuple(Alternative.parse(text) for text in digit_map),
            emergency_numbers=recognised,
            general_number=numbers.general_number if known and GENERAL_NUMBER not in certain else GENERAL_NUMBER,
            unsure=recognised - certain,
            international_prefix=numbers.international_prefix if international_prefix is None else international_prefix,
            rewrites=tuple(rewrites),
            barred=tuple(NumberPattern(text) for text in barred),
            own_numbers=frozenset(own_numbers),
            known_numbers=frozenset(known_numbers),
            domains=domains or {},
            forms=NumberForms.of(numbers, international_prefix),
        )

    def match(self, digits: str) -> Match:
        """Say whether the digits are a number, may become one, or cannot.

        An emergency number is complete at once, unless a longer number that the digit map names begins with it. A
        catch-all such as `x.T` names nothing and so delays no emergency call: but for those that only may be one here,
        such as 112 in Japan, where an office may have the extension 1120.
        """
        digits = self._called(digits)
        if not digits:
            return Match.INCOMPLETE
        if "@" in digits:
            return Match.IMPOSSIBLE if sip_address(digits) is None else Match.COMPLETE
        if len(digits) > MAX_DIGITS:
            return Match.IMPOSSIBLE
        if digits.startswith("+"):
            return _match_e164(digits[1:])
        fits = [(alternative, alternative.fit(digits)) for alternative in self.alternatives]
        starts_emergency = any(number != digits and number.startswith(digits) for number in self.emergency_numbers)
        if self.is_emergency(digits):
            longer = starts_emergency or digits in self.unsure or any(fit.named for _, fit in fits)
            return Match.COMPLETE_AFTER_TIMEOUT if longer else Match.COMPLETE
        # RFC 3435 section 2.1.5: the shortest match is sent at once, even where a longer one is thinkable.
        if any(fit.complete and not alternative.waits for alternative, fit in fits):
            return Match.COMPLETE_AFTER_TIMEOUT if starts_emergency else Match.COMPLETE
        if any(fit.complete for _, fit in fits):
            return Match.COMPLETE_AFTER_TIMEOUT
        if starts_emergency or any(fit.extensible for _, fit in fits):
            return Match.INCOMPLETE
        return Match.IMPOSSIBLE

    @property
    def emergency_examples(self) -> tuple[str, ...]:
        """Two of the emergency numbers at most, the general one first: those that somebody is told of."""
        certain = sorted(self.emergency_numbers - self.unsure, key=lambda number: (number != GENERAL_NUMBER, number))
        return tuple(certain[:2]) or (GENERAL_NUMBER,)

    def is_emergency(self, digits: str) -> bool:
        """Whether this is an emergency number."""
        return self._called(digits) in self.emergency_numbers

    def accepts(self, digits: str) -> bool:
        """Whether the person may send this now, by `#`, by a key or by lifting the handset."""
        digits = self._called(digits)
        if digits in self.known_numbers:
            return True
        return bool(digits) and (self.match(digits) in _SENDABLE or self.match(f"{digits}#") in _SENDABLE)

    def takes_hash(self, digits: str) -> bool:
        """Whether `#` is the next digit rather than the key that sends.

        It is a digit in service codes, which begin with `*` or `#` (3GPP TS 22.030 section 6.5.2), where the digit map
        has it; behind a number it sends.
        """
        return digits[:1] in {"", "*", "#"} and self.match(f"{digits}#") is not Match.IMPOSSIBLE

    def number(self, digits: str) -> str:
        """Return the number that the digits stand for: rewritten, and E.164 where the international prefix is dialled.

        No rule rewrites an emergency number. 112 alone becomes another one: the country's own general number, where
        112 is none of its numbers and a server may not know it.

        Raises:
            DialPlanError: no rule matches.
        """
        if not self.accepts(digits):
            raise DialPlanError("What was dialled matches no rule of the dial plan. Check the number.")
        number = self._rewritten(self._called(digits))
        if self.is_emergency(number):
            return self.general_number if number == GENERAL_NUMBER else number
        prefix = self.international_prefix
        if prefix and number.startswith(prefix):
            international = number.removeprefix(prefix)
            if _match_e164(international) in _SENDABLE:
                return f"+{international}"
        return number

    def reaches_emergency(self, digits: str) -> bool:
        """Whether an emergency number would be called, dialled as such or behind a prefix that is taken away."""
        return self.accepts(digits) and self.is_emergency(self.number(digits))

    def is_unsure(self, digits: str) -> bool:
        """Whether what would be called is an emergency number in the world, and may be another number here."""
        return self.accepts(digits) and self._rewritten(self._called(digits)) in self.unsure

    def account(self, digits: str) -> str:
        """Return whose call it becomes: the name of an account, empty for the default account."""
        if (address := self._address(digits)) is not None:
            return next((name for name, domain in self.domains.items() if domain.lower() == address.host), "")
        rewrite = self._rewrite_for(self._called(digits))
        return rewrite.account if rewrite is not None else ""

    def normalize(self, digits: str, account: str | None = None) -> SipUri:
        """Turn what the person dialled into the URI to call, in the domain of an account or of the one that it names.

        Emergency numbers match first and no rule rewrites them: they are sent as dialled. 112 is always one of them,
        and sent as the country's own general number where it is none of the country's numbers. It is never refused.

        Raises:
            DialPlanError: no rule matches.
        """
        if (address := self._address(digits)) is not None:
            return SipUri(str(address))
        domain = self.domains.get(self.account(digits) if account is None else account, self.domain)
        return SipUri(f"sip:{quote(self.number(digits), safe=_USER_UNESCAPED)}@{domain}")

    def is_barred(self, digits: str) -> bool:
        """Whether the number must not be called; an emergency number always may."""
        if self.reaches_emergency(digits):
            return False
        written = {self._called(digits)} | ({self.number(digits)} if self.accepts(digits) else set())
        return any(pattern.matches(number, self.forms) for pattern in self.barred for number in written)

    def objection(self, digits: str) -> Objection | None:
        """Say why calls must not be sent to a number without a person who dials it; None where they may."""
        if not self.accepts(digits):
            return Objection.IMPOSSIBLE
        number = self.number(digits)
        if self.is_emergency(number):
            return Objection.EMERGENCY
        if self.is_barred(digits):
            return Objection.BARRED
        if any(self.forms.same(number, own) for own in self.own_numbers):
            return Objection.OWN_NUMBER
        return None

    def _called(self, dialled: str) -> str:
        """Return what is called of what was dialled."""
        if (address := sip_address(dialled)) is None:
            return re.split(f"[{PAUSE}{WAIT}]", dialled, maxsplit=1)[0]
        own = {self.domain.lower(), *(domain.lower() for domain in self.domains.values())}
        user = unquote(address.user)
        return user if address.host in own and _NUMBER.fullmatch(user) else str(address)

    def _address(self, dialled: str) -> SipAddress | None:
        """Return the SIP address that was dialled; None where a number was."""
        return sip_address(self._called(dialled))

    def _rewrite_for(self, digits: str) -> Rewrite | None:
        if self.is_emergency(digits) or digits in self.known_numbers:
            return None
        return next((rewrite for rewrite in self.rewrites if rewrite.pattern.fit(digits).complete), None)

    def _rewritten(self, digits: str) -> str:
        rewrite = self._rewrite_for(digits)
        return digits if rewrite is None else f"{rewrite.prepend}{digits[rewrite.strip :]}"


def _match_e164(digits: str) -> Match:
    """Judge what follows a `+`; no country code begins with 0 (ITU-T E.164 annex A)."""
    if digits.startswith("0") or len(digits) > _E164_MAX_DIGITS or not set(digits) <= set("0123456789"):
        return Match.IMPOSSIBLE
    if len(digits) == _E164_MAX_DIGITS:
        return Match.COMPLETE
    return Match.COMPLETE_AFTER_TIMEOUT if len(digits) >= _E164_MIN_DIGITS else Match.INCOMPLETE
