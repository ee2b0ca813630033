"""The words that pages share, and those of usage and invoices."""

TITLE = "Tollbook"
PRODUCT, FINANCE, OPERATIONS = "Product", "Finance", "Operations"
OVERVIEW, USAGE, MARKETS, HOURS = "Overview", "Usage", "Markets", "Hours"
FUNNEL, CONVERSATIONS, COHORTS = "Funnel", "Conversations", "Cohorts"
FREE_TIER, ADD_ONS, FORECAST = "Free units", "Add-ons", "Forecast"
INVOICES, RECEIVABLES, PRICES, RUNS = "Invoices", "Receivables", "Prices", "Runs"
MARGIN, UNBILLED = "Margin", "Unbilled"
LOADS, QUARANTINE = "Loads", "Quarantine"
TITLE_OF = "{view}, {when}"
MONTH, PERIOD, DAYS, CUSTOM = "Month", "Period", "First and last day", "Other days …"
PRESETS = {
    "last-7-days": "Last 7 days",
    "last-14-days": "Last 14 days",
    "last-30-days": "Last 30 days",
    "last-90-days": "Last 90 days",
    "this-month": "This month so far",
    "last-month": "Last month",
    "this-quarter": "This quarter so far",
    "this-year": "This year so far",
    "last-12-months": "Last 12 months",
}
FILTERS, FILTERS_OF, CLEAR_FILTERS, ALL = "Filters", "Filters ({count})", "Clear filters", "all"
ONLY = "Only {filters}"
FILTERS_IGNORED = "Not filtered by {names}: these figures are not kept apart by it."
NO_SUCH_ACCOUNT = "No account has this id, or this in its name. Clear the field to see all."
SEVERAL_ACCOUNTS = "{count} accounts match; showing the first. Write the id of one of them:"
VIEW_UNKNOWN = "There is no such view for you; showing {shown}."
PERIOD_UNKNOWN = "“{asked}” names no days of this book; showing {shown}."
LEFT_OUT = "The address says `{name}={asked}`, which is not here: it is left out."
DOWNLOAD = "Download this table as {kind}"
LOG_IN, LOG_OUT = "Log in", "Log out"
LOG_IN_FIRST = "Log in to see the figures of this book."
NO_ROLE = (
    "{email} may not see anything here, or this login has expired. Log out and in again, or ask"
    " for a role in `[dashboard]` of tollbook.toml."
)
NOT_LOGGED_IN = "No login: open to everybody at this machine, and to no other machine."
LOGIN_GONE = (
    "The login was taken out of tollbook.toml while the dashboard ran. Put it back and reload, or"
    " start `tollbook dashboard` again: without a login it is open to this machine alone."
)
BAD_SETTINGS = "The file tollbook.toml has mistakes. Correct them and reload this page:"
DATA_UP_TO = "{seller} · data complete up to {instant}"
DAYS_OF_ONE = "days of {zone}"
DAYS_OF_ALL = "days of each account's own time zone; presets end by the seller's, {zone}"
NO_DATA_UP_TO = "{seller} · nothing loaded yet"
MONTH_OPEN = "month not complete"
MONTH_OPEN_HELP = "No event after the end of this month has been loaded yet."
MONTH_UNKNOWN = "This book has no figures of “{asked}”; showing {shown}."
RELOAD = "The figures were renewed while this page was drawn. Reload the page to see them."

SAVED_VIEWS = "Saved views ({count})"
NOTHING_SAVED = "None yet. Choose a view and its filters, then give them a name."
SAVE_AS, SAVE_VIEW = "Name of what is shown", "Save this view"
DELETE_WHICH, DELETE_HINT, DELETE_VIEW = "Saved view", "Choose one to delete", "Delete it"

JOB_AT_WORK = "This waits for a job to end: {what}. Try again soon; the rest of the page holds."
AND = " and "
PROBLEM = "{what}.  \nWhat helps: {hint}."
PROBLEM_AT = "{where}: {what}.  \nWhat helps: {hint}."
MORE_PROBLEMS = "{count} more: `tollbook check` says each of them."

