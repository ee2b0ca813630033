"""Letters that no font has: found in the names of a book, before a document is issued with them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import typst

from metering.account import Account, load_accounts
from metering.errors import Problem
from metering.settings import Book
from pricing.documents.pdf import FONTS

ALWAYS_THERE = "\u024f"  # the fonts of Tollbook have Latin letters up to this one
MISSING = re.compile(r'the text `"(.+)"` could not be displayed')
NAMED_MAX = 20  # each is a page that is set once more
SHOWN = ("name", "legal_name", "address_line_1", "address_line_2", "postal_code", "city")


def unprintable_names(book: Book) -> Iterator[Problem]:
    """Yield accounts whose documents could not be printed as PDF. Reads no more than accounts."""
    of_accounts = [
        (account, "".join(getattr(account, name) for name in SHOWN))
        for account in load_accounts(book, book.settings()).accounts
    ]
    unusual = {one for _, text in of_accounts for one in text if one > ALWAYS_THERE}
    missing = missing_letters(unusual, book.root / "fonts")
    for account, text in of_accounts:
        found = [one for one in dict.fromkeys(text) if one in missing]
        if found:
            yield _problem(account, found)


def missing_letters(letters: set[str], fonts: Path) -> set[str]:
    """Find letters that neither the fonts of Tollbook have nor those of a folder, a few if many."""
    folders = [FONTS, fonts] if fonts.is_dir() else [FONTS]
    missing: set[str] = set()
    if not letters:
        return missing
    compiler = typst.Compiler(
        font_paths=typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=folders
        )
    )
    # One is named at a time: letter by letter, the rest is tried again without it.
    while letters - missing and len(missing) < NAMED_MAX:
        content = json.dumps([*sorted(letters - missing)], ensure_ascii=False).encode()
        page = b'#set text(font: "Noto Sans")\n#for one in json("letters.json") [#one \\ ]'
        try:
            compiler.compile(
                input={"main.typ": page, "letters.json": content},  # type: ignore[type-var]
                format="pdf",
                pdf_standards="a-3b",
            )
        except typst.TypstError as error:
            named = MISSING.search(error.message)
            new = {*(named[1] if named else "")} & letters - missing
            if not new:
                raise
            missing |= new
        else:
            break
    return missing


def _problem(account: Account, found: list[str]) -> Problem:
    return Problem(
        f"accounts.csv account_id {account.account_id}",
        f"no font has a letter for {', '.join(map(repr, found))}: its documents cannot be printed",
        "put a font that has it, as TTF or OTF, into the folder fonts of the book, or write the"
        " name in letters of another script",
    )
