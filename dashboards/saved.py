"""Saved views: addresses that somebody gave a name, in a small file of the book.

`dashboard/saved_views.json` holds them for each person, by the e-mail of the login; without a login
they are everybody's at this machine. An address holds filters and no figures.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

from metering.errors import UsageError
from metering.settings import Book

if sys.platform != "win32":
    import fcntl

FOLDER, FILE = "dashboard", "saved_views.json"
SCHEMA = "tollbook.saved_views/1"
VIEWS_MAX, NAME_LENGTH, ADDRESS_LENGTH = 50, 60, 2000
Address = Mapping[str, list[str]]  # the values of each name in the address of a page


def saved_views(book: Book, email: str | None) -> dict[str, str]:
    """The saved views of a person by name: each the part of an address behind its `?`."""
    return _read(book.root / FOLDER / FILE).get(email or "", {})


def save_view(book: Book, email: str | None, name: str, address: Address) -> None:
    """Keep an address under a name; one of the same name is replaced.

    Raises:
        UsageError: there is no name, it is too long, or there are too many views already.
    """
    wanted = " ".join(name.split())
    query = urlencode(address, doseq=True)
    if not wanted or len(wanted) > NAME_LENGTH or len(query) > ADDRESS_LENGTH:
        raise UsageError(
            f"a saved view has a name of 1 to {NAME_LENGTH} characters",
            where="saved views",
            hint="write another name",
        )

    def add(own: dict[str, str]) -> None:
        if wanted not in own and len(own) >= VIEWS_MAX:
            raise UsageError(
                f"there are {VIEWS_MAX} saved views already",
                where="saved views",
                hint="delete one first",
            )
        own[wanted] = query

    _change(book, email, add)


def delete_view(book: Book, email: str | None, name: str) -> None:
    """Forget a saved view; one that is not there is no mistake."""
    _change(book, email, lambda own: own.pop(name, None))


def _change(book: Book, email: str | None, change: Callable[[dict[str, str]], object]) -> None:
    """Change the views of a person, one process at a time; the file is whole at every moment."""
    folder = book.root / FOLDER
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        people = _read(folder / FILE)
        own = people.setdefault(email or "", {})
        change(own)
        kept = {who: views for who, views in people.items() if views}
        descriptor, aside = tempfile.mkstemp(prefix=".unfinished-", dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                content = {"schema": SCHEMA, "people": kept}
                json.dump(content, file, indent=2, ensure_ascii=False, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, folder / FILE)
        finally:
            Path(aside).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Read the views of all people; a file that cannot be read has none, and stays until a save."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        people = content["people"]
        return {
            str(who): {str(name): str(query) for name, query in views.items()}
            for who, views in people.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
