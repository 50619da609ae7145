"""Compiles the table of numbers from the data of libphonenumber, as PyPI's `phonenumbers` carries it."""

import zlib
from array import array
from collections.abc import Mapping
from pathlib import Path

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.carrierdata import CARRIER_DATA
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.geodata.locale import LOCALE_DATA

from firmware.base.numbering import table
from firmware.base.numbering.table import Header, NumberingPlan, Section, Sections
from tools.numbering.automaton import build_automaton


def write_table(path: Path) -> None:
    """Compile the table and put it there, whole or not at all."""
    body = _Body()
    automaton, root = build_automaton()
    children = [child for _, of_node in automaton.nodes for child in of_node]
    body.add(Sections.CHILDREN, table.to_bytes(array(table.SHORT, children)))
    classes = [class_id for class_id, _ in automaton.nodes]
    body.add(Sections.NODE_CLASSES, table.to_bytes(array(table.SHORT, classes)))
    for language in table.LANGUAGES:
        names: dict[str, int] = {}
        body.add_prefixes(table.AREA, language, _only_what_differs(GEOCODE_DATA, language), names)
        body.add_prefixes(table.CARRIER, language, _only_what_differs(CARRIER_DATA, language), names)
        body.add_names(language, names)
    header = Header(
        source=f"libphonenumber {phonenumbers.__version__}",
        root=root,
        classes=tuple(automaton.classes),
        plans={region: _plan(region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)},
        trunk_prefixes={
            str(code): _plan(regions[0]).trunk_prefix
            for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
            if regions[0] in phonenumbers.SUPPORTED_REGIONS
        },
        region_names={language: _region_names(language) for language in table.LANGUAGES},
        sections=body.sections,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(header.to_lines() + body.data)
    unfinished.replace(path)


class _Body:
    """The sections, one after the other."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.sections: dict[str, Section] = {}

    def add(self, name: str, data: bytes) -> None:
        self.sections[name] = Section(len(self.data), len(data), zlib.crc32(data))
        self.data += data

    def add_prefixes(self, kind: str, language: str, texts: Mapping[int, str], names: dict[str, int]) -> None:
        """Add a list of prefixes; names that are new are added to `names`."""
        prefixes = sorted(texts)
        indexes = [names.setdefault(texts[prefix], len(names)) for prefix in prefixes]
        self.add(Sections.prefixes(kind, language), table.to_bytes(array(table.LONG, prefixes)))
        self.add(Sections.name_indexes(kind, language), table.to_bytes(array(table.SHORT, indexes)))

    def add_names(self, language: str, names: Mapping[str, int]) -> None:
        encoded = [name.encode() for name in names]
        ends = array(table.LONG)
        end = 0
        for name in encoded:
            end += len(name)
            ends.append(end)
        self.add(Sections.name_ends(language), table.to_bytes(ends))
        self.add(Sections.name_text(language), b"".join(encoded))


def _only_what_differs(data: Mapping[str, Mapping[str, str]], language: str) -> dict[int, str]:
    """Return one language's names by prefix, without those that a shorter prefix says already."""
    names = {prefix: texts[language] for prefix, texts in data.items() if texts.get(language)}
    return {int(prefix): name for prefix, name in names.items() if name != _shorter(names, prefix)}


def _shorter(names: Mapping[str, str], prefix: str) -> str | None:
    """Return what the longest prefix of a prefix says."""
    return next((names[prefix[:end]] for end in range(len(prefix) - 1, 0, -1) if prefix[:end] in names), None)


def _plan(region: str) -> NumberingPlan:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None:
        raise LookupError(f"phonenumbers lists the region {region} but has no data about it. Try another release.")
    # The prefix is a pattern where carriers can be chosen; then the one that people are taught stands beside it.
    international = metadata.preferred_international_prefix or metadata.international_prefix or ""
    return NumberingPlan(
        calling_code=str(metadata.country_code),
        trunk_prefix=metadata.national_prefix or "",
        international_prefix=international if international.isdigit() else "",
    )


def _region_names(language: str) -> dict[str, str]:
    names = {}
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        texts = LOCALE_DATA.get(region, {})
        name = texts.get(language, "")
        # "*xx" stands for "as in the language xx".
        names[region] = texts.get(name[1:], "") if name.startswith("*") else name
    return names
