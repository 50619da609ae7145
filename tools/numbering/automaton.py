"""One automaton over the digits of E.164 that says of every number whether it is one, whose, and of what kind."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberType
from phonenumbers.phonenumberutil import country_mobile_token

from firmware.base.numbering.table import NumberClass
from tools.numbering.patterns import DIGITS, Positions, State

_MOST_NATIONAL_DIGITS = 17
_DESCRIPTIONS = (
    "general_desc",
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)
_CARRIER_TYPES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.PAGER})

Node = tuple[int, tuple[int, ...]]
"""The class of the number that ends here (0: none), and the node behind each digit."""


@dataclass(slots=True)
class Automaton:
    """Nodes, each different from all others, so that the automaton is the smallest there is.

    Attributes:
        nodes: node 0 leads nowhere.
        classes: class 0 is no number.
    """

    nodes: list[Node] = field(default_factory=lambda: [(0, (0,) * 10)])
    classes: list[NumberClass] = field(default_factory=lambda: [NumberClass("", geographic=False, carrier=False)])
    _node_ids: dict[Node, int] = field(default_factory=dict)
    _class_ids: dict[NumberClass, int] = field(default_factory=dict)

    def node(self, class_id: int, children: tuple[int, ...]) -> int:
        """Return the id of the node with these children, a new one if there was none."""
        wanted = (class_id, children)
        if wanted == self.nodes[0]:
            return 0
        if wanted not in self._node_ids:
            self._node_ids[wanted] = len(self.nodes)
            self.nodes.append(wanted)
        return self._node_ids[wanted]

    def class_id(self, number_class: NumberClass | None) -> int:
        """Return the id of a class, a new one if there was none; 0 for None."""
        if number_class is None:
            return 0
        if number_class not in self._class_ids:
            self._class_ids[number_class] = len(self.classes)
            self.classes.append(number_class)
        return self._class_ids[number_class]


def build_automaton() -> tuple[Automaton, int]:
    """Return the automaton of all the world's numbers and the node where a number begins."""
    automaton = Automaton()
    roots = {
        str(code): _CallingCode(automaton, code, regions).root()
        for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items())
    }

    def join(prefix: str) -> int:
        if prefix in roots:
            return roots[prefix]
        if not any(code.startswith(prefix) for code in roots):
            return 0
        return automaton.node(0, tuple(join(prefix + digit) for digit in DIGITS))

    return automaton, join("")


class _CallingCode:
    """The numbers behind one calling code, which several regions may share."""

    def __init__(self, automaton: Automaton, code: int, regions: tuple[str, ...]) -> None:
        self._automaton = automaton
        self._code = code
        self._regions = regions
        self._positions = Positions()
        self._known: dict[tuple[State, int], int] = {}

    def root(self) -> int:
        begin: State = frozenset()
        for metadata in self._metadata():
            for name in _DESCRIPTIONS:
                description = getattr(metadata, name)
                if description is not None and description.national_number_pattern:
                    begin |= self._positions.add_pattern(description.national_number_pattern)
            if metadata.leading_digits:
                begin |= self._positions.add_leading_digits(metadata.leading_digits)
        return self._node(begin, "")

    def _metadata(self) -> Iterator[PhoneMetadata]:
        for region in self._regions:
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(self._code, region)
            if metadata is not None:
                yield metadata

    def _node(self, state: State, national: str) -> int:
        # The lengths that a pattern allows stand beside it, so the length is part of what tells numbers apart.
        key = (state, len(national))
        if key not in self._known:
            children: tuple[int, ...] = (0,) * 10
            if state and len(national) < _MOST_NATIONAL_DIGITS:
                children = tuple(self._node(self._positions.after(state, digit), national + digit) for digit in DIGITS)
            number_class = self._classify(national) if self._positions.is_end(state) else None
            self._known[key] = self._automaton.node(self._automaton.class_id(number_class), children)
        return self._known[key]

    def _classify(self, national: str) -> NumberClass | None:
        """Ask the library about one number: all that lead to the same state match the same patterns."""
        zeros = min(len(national) - len(national.lstrip("0")), len(national) - 1)
        number = PhoneNumber(
            country_code=self._code,
            national_number=int(national),
            italian_leading_zero=zeros > 0,
            number_of_leading_zeros=zeros or None,
        )
        kind = phonenumbers.number_type(number)
        if kind == PhoneNumberType.UNKNOWN:
            return None
        regions = self._regions
        if len(regions) > 1:
            regions = tuple(region for region in regions if phonenumbers.is_valid_number_for_region(number, region))
        token = country_mobile_token(self._code)
        return NumberClass(
            region=regions[0] if len(regions) == 1 else "",
            geographic=phonenumbers.is_number_type_geographical(kind, self._code),
            carrier=kind in _CARRIER_TYPES,
            mobile_digit=len(str(self._code)) if token and national.startswith(token) else 0,
        )
