"""Numbers on their way to a broker in another region: as they are where the holder agrees, as pseudonyms where not."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from contract.consent import Purpose
from contract.messages import MAX_NUMBER_LENGTH, NUMBER_PATTERN
from firmware.phone.numbers import DEFAULT_FORMS, NumberForms
from firmware.privacy.consent import ConsentState

_MARK: Final = "p:"
_PSEUDONYM_BYTES: Final = 16
# What may stand before "@" and be a number of the telephone network rather than somebody's name in a domain.
_TELEPHONE_NUMBER: Final = re.compile(r"\+[0-9]{4,15}|[0-9]{8,15}")


@dataclass(frozen=True, slots=True)
class Border:
    """What lies between the handset and its broker.

    Attributes:
        crossed: they stand in different regions.
        forms: how numbers are written where the handset stands.
    """

    crossed: bool = False
    forms: NumberForms = DEFAULT_FORMS

    def number(self, party: str, key: bytes, state: ConsentState, ledger_entries_at_start: int) -> str | None:
        """Return what a record says of the other end, None where that is nothing.

        Emergency numbers and extensions are no exception: whom the holder called is what must not cross.

        Args:
            party: as dialled or received.
            key: makes the pseudonyms.
            state: what the holder agrees to.
            ledger_entries_at_start: see ConsentGate.
        """
        number = reportable_number(party)
        if number is None or not self.holds_back(number, state, ledger_entries_at_start):
            return number
        return pseudonym(key, number, self.forms)

    def holds_back(self, number: str | None, state: ConsentState, ledger_entries_at_start: int) -> bool:
        """Say whether a number in a record may not leave: a grant covers calls that begin after it, as for records."""
        consent = state.purposes[Purpose.CROSS_BORDER_CDR]
        return self.is_in_clear(number) and not (
            state.intact and consent.granted and ledger_entries_at_start >= consent.entry_number
        )

    def is_in_clear(self, number: str | None) -> bool:
        """Say whether a number in a record crosses the border as it is."""
        return self.crossed and number is not None and not number.startswith(_MARK)


def pseudonym(key: bytes, number: str, forms: NumberForms) -> str:
    """Return what stands for a number: the same for all ways to write it, and without the key nothing but noise."""
    digest = hmac.new(key, _one_form(number, forms).encode(), hashlib.sha256).digest()
    return _MARK + digest[:_PSEUDONYM_BYTES].hex()


def _one_form(number: str, forms: NumberForms) -> str:
    """Write a number in the one way that counts: E.164 where it has such a form, else without scheme and separators."""
    plain = forms.plain(number)
    user = plain.partition("@")[0]
    if _TELEPHONE_NUMBER.fullmatch(user):
        plain = forms.plain(user)
    return min((form for form in forms.forms(plain) if form.startswith("+")), default=plain)


def reportable_number(party: str) -> str | None:
    """Reduce what was dialled or received to what a record may hold.

    A URI loses its password, parameters and headers. Digits after a pause (`,` `;` `p` `w`) are tones for the other
    end, a PIN as often as not, and go too. What still fits no form of number is withheld as a whole.
    """
    text = party.strip()
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower() if colon else ""
    if scheme not in {"sip", "sips", "tel"}:
        scheme, rest = "", text
    # An unescaped "@" ends the user part wherever it first stands (RFC 3261 section 25.1).
    before, at, after = rest.partition("@")
    name = re.split(r"[:;?,/]" if at else r"[;?,]", before, maxsplit=1)[0]
    if at:
        number = f"{scheme or 'sip'}:{name}@{re.split(r'[;?,]', after, maxsplit=1)[0]}"
    elif scheme in {"sip", "sips"}:
        number = f"{scheme}:{name}"
    else:
        digits = re.sub(r"[\s().-]", "", name)
        number = re.split(r"[pPwW]", digits, maxsplit=1)[0] if re.match(r"^\+?[0-9*#]", digits) else name
    return number if len(number) <= MAX_NUMBER_LENGTH and re.fullmatch(NUMBER_PATTERN, number) else None