STATE = "{count} {state}"
STATE_COLORS = {"draft": "blue", "approved": "violet", "issued": "green"}
CORRECTION_OF = "{charge} (correction of {month})"
NUMBER = "Number"
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
DAMAGED = (
    "The published figures cannot be read",
    "They are damaged, or another version wrote them. Publish them anew, then reload this page:",
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
    "Nothing was delivered in {span}, as far as these filters go",
    "Clear the filters or choose another period. If messages are missing, load their logs:",
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
    "Entry point": "entry_point",
    "Account": "account",
    "Sender": "sender",
}
DIMENSIONS = {column: word for word, column in GROUPS.items()}
SENDER, ENTRY_POINT, DIMENSION, GROUP = "Sender", "Entry point", "By", "Group"
DELIVERIES, BUSIEST_DAY, PER_DAY = "Deliveries", "Busiest day, {day}", "Mean of an active day"
BILLABLE, SENT, READ, FAILED = "Of type regular", "Messages sent", "Messages read", "Failed"
FREE, FREE_SHARE, READ_SHARE = "Of free types", "Share of free types", "Read of all sent"
FREE_SHARE_HELP = "Deliveries that the network calls free, of all deliveries."
READ_SHARE_HELP = "Users may hide that they have read; the true share is higher."
ACCOUNTS_USED, ACCOUNTS, MESSAGES = "Active accounts", "Accounts", "Messages"
TILES = {DELIVERIES: False, ACCOUNTS_USED: False, SENT: False, FREE: False, FAILED: True}
UNKNOWN = "unknown"
UNASSIGNED = "belongs to no account"
OTHER = "Other (all the rest)"
MEASURE, BIN, LOOK, TOP, CUMULATIVE = "Measure", "Each", "As", "Top", "Cumulative"
BINS = {"Day": "day", "Week": "week", "Month": "month"}
BIN_NAMES = {"day": "Day", "week": "Week from", "month": "Month from"}
LOOKS = {"Stacked": "stacked", "Share": "share", "Lines": "lines"}
CHART_TITLE = {
    "day": "{measure} each day, by {group}",
    "week": "{measure} each week, by {group}",
    "month": "{measure} each month, by {group}",
}
DAY_AXIS = "Day, in the account's time zone"
TIME_AXES = {
    "day": DAY_AXIS,
    "week": "Week from Monday, in the account's time zone",
    "month": "Month, in the account's time zone",
}
DAY, SHARE, TABLE = "Day", "Share", "Table"
CHANGE, CHANGE_SHARE, DIFFERENCE = "Change", "Change in %", "Difference"
CHART_ALT = (
    "{measure} over time, {span}, by {group}. {total} in all; the largest group is {largest} with"
    " {largest_count}. The tables below hold the same figures."
)
GROUP_TABLE = "All {count} groups, {total} in all, {span}"
DRILL_DOWN = "Click a row, or a group of the chart, to see it alone; the filters lead back."
DAILY_TABLE = "Figures of the chart"
INVOICES_ALT = "Table of {count} invoices of {month}."
LINES_ALT = "Table of the lines of invoice {invoice_id}."
DETAILS_ALT = "Table of the details of the line {charge}."
GROUPS_ALT = "Table of {span} by {group}, beside the period before."
DAILY_ALT = "Table of the figures of the chart, {span}, by {group}."

SO_FAR = "Full days alone: {span}, beside {before}."
DELIVERIES_SO_FAR, DAY_NUMBER = "Deliveries so far", "Day of the period"
COURSE_TITLE = "Deliveries are {moved} in {before}"
COURSE_ALONE = "{total} deliveries, {span}"
MORE, LESS, SAME = "{change} more than", "{change} less than", "as many as"
COURSE_ALT = "Running total: {total} in {now}, {earlier} in {before}."
NOTHING_BEFORE = "There is nothing of {before} to compare with."
CHANGES_TITLE = "What changed most"
CHANGE_SENTENCE = "By {cause}: **{group}** {change} ({now} instead of {before})."
WHY_IN_ALL = "In all: {moves}."
MOVES = {
    "new": "{count} accounts that are new or back {change}",
    "ended": "{count} that stopped {change}",
    "more": "{count} that sent more {change}",
    "less": "{count} that sent less {change}",
}
LOOK_INTO = "Click a row to see its usage."
BEGINS_LATER = "The first delivery is of {day}: {before} is not known as a whole."
CHANGES_ALT = "Table of the largest changes from {before} to {span}."
UNUSUAL_TITLE = "Unusual days: {count}"
UNUSUAL_SHOWN = "The {shown} largest of {count}."
NOTHING_UNUSUAL = "No day is far from the same weekday of the four weeks before it."
UNUSUAL_HOW = (
    "A day beside the same weekday of the four weeks before, brought to the level of the last seven"
    " days: unusual if it is further from their median than 4.5 median deviations, 50 % of it and"
    " 50 deliveries, and well outside of their range; or if nothing came where something always"
    " did. Judged up to the last full day, once three such weeks are known."
)
UNUSUAL_ALT = "Table of {count} unusual days with what is usual and who is behind the difference."
ALL_TOGETHER, WHAT, USUAL, REASON = "All deliveries", "What", "Usual", "Reason"
USUAL_OF = "{usual} ({low} to {high})"
REASON_OF = "most from {account}: {change} against {day}"

