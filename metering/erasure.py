"""Erasure: a contact's right to be forgotten, without a change to any amount."""

import re

from metering import contacts
from metering.errors import UsageError
from metering.store import Store


def erase(store: Store, contact: str) -> int:
    """Remove what links a contact; answer how many rows named it.

    The keyed hashes of the contact go from events, deliveries and windows, and with them everything
    that links the messages to the person. A random key takes their place in each sender's messages,
    so that windows and conversations, and what they cost, stay as they were. Refused rows that
    hold the number or id lose their text.

    Args:
        contact: A phone number with its country code, or a user id.

    Raises:
        UsageError: `contact` is neither.
    """
    name = re.sub(r"[\s().-]", "", contact) if re.match(r"^\+?[\d\s().-]+$", contact) else contact
    number = name.lstrip("+")
    is_number = re.fullmatch(r"\d{7,15}", number) is not None
    if not is_number and not re.search(r"[A-Za-z]", name):
        raise UsageError(
            f"'{contact}' is neither a number nor a user id",
            where="CONTACT",
            hint="write a number with its country code, 7 to 15 digits, or a user id like US.1234",
        )
    named = {"kind": "contact" if is_number else "user", "name": number if is_number else name}
    with store.transaction():
        store.run("erase_contact", named)
        contacts.resolve(store, "named_erased", "resolved_erased")
        store.run("replace_erased", named)
    count: int = store.value("select row_count from erased")
    return count
