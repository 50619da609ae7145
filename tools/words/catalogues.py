"""Messages of the code, catalogues of their translations (.po), and what the phone reads of these (.mo)."""

from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

_ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = _ROOT / "firmware" / "display" / "catalogues"
_FILES: Final = "*/LC_MESSAGES/wecall.po"
_METHODS: Final = [("**.py", "python")]
_KEYWORDS: Final = {"word": None, "counted": (1, 2)}
"""The functions of `firmware.base.words` whose first argument, or first two, are messages."""


def extract() -> Catalog:
    """Collect every message in the firmware's code."""
    catalogue = Catalog(domain="wecall", project="wecall-handset")
    code = _ROOT / "firmware"
    for file, _line, message, comments, context in extract_from_dir(code, _METHODS, keywords=_KEYWORDS):
        # Only files are named: with line numbers a catalogue would change with every edit of the code.
        catalogue.add(message, locations=[(f"firmware/{file}", 0)], auto_comments=comments, context=context)
    return catalogue


def paths() -> list[Path]:
    """Return the catalogues, one a language."""
    return sorted(FOLDER.glob(_FILES))


def read(path: Path) -> Catalog:
    """Read a catalogue; its language is its folder's."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name, domain="wecall")


def update(path: Path, messages: Catalog) -> list[str]:
    """Bring a catalogue up to date with the messages of the code; return those that still want a translation."""
    catalogue = read(path)
    created_at = catalogue.creation_date
    catalogue.update(messages, no_fuzzy_matching=True)
    catalogue.creation_date = created_at
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
    return [message_id(message.id) for message in catalogue if message.id and not _is_translated(message.string)]


def message_id(message: str | tuple[str, ...] | list[str]) -> str:
    """Return the English message, of one that counts the singular."""
    return message if isinstance(message, str) else message[0]


def _is_translated(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(string) if isinstance(string, str) or string is None else all(string)


def compile_all() -> None:
    """Write beside each catalogue what gettext reads."""
    for path in paths():
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, read(path))
