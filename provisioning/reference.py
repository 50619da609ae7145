"""The schema as a list of tables and settings, each with what its docstring says: what else is said of it follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic_core import PydanticUndefined

from provisioning.docstrings import told
from provisioning.forms import Form, form_of
from provisioning.remarks import KeyPath
from provisioning.schema import Configuration
from provisioning.section import Section

_TOP: Final = Form("a configuration", table=Configuration)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a table.

    Attributes:
        name: as it stands in the file.
        names: those that the meaning is about, where it is about several at once.
        meaning: what it is, as a sentence without a full stop at its end.
        form: what it takes.
        required: it has to be there.
        default: what it is where it is left out; None for nothing.
    """

    name: str
    names: tuple[str, ...]
    meaning: str
    form: Form
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        path: the keys that lead to it.
        several: there may be several of it.
        meaning: what it is about, in paragraphs.
        settings: its own keys, without the tables in it.
        optional: what it is about need not be set up at all.
    """

    path: tuple[str, ...]
    several: bool
    meaning: str
    settings: tuple[Setting, ...]
    optional: bool

    @property
    def header(self) -> str:
        """What it begins with in the file."""
        name = ".".join(self.path)
        return f"[[{name}]]" if self.several else f"[{name}]"


@cache
def tables() -> tuple[Table, ...]:
    """Return every table that a configuration may have, as they are ordered in the schema."""
    return tuple(_tables(Configuration, ()))


@cache
def top_settings() -> tuple[Setting, ...]:
    """Return the settings that stand in no table."""
    return tuple(setting for setting in _settings(Configuration) if _table_of(setting.form) is None)


def form_at(path: KeyPath) -> Form | None:
    """Return what a setting takes, None where there is no such setting."""
    form: Form | None = _TOP
    for key in path:
        if form is None:
            return None
        if isinstance(key, int):
            form = form.item
        else:
            form = forms_of(form.table).get(key) if form.table is not None else form.values
    return form


@cache
def forms_of(model: type[Section]) -> dict[str, Form]:
    """Return what each setting of a table takes, by its name in the file."""
    return {field.alias or name: form_of(field) for name, field in model.model_fields.items()}


def headers_with(name: str) -> list[str]:
    """Return the headers of the tables that have a setting of this name."""
    return [table.header for table in tables() if any(setting.name == name for setting in table.settings)]


def _tables(model: type[Section], path: tuple[str, ...], *, optional: bool = False) -> Iterator[Table]:
    for setting in _settings(model):
        inner = _table_of(setting.form)
        if inner is None:
            continue
        below = (*path, setting.name)
        own = tuple(each for each in _settings(inner) if _table_of(each.form) is None)
        several = setting.form.item is not None
        is_optional = optional or (not setting.required and setting.default in (None, ()))
        yield Table(below, several, told(inner).meaning, own, is_optional)
        yield from _tables(inner, below, optional=is_optional)


def _table_of(form: Form) -> type[Section] | None:
    return form.table or (form.item.table if form.item is not None else None)


def _settings(model: type[Section]) -> Iterator[Setting]:
    attributes = told(model).attributes
    for name, field in model.model_fields.items():
        names, meaning = attributes.get(name, ((name,), ""))
        default = field.get_default(call_default_factory=True) if not field.is_required() else None
        yield Setting(
            field.alias or name,
            tuple(model.model_fields[each].alias or each for each in names),
            meaning,
            form_of(field),
            field.is_required(),
            None if default is PydanticUndefined else default,
        )
