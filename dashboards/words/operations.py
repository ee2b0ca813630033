"""The words of what operators see: loads, the store, quarantine, runs."""

LOAD, LOADED_AT, FORMAT, SIZE, ENGINE = "Load", "Loaded", "Format", "Size", "Version"
READ_ITEMS, UNKNOWN_FIELDS = "Items read", "Unknown fields"
PARTS = {
    "accepted": "Accepted",
    "duplicate": "Duplicates",
    "reported_again": "Reported again",
    "ignored": "Ignored by kind",
    "quarantined": "Quarantined",
}
LOADS_ADD_UP = (
    "Of every load, accepted + duplicates + reported again + ignored + quarantined"
    " is what was read."
)
LOADS_UNEVEN = "The counts of these loads do not add up to what was read: {ids}."
LOADS_ALT = "Table of {count} loads with their counts."
STORE_TITLE, REPORTS = "On the disk: {size}", "reports (this copy)"
ROWS_ABOUT, STORE_ALT = "Rows, about", "Table of the tables of the store."
QUARANTINE_EMPTY = "Nothing waits in quarantine."
ROWS, ROWS_WAITING, ROWS_WITH_TEXT = "Rows", "Rows that wait", "With their text"
QUARANTINE_TITLE = "Most were refused because: {reason}"
QUARANTINE_ALT = "Table of {count} rows in quarantine by reason."
QUARANTINE_HOW = (
    "Rows hold what names people, so that none is copied here. Look at one, masked, and try them"
    " again once the cause is repaired, at the machine of the book:"
)
QUARANTINE_COMMANDS = (
    "tollbook quarantine list\ntollbook quarantine show ID\ntollbook quarantine retry"
)
SENDERS, FIRST_AT, LAST_AT = "Senders", "First", "Last"
NO_RUNS = ("Nothing has been billed yet", "Make the drafts of a month:", "tollbook bill MONTH")
RUN, STARTED_AT, TOOK, CATALOG_HASH = "Run", "Started", "Took", "Catalog"
LATEST_RUN, UNASSIGNED_UNITS = "Latest run is of", "Deliveries of nobody"
UNASSIGNED_HELP = "Delivered from senders that senders.csv gives to no account: billed to nobody."
RUNS_ALT = "Table of {count} runs."
RUNS_HOW = "Runs of one catalog went by the same files of the book. A dry run writes nothing."
