"""History: the store as it was known when only some loads were there."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from metering.learn import relearn
from metering.settings import COPIES, Book, Settings
from metering.store import Store, copy_database

OF_A_LOAD = ("events", "cloud_events", "quarantine", "loads")


@contextmanager
def known_at(book: Book, settings: Settings, load_ids: Sequence[int]) -> Iterator[Store]:
    """Open a copy of the store that knows these loads alone; it is gone afterwards.

    Facts of deliveries and windows are computed anew, for a later report may have changed them.
    Where all loads are asked for, the store itself is opened.
    """
    with Store.open(book, settings, "read") as store:
        if set(store.load_ids()) <= set(load_ids):
            yield store
            return
    parent = book.root / COPIES
    parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        copy = Book(Path(folder))
        copy_database(book.store_path, copy.store_path, settings)
        if book.secret_path.exists():
            shutil.copy2(book.secret_path, copy.secret_path)
        with Store.open(copy, settings, "write") as store, store.transaction():
            for table in OF_A_LOAD:
                store.execute(
                    f"delete from {table} where not list_contains($load_ids, load_id)",
                    {"load_ids": [*load_ids]},
                )
            relearn(store)
        with Store.open(copy, settings, "read") as store:
            yield store