MAP_TITLE = "{market} leads with {count} deliveries, {span}"
MAP_ALT = "World map of deliveries by market, {span}; most in {market}: {count}. The table has all."
MAP_HOW = "Every country has the colour of its market, which has one figure for all its countries."
MAP_MISSES = " Not on the map: {names}."
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
WEEKDAY, HOUR = "Weekday", "Hour of the day, in the account's time zone"
HOURS_TITLE = "Busiest: {weekday} from {hour}:00, with {count} deliveries"
HOURS_ALT = "Deliveries by weekday and hour, {span}; most on {weekday} from {hour}:00: {count}."
HOURS_TABLE_ALT = "Table of deliveries by hour and weekday."
HOURS_HOW = "Sums over {span}, whole months. A month may have five of some weekdays."
HOUR_NAME, HOUR_PART = "{weekday} {hour}:00", "Weekday and hour"
HOUR_HINT = "Click a cell, or choose an hour here, to see whose it is"
HOUR_BY, HOUR_GROUPS = "By", {"Account": "account", "Category": "category"}
HOUR_TITLE = "{hour}: {count} deliveries, {share} of all, by {group}"
HOUR_ALT = "Deliveries of {hour} by {group}, {span}."
SHARE_OF_ALL_HOURS = "Share of all hours"
NOTHING_THEN = "Nothing was delivered in this hour, as far as these filters go."
NARROW_HERE = "Click a row or a bar to see it alone; the filters lead back."
STEPS = {"sent": "Sent", "delivered": "Delivered", "read": "Read", "failed": "Failed"}
STEP_SHARES = {
    "delivered": "Delivered of sent",
    "read": "Read of delivered",
    "failed": "Failed of sent",
}
FUNNEL_TITLE = "{delivered} arrived, {read} of these were read, {failed} failed"
FUNNEL_ALT = "Bars, {span}: {sent} sent, {delivered} delivered, {read} read, {failed} failed."
FUNNEL_HOW = (
    "Messages by the day of their first report, with all that was reported of them since: the last"
    " days are still on their way. Users may hide that they have read."
)
FUNNEL_CLICK = "Click a bar to see these messages over time, by any dimension."
ENDS = {
    "read": "Read",
    "delivered": "Delivered, not read",
    "open": "On its way",
    "failed": "Failed",
}
ENDS_TITLE, SHARE_OF_MESSAGES = "How far the messages of each day came", "Share of messages"
FIRST_REPORT_AXIS = "Day of the first report, in the account's time zone"
ENDS_ALT = "Shares of read, delivered, open and failed messages each day, {span}."

