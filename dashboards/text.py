"""Every word that the pages show."""

TITLE = "Tollbook"
INVOICES, USAGE = "Invoices", "Usage"
VIEW, MONTH = "View", "Month"
TITLE_OF = "{view}, {month}"
DATA_UP_TO = "{seller} · data complete up to {instant}"
NO_DATA_UP_TO = "{seller} · nothing loaded yet"
MONTH_OPEN = "month not complete"
MONTH_OPEN_HELP = "No event after the end of this month has been loaded yet."
MONTH_UNKNOWN = "This book has no figures of “{month}”; showing {shown}."
RELOAD = "The figures were renewed while this page was drawn. Reload the page to see them."

STATE = "{count} {state}"
STATE_COLORS = {"draft": "blue", "approved": "violet", "issued": "green"}
NOT_BILLED = "not billed yet"
BLOCKED_COUNT = "{count} blocked"
QUARANTINED = "{count} rows in quarantine"

NO_BOOK = (
    "There is no book here",
    "Start the dashboard with the folder of a book:",
    "tollbook dashboard --book DIR",
)
NO_REPORTS = (
    "No figures have been published yet",
    "Publish those of this book, then reload this page:",
    "tollbook reports --book DIR",
)
NO_LOADS = (
    "Nothing has been loaded yet",
    "Load message logs, make the drafts of a month, and publish the figures:",
    "tollbook ingest PATH...\ntollbook bill MONTH\ntollbook reports",
)
NO_DELIVERIES = (
    "The logs that were loaded hold no delivery",
    "Load the logs of a month with delivered messages, or see what was refused:",
    "tollbook ingest PATH...\ntollbook quarantine list\ntollbook reports",
)
NO_BILL = (
    "{month} has not been billed yet",
    "Make its drafts and publish them; then reload this page:",
    "tollbook bill {iso}\ntollbook reports",
)
NO_USAGE = (
    "No delivery falls into {month}",
    "Its invoices hold fees alone. If messages are missing, load their logs:",
    "tollbook ingest PATH...\ntollbook reports",
)
NO_MATCH = "No invoice of {month} matches. Clear the search, or show all."

SEARCH, SEARCH_HINT = "Search", "Account or name"
READINESS = "Show"
READINESS_OPTIONS = {"All": "all", "Ready": "ready", "Blocked": "blocked"}
ORDER = "Sort by"
ORDER_OPTIONS = {"Account": "account", "Name": "name", "Largest total": "total"}
TOTAL_OF = "{currency} · {count} invoices"
TOTAL_OF_ONE = "{currency} · 1 invoice"
SHOWN = "{shown} of {count} invoices. Select a row to see its lines."
INVOICE, INVOICE_HINT = "Invoice", "Select a row of the table, or search here"
ACCOUNT, NAME, LINES, TOTAL, CURRENCY = "Account", "Name", "Lines", "Total", "Currency"
STATE_NAME, BLOCKED, BLOCKED_YES, BLOCKED_NO = "State", "Blocked", "blocked", "no"
CHARGE, PLAN, KIND, QUANTITY, AMOUNT = "Charge", "Plan", "Kind", "Quantity", "Amount"
KINDS = {"usage": "usage", "fixed_fee": "fixed fee", "add_on": "add-on"} | {
    kind: kind for kind in ("discount", "maximum", "minimum", "commitment")
}
MARKET, CATEGORY, PRICING_TYPE, TIER = "Market", "Category", "Pricing type", "Tier"
PRICED_QUANTITY = "Counted as"
UNIT_PRICE, EXACT_AMOUNT, STATUS, RATE_DATE = "Unit price", "Exact amount", "Status", "Rate of"
NOTE, EVIDENCE = "Note", "Evidence"
INVOICE_FACTS = "{invoice_id} · {month} · {state} · {purpose} account"
INVOICE_TOTAL = "Total: **{amount} {currency}**, the sum of {lines} lines."
INVOICE_WITH_TAX = (
    "Total: **{amount} {currency}**: {net} for {lines} lines and {tax} of tax, "
    "of which {due} {currency} are due."
)
NO_LINES = "This invoice has no lines: nothing was charged."
DETAILS_OF = "Details of"
DETAILS_SUM = (
    "The details add up to {exact} {currency} exactly; the line is rounded once, half away from"
    " zero, to {amount} {currency}."
)
IS_BLOCKED = "**This invoice is blocked.** It cannot be issued until this is repaired:"
REMEDIES = {
    "unknown_price": "add the rate to the rate card, or correct what the plan asks for",
    "uncovered": "add a charge to the plan that takes them, or a free one",
    "unknown": "load the logs that say it, or let the charge take them without it",
    "no_plan": "add the account to subscriptions.csv for these days",
}
OTHER_REMEDY = "see the guide of the command `tollbook bill`"
THEN_BILL = "Then run `tollbook bill {month}` and `tollbook reports` again."

GROUP_BY = "Group by"
GROUPS = {
    "Category": "category",
    "Market": "market",
    "Pricing type": "pricing_type",
    "Account": "account",
}
DELIVERIES, BUSIEST_DAY = "Deliveries", "Busiest day, {day}"
ACCOUNTS_USED, MARKETS_USED = "Active accounts", "Markets"
UNKNOWN = "unknown"
UNASSIGNED = "belongs to no account"
OTHER = "Other (all the rest)"
CHART_TITLE = "Deliveries a day, by {group}"
CHART_AXIS = "Deliveries"
DAY_AXIS = "Day, in the account's time zone"
DAY, GROUP, SHARE = "Day", "Group", "Share"
CHART_ALT = (
    "Stacked bars: deliveries on each day of {month} by {group}. {total} in all; the largest group"
    " is {largest} with {largest_count}. The tables below hold the same figures."
)
GROUP_TABLE = "All {count} groups, {total} deliveries"
DAILY_TABLE = "Figures of the chart, day by day"
INVOICES_ALT = "Table of {count} invoices of {month}."
LINES_ALT = "Table of the lines of invoice {invoice_id}."
DETAILS_ALT = "Table of the details of the line {charge}."
GROUPS_ALT = "Table of deliveries of {month} by {group}."
DAILY_ALT = "Table of deliveries of {month} by day and {group}."
