"""What a finding of Pydantic means, in the words of somebody who writes the files of a book."""

import difflib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic_core import ErrorDetails

NAMES_LISTED = 12  # so many known words are listed; of more, only the nearest
NEAREST = 5
SHOWN_MAX = 60  # characters of a wrong value
TABLE = ("is no table of keys and values", "write it as { key = value }, or under a heading")
LIST = ("is no list", 'write it in brackets, like ["a", "b"]')
TEXT = ("is no text", 'write it in quotes, like "a"')
NUMBER = ("is no number", "write it with digits and a point, like 0.05")
WHOLE = ("is no whole number", "write it with digits alone, like 12")
DATE = ("is no date", "write year, month and day, like 2026-10-01")
SWITCH = ("is neither true nor false", "write true or false")
# By the type of the finding: what is wrong, and what to write. Braces name what Pydantic knows.
WORDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("has to be more than {gt}", "write a number above {gt}"),
    "greater_than_equal": ("has to be {ge} or more", "write a number from {ge} on"),
    "less_than": ("has to be less than {lt}", "write a number below {lt}"),
    "less_than_equal": ("has to be {le} or less", "write a number up to {le}"),
    "finite_number": NUMBER,
    "decimal_parsing": NUMBER,
    "decimal_type": NUMBER,
    "decimal_max_places": (
        "has more than {decimal_places} digits after the point",
        "write {decimal_places} or fewer",
    ),
    "decimal_max_digits": ("has more than {max_digits} digits", "write a shorter number"),
    "decimal_whole_digits": ("has more than {whole_digits} digits", "write a smaller number"),
    "int_parsing": WHOLE,
    "int_parsing_size": WHOLE,
    "int_from_float": WHOLE,
    "int_type": WHOLE,
    "date_type": DATE,
    "date_parsing": DATE,
    "date_from_datetime_parsing": DATE,
    "date_from_datetime_inexact": DATE,
    "bool_type": SWITCH,
    "bool_parsing": SWITCH,
    "string_type": TEXT,
    "string_too_short": ("is shorter than {min_length} characters", "write more"),
    "string_too_long": ("is longer than {max_length} characters", "shorten it"),
    "tuple_type": LIST,
    "list_type": LIST,
    "too_short": ("has fewer than {min_length} entries", "write at least {min_length}"),
    "too_long": ("has more than {max_length} entries", "write {max_length} or fewer"),
    "dict_type": TABLE,
    "mapping_type": TABLE,
    "model_type": TABLE,
    "model_attributes_type": TABLE,
}


def words_for(details: ErrorDetails) -> tuple[str, str]:
    """Say what is wrong with a value, and what to do; the value itself where it has one line."""
    kind, context = details["type"], details.get("ctx", {})
    match kind:
        case "union_tag_invalid":
            tag, tags = str(context["tag"]), _quoted(context["expected_tags"])
            return f"there is no {context['discriminator']} {tag!r}".replace("'kind'", "kind"), (
                nearest(tag, tags)
            )
        case "union_tag_not_found":
            return f"{context['discriminator']} is missing".replace("'", ""), "add it"
        case "literal_error":
            known = _quoted(context["expected"])
            return f"is not known{_shown(details)}", nearest(str(details["input"]), known)
        case _ if kind in WORDS:
            what, hint = (_filled(text, context) for text in WORDS[kind])
            if kind == "string_too_short" and not details["input"]:
                return "is empty", "give it a value, or leave it out"
            return what + _shown(details), hint
        case _:
            what, _, hint = details["msg"].removeprefix("Value error, ").partition(" | ")
            return what + _shown(details), hint or "correct the value"


def nearest(word: str, known: Sequence[str]) -> str:
    """Name the known word that `word` may have been meant to be, or all of them if they are few.

    Example:
        >>> nearest("curency", ["currency", "country"])
        "did you mean 'currency'?"
        >>> nearest("p", ["q", "r"])
        'use one of: q, r'
        >>> nearest("ab", [f"a{n:03}" for n in range(100)])
        'the nearest of 100 are: a099, a098, a097, a096, a095'
    """
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    if len(known) <= NAMES_LISTED:
        return f"use one of: {', '.join(sorted(known))}"
    plain = {name.casefold(): name for name in sorted(known, reverse=True)}
    alike = difflib.get_close_matches(word.casefold(), plain, n=NEAREST, cutoff=0.0)
    found = [plain[name] for name in alike]
    return f"the nearest of {len(known)} are: {', '.join(found)}"


def _shown(details: ErrorDetails) -> str:
    value = details["input"]
    if isinstance(value, dict | list | tuple) or hasattr(value, "model_fields"):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f", got '{text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + '…'}'"


def _filled(text: str, context: Mapping[str, Any]) -> str:
    for name, value in context.items():
        text = text.replace(f"{{{name}}}", _plain(value))
    return text


def _plain(value: object) -> str:
    """Write a bound in groups of three digits; Pydantic gives some as the text of a Decimal."""
    text = str(value).removeprefix("Decimal('").removesuffix("')")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return f"{number:,f}"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)