NO_COHORTS, ALL_MONTHS = "No account has used anything yet.", "all months"
COHORTS_TITLE = "Accounts by their first active month: {count} cohorts"
COHORT, AGE, ACTIVE_SHARE = "First active month", "Months later", "Active, %"
COHORTS_ALT = "Grid of the share of active accounts of {count} cohorts in the months after."
COHORTS_HOW = "In % of the accounts that began in the month. The last month may not be complete."
COHORT_PART, COHORT_HINT = "Cohort and month", "Click a cell, or choose one, to see its accounts"
COHORT_CELL, COHORT_CELL_OF_ONE = "{cohort}, {age} months later", "{cohort}, 1 month later"
COHORT_CELL_FIRST = "{cohort}, its first month"
MEMBERS_TITLE = "{active} of {size} accounts that began in {cohort} were active in {month}"
MEMBERS_ALT = "Table of the accounts that began in {cohort} with their deliveries in {month}."
DELIVERIES_IN, LAST_ACTIVE = "Deliveries, {month}", "Last active month"
NO_ALLOWANCES = (
    "No plan in use includes free units for an account or a sender in {span}",
    "An allowance of a charge in a plan would be listed here.",
    "",
)
ALLOWANCE = "{plan}, {charge}: {quantity} for each {each} and month"
EACH = {"account": "account", "sender": "number"}
INCLUDED_BY, COUNTED = "Included by", "Accounts or numbers that use some"
PASSED, WILL_PASS = "Have passed it", "Will pass it this month"
WILL_PASS_HELP = "If the pace of the last seven full days goes on to the end of the month."
FREE_TIER_TITLE = "Who is closest to the end of what is free, {span}"
USED, INCLUDED, PACE, EXPECTED_AT_END = "Used", "Included", "Last 7 days", "Expected at the end"
PASSES_ON = "Passes it on"
FREE_TIER_ALT = "Table of used and included units, {span}, the fullest first."
FREE_TIER_HOW = (
    "Counts deliveries of the categories that the charge takes, without free entry points. The"
    " invoice decides; what was carried over from earlier months is not counted here."
)
RULES = {"Service windows": "service_window", "Free entry points": "free_entry_point"}
WINDOW_RULE, WINDOWS_OPENED = "Windows", "Windows opened"
NO_WINDOWS = (
    "No window of this kind opened in {span}",
    "The logs hold no message from a user then ({rule}). Choose other days or other filters.",
    "",
)
ANSWERED, NAMED = "Answered inside", "Conversations named by the network"
ANSWERED_HELP = "Windows in which something was delivered to the user before they closed."
NAMED_HELP = "Those with an id, which the network gave while it charged conversations."
ENTRY_POINTS = {
    "none": "The user wrote first",
    "ad": "Ad",
    "page_button": "Button of a page",
    "link": "Click-to-chat link",
    "website": "Website",
}
ENTRIES_TITLE = "Most began with: {entry} ({count})"
ENTRIES_ALT = "Windows opened each day, {span}, by entry point; most by {entry}: {count}."
ANSWERS = {
    "1 minute": "within 1 minute",
    "5 minutes": "within 5 minutes",
    "1 hour": "within 1 hour",
    "4 hours": "within 4 hours",
    "later": "later, inside the window",
    "none": "not inside the window",
}
ANSWERS_TITLE = "{share} were answered within 5 minutes"
ANSWERS_ALT = "Windows by how soon they were answered, {span}; {share} within 5 minutes."
ANSWERS_HOW = "From the opening of a window to the first delivery in it, of any sort."
ANSWER_PART, ANSWER_HINT = "Answered", "Click a bar, or choose one, to see whose windows these are"
ANSWER_TITLE = "{answer}: {count} windows, {share} of all, by account"
OF_ITS_WINDOWS = "Of all windows of the account"
LENGTHS_TITLE, DAYS_OPEN = "How long they were open", "Days, begun ones too"
LENGTHS_ALT = "Table of windows by length and entry point, {span}."
NO_ADD_ONS = (
    "Nobody has an add-on",
    "Add-ons are in the file add_ons.csv of the book; publish it after a change:",
    "tollbook check\ntollbook reports",
)
NO_ADD_ONS_THEN = ("No add-on is held in {span}", "Choose other days, or clear the filters.", "")
ADD_ON, HELD, ACCOUNTS_HOLDING = "Add-on", "Quantity held", "Accounts that hold it"
ADD_ONS_TITLE, ADD_ONS_ON = "Accounts that hold each add-on", "Held on {day}"
ADD_ONS_ALT = "Accounts that hold each add-on, {span}."
ADD_ON_HINT = "Click a line, or choose an add-on here, to see who holds it"
HOLDERS_TITLE = "Accounts that hold {add_on} on {day}: {count}"
HELD_SINCE, HELD_UNTIL, NOT_ENDED = "Since", "Last day", "no end"

MONTH_DONE = "{span} is complete: {total} deliveries."
FORECASTING = "Fitting the model …"
NO_FORECAST = (
    "A forecast needs {days} full days with deliveries to learn a week; there are {known}."
)
SO_FAR_TILE, EXPECTED, RANGE = "Up to {day}", "Expected for {span}", "Four of five times between"
RANGE_HELP = "80 % of 500 simulated ends of the month lie in this range."
FORECAST_TITLE = "Where {span} is going"
FORECAST_ALT = (
    "Running total of {span}: {done} so far, {middle} expected at its end,"
    " between {low} and {high}."
)
FORECAST_HOW = (
    "Exponential smoothing with a weekly season over the days so far (statsmodels), continued 500"
    " times at random with a fixed seed. It knows no holidays and no campaigns that are planned."
)

NO_INVOICE_BEFORE = "The account has no invoice of {month} in this currency to compare with."
IN_WORDS, MORE_WORDS = "{charge}, in words", "… and {count} more: the table below has all."
MOVES_TITLE = "{change} {currency} against {month}"
CAUSE, QUANTITY_BEFORE = "Cause", "Quantity before"
CAUSES = {"new": "new", "ended": "ended", "quantity": "quantity", "price": "price"}
MOVES_ALT = "Table of what moved invoice {invoice_id} against the month before."
