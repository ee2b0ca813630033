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
    "Rows are tried again once what made them fail is repaired. A row whose own text is wrong can"
    " be repaired and tried at the machine of the book:"
)
QUARANTINE_COMMANDS = (
    "tollbook quarantine show ID --raw\ntollbook quarantine retry ID --with REPAIRED.json"
)
ROWS_OF, CHOOSE_REASON = "Rows that were refused because", "Choose a reason …"
ROW_ID, FILE, LINE, POSITION, TEXT = "Id", "File", "Line", "Position", "Text, masked"
TEXT_CLEARED = "(cleared)"
CAN_RETRY, YES, NO, SINCE = "Can be tried", "yes", "no", "Since"
REFUSED_ALT = "Table of {count} rows that were refused: {reason}."
REFUSED_HOW = (
    "The first {count} of them, out of the store. What may name a person, and every long number, is"
    " masked. Select a row to try it alone."
)
RETRY_ALL, RETRY_REASON = "Try all rows again", "Try these again ({count})"
RETRY_ROW = "Try row {id} again"
ASK_RETRY = (
    "The rows are loaded again, as one job. What is accepted counts as used, and bills of its month"
    " differ; what is refused once more goes back to quarantine."
)
CONFIRM_RETRY, CANCEL = "Yes, try again", "Cancel"
RETRYING, PUBLISHING = "Loading the rows …", "Publishing the figures …"
RETRIED = "{accepted} items accepted, {again} known or ignored, {still} in quarantine again."
REFUSED_AGAIN = "Refused as a whole: {why}."
RETRY_NOT_PUBLISHED = (
    "It is done, but the counts here are still those of before ({what}). Run `tollbook reports`"
    " when the job has ended."
)
SENDERS, FIRST_AT, LAST_AT = "Senders", "First", "Last"
NO_RUNS = ("Nothing has been billed yet", "Make the drafts of a month:", "tollbook bill MONTH")
RUN, STARTED_AT, TOOK, CATALOG_HASH = "Run", "Started", "Took", "Catalog"
LATEST_RUN, UNASSIGNED_UNITS = "Latest run is of", "Deliveries of nobody"
UNASSIGNED_HELP = "Delivered from senders that senders.csv gives to no account: billed to nobody."
RUNS_ALT = "Table of {count} runs."
RUNS_HOW = "Runs of one catalog went by the same files of the book. A dry run writes nothing."
