"""Where each setting stands in a text of TOML: the standard library's parser does not tell, and tree-sitter's does."""

import tomllib
from collections import Counter
from collections.abc import Iterator

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from provisioning.remarks import KeyPath, Place


class Places:
    """The keys, values and tables of a text, which may have mistakes."""

    def __init__(self, text: str) -> None:
        self._lines = text.encode().split(b"\n")
        self._keys: dict[KeyPath, Node] = {}
        self._values: dict[KeyPath, Node] = {}
        self._tables: Counter[KeyPath] = Counter()
        self._read(Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node)

    def key(self, path: KeyPath) -> Place | None:
        """Return where the key of a setting stands, or the header of a table."""
        return self._place(self._keys.get(path))

    def value(self, path: KeyPath) -> Place | None:
        """Return where the value of a setting stands; of a table its header."""
        return self._place(self._values.get(path) or self._keys.get(path))

    def nearest(self, path: KeyPath) -> Place | None:
        """Return where a setting stands, or if it does not the innermost of the tables that it would be in."""
        for length in range(len(path), 0, -1):
            if place := self.value(path[:length]):
                return place
        return None

    def has(self, path: KeyPath) -> bool:
        """Whether the text has this setting or table."""
        return path in self._keys or path in self._values

    def _read(self, document: Node) -> None:
        table: KeyPath = ()
        for node in document.named_children:
            match node.type:
                case "table" | "table_array_element":
                    table = self._header(node)
                    for child in node.named_children[1:]:
                        self._pair(child, table)
                case _:
                    self._pair(node, table)

    def _header(self, node: Node) -> KeyPath:
        path: KeyPath = ()
        names = list(_names(node.named_children[0])) if node.named_children else []
        for position, name in enumerate(names, start=1):
            path = (*path, name)
            if position < len(names):
                path = self._into_the_last(path)
        if node.type == "table_array_element":
            self._keys.setdefault(path, node)
            self._tables[path] += 1
            path = (*path, self._tables[path] - 1)
        self._keys.setdefault(path, node)
        return path

    def _into_the_last(self, path: KeyPath) -> KeyPath:
        """A header below a list of tables goes on in the one that was begun last."""
        return (*path, self._tables[path] - 1) if self._tables[path] else path

    def _pair(self, node: Node, table: KeyPath) -> None:
        if node.type != "pair":
            return
        key, *values = _without_comments(node)
        path = table
        for name in _names(key):
            path = (*path, name)
            self._keys.setdefault(path, node)
        if values:
            self._value(values[0], path)

    def _value(self, node: Node, path: KeyPath) -> None:
        self._values.setdefault(path, node)
        if node.type == "inline_table":
            for pair in node.named_children:
                self._pair(pair, path)
        elif node.type == "array":
            for position, value in enumerate(_without_comments(node)):
                self._value(value, (*path, position))

    def _place(self, node: Node | None) -> Place | None:
        if node is None:
            return None
        row, column_bytes = node.start_point
        return Place(row + 1, len(self._lines[row][:column_bytes].decode(errors="replace")) + 1)


def _without_comments(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _names(key: Node) -> Iterator[str]:
    if key.type == "dotted_key":
        for part in key.named_children:
            yield from _names(part)
        return
    text = (key.text or b"").decode(errors="replace")
    if key.type != "quoted_key":
        yield text
        return
    try:
        yield next(iter(tomllib.loads(f"{text} = 0")))
    except tomllib.TOMLDecodeError:
        yield text
