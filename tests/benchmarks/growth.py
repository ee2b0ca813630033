"""Large stores in a short time: what one load left is repeated, with other keys, at other times."""

import hashlib
from datetime import timedelta

from metering.learn import learn
from metering.settings import Book
from metering.store import Store

MONTH = timedelta(days=31)
MONTHS_OF_A_CONTACT = 4  # after which a sender has other ones


def grow_events(book: Book, *, events: int) -> int:
    """Add months before the events that the store of `book` has, until it has so many.

    Each month repeats the reports of the newest one, of other messages; every fourth is of other
    contacts, so that a contact has a past. Deliveries, contacts and windows are learned of them as
    a load learns them. Answers how many events there are.
    """
    with Store.open(book, book.settings(), "write") as store:
        store.execute(
            """
            create temp table newest as
            select events.*, deliveries.id_key
            from events left join deliveries using (message_key)
            """
        )
        count: int = store.value("select count(*) from newest")
        copies = max(0, -(-events // count) - 1)
        for number in range(1, copies + 1):
            with store.transaction():
                _add_month(store, number)
        return int(store.value("select count(*) from events"))


def _add_month(store: Store, number: int) -> None:
    generation = number // MONTHS_OF_A_CONTACT
    store.execute(
        f"""
        create or replace temp table another as
        select newest.* replace (
            (select max(load_id) + 1 from events) as load_id,
            {_other("message_key", f"message {number}")},
            {_other("id_key", f"message {number}")},
            {_other("conversation_key", f"message {number}")},
            {_other("contact_key", f"contact {generation}" if generation else "")},
            {_other("user_key", f"contact {generation}" if generation else "")},
            {_other("linked_key", f"contact {generation}" if generation else "")},
            {_other("group_key", f"contact {generation}" if generation else "")},
            occurred_at - $ago as occurred_at,
            conversation_expires_at - $ago as conversation_expires_at
        )
        from newest
        """,
        {"ago": number * MONTH},
    )
    store.execute("insert into events by name select * exclude (id_key) from another")
    store.execute(
        """
        insert into loads
        select * replace (
            (select max(load_id) from events) as load_id,
            concat(content_sha256, (select max(load_id) from events)) as content_sha256
        )
        from loads where load_id = 1
        """
    )
    learn(store, "from another")


def _other(column: str, name: str) -> str:
    """The SQL of another key in the place of each: a name of none keeps them."""
    salt = int(hashlib.md5(name.encode()).hexdigest(), 16) if name else 0
    return f"xor({column}, '{salt}'::uhugeint) as {column}"


def grow_deliveries(book: Book, *, deliveries: int) -> int:
    """Repeat the deliveries of October 2026, at other times of it, until there are so many.

    Nothing else is repeated: for what reads deliveries alone. Answers how many there are.
    """
    with Store.open(book, book.settings(), "write") as store:
        store.execute(
            """
            create temp table october as
            from deliveries
            where delivered_at >= '2026-10-01' and delivered_at < '2026-11-01' and not is_echo
            """
        )
        count: int = store.value("select count(*) from october")
        for number in range(1, -(-deliveries // count)):
            store.execute(
                f"""
                insert into deliveries by name
                select * replace (
                    {_other("message_key", f"message {number}")},
                    {_other("contact_key", f"contact {number}")},
                    {_other("user_key", f"contact {number}")},
                    timestamp '2026-10-01' + to_microseconds(
                        (epoch_us(delivered_at) - epoch_us(timestamp '2026-10-01')
                            + $number * 3571000000) % (31 * 86400000000)) as delivered_at
                )
                from october
                """,
                {"number": number},
            )
        return int(store.value("select count(*) from deliveries where delivered_at is not null"))
