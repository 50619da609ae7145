"""What mutations there are of a file, and how some are drawn of all files (see tests/mutations.py).

Cosmic-ray and mutmut exchange operators and names; neither takes away a statement or a condition, which tests overlook
the most.
"""

import ast
import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

_COMPARISONS: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_ARITHMETIC: Final[Mapping[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
# Words and types: no behaviour, or one that every import would miss.
_LEFT_ALONE: Final = ("annotation", "returns", "decorator_list", "type_params")
_FOR_OTHERS: Final = ("TYPE_CHECKING", "__name__ == '__main__'")
_LOGS: Final = re.compile(r"_?log(ger)?\.\w+\(")


@dataclass(frozen=True, slots=True)
class Mutation:
    """A small change of a file.

    Attributes:
        file: from the checkout's root.
        line, column: where it begins; the column in bytes, from 0 on.
        operator: what kind of change it is.
        before, after: what stands there, and what stands there instead.
    """

    file: str
    line: int
    column: int
    operator: str
    before: str
    after: str

    def made_in(self, source: bytes) -> bytes:
        """Return a file's text with it.

        Raises:
            ValueError: something else stands there.
        """
        start = sum(map(len, source.splitlines(keepends=True)[: self.line - 1])) + self.column
        before = self.before.encode()
        if not source.startswith(before, start):
            raise ValueError(f"{self.file}:{self.line} does not have {self.before}.")
        return source[:start] + self.after.encode() + source[start + len(before) :]


def mutations_of(file: str, source: bytes) -> dict[int, list[Mutation]]:
    """Return all mutations of a file of Python, by the line of the statement that each changes."""
    found: dict[int, list[Mutation]] = defaultdict(list)
    for statement, place, operator, after in _changes(ast.parse(source), 0):
        before = ast.get_source_segment(source.decode(), place) or ""
        text = after if isinstance(place, ast.stmt | ast.Constant) else f"({after})"
        found[statement].append(Mutation(file, place.lineno, place.col_offset, operator, before, text))
    return found


def _changes(node: ast.AST, statement: int) -> Iterator[tuple[int, ast.stmt | ast.expr, str, str]]:
    if isinstance(node, ast.JoinedStr | ast.MatchValue):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) in _FOR_OTHERS:
        return
    if isinstance(node, ast.stmt):
        statement = node.lineno
    for operator, after in (*_changes_of_expression(node), *_changes_of_statement(node)):
        assert isinstance(node, ast.stmt | ast.expr)
        yield statement, node, operator, after
    if isinstance(node, ast.If | ast.IfExp):
        yield from ((statement, node.test, "condition", value) for value in ("True", "False"))
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and name not in _LEFT_ALONE:
                yield from _changes(child, statement)


def _changes_of_expression(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.BoolOp(op=op, values=values):
            yield "and/or", ast.unparse(ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values))
        case ast.Compare(left=left, ops=[op], comparators=right) if type(op) in _COMPARISONS:
            yield "comparison", ast.unparse(ast.Compare(left, [_COMPARISONS[type(op)]()], right))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not", ast.unparse(operand)
        case ast.Constant(value=bool() as value):
            yield "constant", str(not value)
        case ast.Constant(value=int() | float() as value):
            yield "constant", repr(value + 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC and not _has_words(left, right):
            yield "arithmetic", ast.unparse(ast.BinOp(left, _ARITHMETIC[type(op)](), right))


def _changes_of_statement(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()) if not _LOGS.match(ast.unparse(node)):
            yield "statement", "pass"
        case ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement", "pass"
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield "return", "return None"
        case ast.Break():
            yield "loop", "continue"
        case ast.Continue():
            yield "loop", "break"


def _has_words(*sides: ast.expr) -> bool:
    return any(
        isinstance(side, ast.JoinedStr | ast.List | ast.Tuple)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
        for side in sides
    )


def product(root: Path) -> list[str]:
    """Return the product's files of Python."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [name.removesuffix("*") for name in settings["tool"]["setuptools"]["packages"]["find"]["include"]]
    return sorted(path.relative_to(root).as_posix() for name in packages for path in (root / name).rglob("*.py"))


def drawn(root: Path, files: Iterable[str], seed: int, count: int) -> list[Mutation]:
    """Draw statements, each as likely as any other, and of each one of the mutations that it has."""
    dice = random.Random(seed)
    sources = {file: (root / file).read_bytes() for file in files}
    statements = [
        mutations for file, source in sources.items() for _, mutations in sorted(mutations_of(file, source).items())
    ]
    dice.shuffle(statements)
    chosen = (dice.choice(mutations) for mutations in statements)
    return list(islice((each for each in chosen if _can_be_read(each.made_in(sources[each.file]))), count))


def _can_be_read(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
