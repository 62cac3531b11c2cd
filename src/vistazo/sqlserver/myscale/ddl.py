"""MyScale's definitions of vector indexes: read from tokens, and put into the engine's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vistazo.errors import InvalidSQL
from vistazo.sqlserver.myscale.types import VectorType, vector_type
from vistazo.store.sqltext import Token, decoded, tokens

_SYNTAX, _ILLEGAL_COLUMN = 62, 44


@dataclass(frozen=True, slots=True)
class Definition:
    """`[IF NOT EXISTS] name column TYPE type[('param=value', ..)]`, as written."""

    name: str
    column: str
    type: str
    arguments: tuple[str, ...]
    careful: bool

    def text(self) -> str:
        """As `system.vector_indices` shows it."""
        quoted = ", ".join(f"'{argument}'" for argument in self.arguments)
        given = f"({quoted})" if quoted else ""
        return f"{self.name} {self.column} TYPE {self.type}{given}"

    def checked(self, dim: int) -> VectorType:
        """The type with its parameters, or why it cannot be."""
        return vector_type(self.type, self.arguments, dim)


class Reader:
    """A place among tokens, from which names and words are taken."""

    def __init__(self, found: Sequence[Token], at: int = 0) -> None:
        self.found = found
        self.at = at

    @property
    def token(self) -> Token | None:
        """The token at the place; None at the end."""
        return self.found[self.at] if self.at < len(self.found) else None

    def takes(self, *words: str) -> bool:
        """Go past these words, or stay where they are not next."""
        following = self.found[self.at : self.at + len(words)]
        if len(following) < len(words) or not all(
            token.is_word(word) for token, word in zip(following, words, strict=True)
        ):
            return False
        self.at += len(words)
        return True

    def takes_op(self, text: str) -> bool:
        """Go past this operator, or stay."""
        if (token := self.token) is None or not token.is_op(text):
            return False
        self.at += 1
        return True

    def name(self, what: str) -> str:
        """Go past a name, and give it without quotes."""
        token = self.token
        if token is None or token.kind not in ("word", "quoted"):
            raise self.error(f"{what} expected")
        self.at += 1
        return plain(token)

    def path(self, what: str) -> tuple[str, ...]:
        """Go past `a`, `a.b` or `a.b.c`."""
        names = [self.name(what)]
        while self.takes_op("."):
            names.append(self.name(what))
        return tuple(names)

    def error(self, text: str) -> InvalidSQL:
        """A syntax error at the place."""
        token = self.token
        place = f"at character {token.start + 1} ('{token.text[:40]}')" if token else "at the end"
        return InvalidSQL(f"Syntax error: {text} {place}", engine_code=_SYNTAX)

    def definition(self) -> Definition:
        """What follows `VECTOR INDEX` where an index is added."""
        careful = self.takes("IF", "NOT", "EXISTS")
        return self.described(self.name("the vector index's name"), careful=careful)

    def described(self, name: str, *, careful: bool) -> Definition:
        """What follows the index's name."""
        column = self.path("the vector's column")
        if not self.takes("TYPE"):
            raise self.error("TYPE and the vector index's type expected")
        return Definition(name, column[-1], self.name("a type"), tuple(self._arguments()), careful)

    def _arguments(self) -> Iterator[str]:
        if not self.takes_op("("):
            return
        while not self.takes_op(")"):
            token = self.token
            if token is None or token.kind != "string":
                raise self.error("a parameter in quotes, as 'metric_type=Cosine', expected")
            self.at += 1
            yield decoded(token)
            if not self.takes_op(",") and not (self.token and self.token.is_op(")")):
                raise self.error("a comma or ) expected")


def plain(token: Token) -> str:
    """The name that a `word` or `quoted` token stands for."""
    if token.kind != "quoted":
        return token.text
    if token.text[0] == "“":
        return token.text[1:-1]
    quote = token.text[0]
    inner = token.text[1:-1].replace(quote * 2, quote)
    return inner.replace("\\" + quote, quote).replace("\\\\", "\\")


def ticked(name: str) -> str:
    """A name as SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def closing(found: Sequence[Token], at: int) -> int:
    """Index of the bracket that closes the one at `at`; the end where none does."""
    depth = 0
    for n in range(at, len(found)):
        if found[n].kind == "op":
            depth += (found[n].text in "([{") - (found[n].text in ")]}")
            if depth == 0:
                return n
    return len(found)


def split(found: Sequence[Token], start: int, end: int) -> list[tuple[int, int]]:
    """The ranges between the commas outside brackets."""
    ranges: list[tuple[int, int]] = []
    depth, begin = 0, start
    for n in range(start, end):
        if found[n].kind == "op":
            depth += (found[n].text in "([{") - (found[n].text in ")]}")
            if depth == 0 and found[n].text == ",":
                ranges.append((begin, n))
                begin = n + 1
    return [*ranges, (begin, end)]


def dimension(table: str, definition: Definition, create: str | Sequence[Token]) -> int:
    """The length of a column's vectors, by the CHECK constraint in its table's definition.

    Args:
        create: the CREATE statement, or its tokens.
    Raises:
        InvalidSQL: no such column, not Array(Float32), or no constraint on its length.
    """
    found = tokens(create) if isinstance(create, str) else create
    start = next((n for n, token in enumerate(found) if token.is_op("(")), len(found))
    kind = dim = None
    for begin, end in split(found, start + 1, closing(found, start)):
        if begin < end and found[begin].is_word("CONSTRAINT"):
            dim = _length(found[begin:end], definition.column) or dim
        elif begin < end and plain(found[begin]) == definition.column:
            kind = "".join(token.text for token in found[begin + 1 : end])
    if kind is None:
        raise InvalidSQL(
            f"Cannot add vector index {definition.name}: there is no column '{definition.column}'"
            f" in table {table}",
            engine_code=_ILLEGAL_COLUMN,
        )
    if not kind.startswith("Array(Float32)"):
        raise InvalidSQL(
            "The element type inside the array must be `Float32`. A vector index needs a column"
            f" Array(Float32), and '{definition.column}' is {kind}",
            engine_code=_ILLEGAL_COLUMN,
        )
    if not dim:
        raise InvalidSQL(
            f"Cannot create vector index {definition.name} on column '{definition.column}': the"
            " vectors' length is not known. Add a constraint to the table first, such as"
            f" CONSTRAINT vector_len CHECK length({definition.column}) = 512",
            engine_code=_ILLEGAL_COLUMN,
        )
    return dim


def _length(constraint: Sequence[Token], column: str) -> int | None:
    """N of `CHECK length(column) = N`, which may stand among other terms joined by AND."""
    if any(token.is_word("OR", "NOT", "IF") for token in constraint):
        return None
    for n, token in enumerate(constraint):
        call = constraint[n : n + 4]
        if not (
            token.is_word("LENGTH")
            and len(call) == 4
            and call[1].is_op("(")
            and call[2].kind in ("word", "quoted")
            and plain(call[2]) == column
            and call[3].is_op(")")
        ):
            continue
        after, before = constraint[n + 4 : n + 6], constraint[max(n - 2, 0) : n]
        for equals, number in (pair for pair in (after, before[::-1]) if len(pair) == 2):
            if equals.text in ("=", "==") and number.text.isdigit():
                return int(number.text)
    return None
