# SPDX-License-Identifier: Apache-2.0
"""What a statement gives back, and the tokens it is read from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

TYPE_LONGLONG, TYPE_VAR_STRING, TYPE_BLOB = 8, 253, 252


class SqlError(Exception):
    """An error for the client: text, number, SQL state (facts/doris.md 6.1)."""

    def __init__(self, text: str, code: int = 1105, state: str = "HY000") -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.state = state


@dataclass
class ResultColumn:
    """Name and wire type of one column of a result."""

    name: str
    wire_type: int = TYPE_VAR_STRING

    @property
    def numeric(self) -> bool:
        return self.wire_type == TYPE_LONGLONG

    @property
    def binary(self) -> bool:
        return self.wire_type == TYPE_BLOB


@dataclass
class Result:
    """A result set."""

    columns: list[ResultColumn]
    rows: list[tuple]


@dataclass
class Ok:
    """A statement without a result set."""

    affected: int = 0


def result(names: list[str], rows: list[tuple]) -> Result:
    """A result set whose wire types follow the values."""
    columns = []
    for index, name in enumerate(names):
        kinds = {type(row[index]) for row in rows} - {type(None)}
        wire = TYPE_LONGLONG if kinds == {int} else TYPE_BLOB if bytes in kinds else TYPE_VAR_STRING
        columns.append(ResultColumn(name, wire))
    return Result(columns, rows)


@dataclass
class Token:
    """One token. `kind` is word, name (in backticks), string, number or mark."""

    kind: str
    text: str  # a string's or name's value without its quotes
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words

    def is_mark(self, mark: str) -> bool:
        return self.kind == "mark" and self.text == mark


TOKEN = re.compile(
    r"(?P<space>\s+|--(?:[ \t][^\n]*)?(?:\n|\Z)|\#[^\n]*|/\*.*?\*/)"
    r"|(?P<string>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")"
    r"|(?P<name>`(?:[^`]|``)*`)"
    r"|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![\w$])|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<word>@{0,2}[\w$]+)"
    r"|(?P<mark><=>|<>|!=|<=|>=|:=|\|\||&&|.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


def unquote(text: str) -> str:
    """A string literal's value; backslash escapes are active (facts/doris.md 6.1)."""
    mark = text[0]
    inner = text[1:-1].replace(mark * 2, mark) if "\\" not in text else text[1:-1]
    if "\\" in inner:
        inner = re.sub(rf"\\(.)|{mark}{mark}", lambda found: mark if found[1] is None else
                       ESCAPES.get(found[1], found[1]), inner, flags=re.DOTALL)
    return inner


def tokenize(text: str) -> list[Token]:
    """All tokens of a text; `/*! ... */` is read as if it stood outside of the comment."""
    text = re.sub(r"/\*!\d*(.*?)\*/", r" \1 ", text, flags=re.DOTALL)
    tokens = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "space":
            continue
        value = match[0]
        if kind == "string":
            value = unquote(value)
        elif kind == "name":
            value = value[1:-1].replace("``", "`")
        tokens.append(Token(kind, value, match.start(), match.end()))
    return tokens


class Cursor:
    """Walks over tokens."""

    def __init__(self, tokens: list[Token], product: str) -> None:
        self.tokens = tokens
        self.at = 0
        self.product = product

    @property
    def token(self) -> Optional[Token]:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def at_end(self) -> bool:
        return self.at >= len(self.tokens)

    def syntax(self) -> SqlError:
        """The product's complaint about the token in hand."""
        token = self.token
        found = token.text if token else "<EOF>"
        if self.product == "doris":
            at = token.start if token else 0
            return SqlError("errCode = 2, detailMessage = \nmismatched input "
                            f"'{found}'(line 1, pos {at})")
        return SqlError(f"Getting syntax error at line 1, column {token.start + 1 if token else 1}."
                        f" Detail message: Unexpected input '{found}'.", 1064, "42000")

    def word(self, *words: str) -> bool:
        """Takes all of `words` when they are next."""
        for offset, wanted in enumerate(words):
            at = self.at + offset
            if at >= len(self.tokens) or not self.tokens[at].is_word(wanted):
                return False
        self.at += len(words)
        return True

    def mark(self, mark: str) -> bool:
        if self.token is not None and self.token.is_mark(mark):
            self.at += 1
            return True
        return False

    def need_word(self, *words: str) -> None:
        if not self.word(*words):
            raise self.syntax()

    def need_mark(self, mark: str) -> None:
        if not self.mark(mark):
            raise self.syntax()

    def name(self) -> str:
        token = self.token
        if token is None or token.kind not in ("word", "name"):
            raise self.syntax()
        self.at += 1
        return token.text

    def string(self) -> str:
        token = self.token
        if token is None or token.kind != "string":
            raise self.syntax()
        self.at += 1
        return token.text

    def number(self) -> int:
        token = self.token
        if token is None or token.kind != "number" or not token.text.isdigit():
            raise self.syntax()
        self.at += 1
        return int(token.text)

    def qualified(self) -> tuple[Optional[str], str]:
        """`db.t` or `t`."""
        first = self.name()
        if self.mark("."):
            return first, self.name()
        return None, first

    def need_end(self) -> None:
        if not self.at_end():
            raise self.syntax()
