"""The key of a book: what turns phone numbers and message ids into hashes that nobody can reverse.

It is a file that its owner alone may read, or the variable TOLLBOOK_SECRET. A book without its key
still counts and bills what it holds, and finds no contact or message by number or id; it loads
nothing more, since under another key a message that is reported again would count twice.
"""

import hashlib
import os
import secrets

from metering.errors import TollbookError
from metering.settings import Book

VARIABLE = "TOLLBOOK_SECRET"
LENGTH_MIN = 32


def ensure_secret(book: Book) -> None:
    """Make the key of a new book; an existing one is left as it is."""
    if not book.secret_path.exists():
        descriptor = os.open(book.secret_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")


def read_secret(book: Book) -> str:
    """Read the key of a book; raises `TollbookError` where there is none."""
    secret = os.environ.get(VARIABLE, "")
    if not secret and book.secret_path.is_file():
        secret = book.secret_path.read_text(encoding="ascii").strip()
    if len(secret) < LENGTH_MIN:
        raise TollbookError(
            f"the key of the book is missing or shorter than {LENGTH_MIN} characters",
            where=book.secret_path.name,
            hint=f"put the file back from a backup, or set {VARIABLE}; counting and billing go on",
        )
    return secret


def find_secret(book: Book) -> str:
    """Read the key of a book, empty where there is none: counting and billing need none."""
    is_there = book.secret_path.is_file() or VARIABLE in os.environ
    return read_secret(book) if is_there else ""


def fingerprint(secret: str) -> str:
    """Name a key without telling it, so that a store notices when it meets another one."""
    return hashlib.sha256(f"tollbook fingerprint {secret}".encode()).hexdigest()[:16]


def hash_key(secret: str) -> str:
    """Derive what SQL puts before a name to hash it: 128 bits, short enough to stay fast."""
    return hashlib.sha256(f"tollbook hash {secret}".encode()).hexdigest()[:32]
