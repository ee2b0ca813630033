"""The key of a book: what turns phone numbers and message ids into hashes that nobody can reverse.

It is a file that its owner alone may read, or the variable TOLLBOOK_SECRET. Losing it loses the
look-up by number or id and the link of later events to earlier contacts; amounts stay as they are.
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
            hint=f"put the file back, or set {VARIABLE}; a new key cannot find earlier contacts",
        )
    return secret


def fingerprint(secret: str) -> str:
    """Name a key without telling it, so that a store notices when it meets another one."""
    return hashlib.sha256(f"tollbook fingerprint {secret}".encode()).hexdigest()[:16]


def hash_key(secret: str) -> str:
    """Derive what SQL puts before a name to hash it: 128 bits, short enough to stay fast."""
    return hashlib.sha256(f"tollbook hash {secret}".encode()).hexdigest()[:32]
