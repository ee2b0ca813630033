"""The words of what finance does and sees of documents, of what is owed, and of prices."""

NO_STORE = "the store with the messages is not there"
NO_STORE_HINT = "bring its file back from a backup, or load the logs again"
APPROVE, ISSUE, CREDIT = "Approve", "Issue", "Credit"
APPROVE_ALL, ISSUE_ALL = "Approve all drafts ({count})", "Issue all approved ({count})"
CANCEL = "Cancel"
IS_BLOCKED = "blocked"
IS_EMPTY = "without lines"
IS_INTERNAL = "for internal use or tests, never invoiced"
BLOCKED_HELP = "This invoice is blocked: repair what is said above first."
EMPTY_HELP = "This invoice has no lines: there is nothing to approve."
INTERNAL_HELP = "The account is for {purpose} use, which is never invoiced."
IN_ALL = "{amount} {currency}"
ONE_DOCUMENT = "**{name}** ({invoice_id})"
SOME_DOCUMENTS = "{count} documents of {month}"
ALL_OF_MONTH = "All of the month, whatever is searched or shown above."
LEFT_OUT = "Left out: {what}."
ASK = {
    "approve": (
        "**{actor}** approves {documents}: {totals}. The next bill no longer replaces what is"
        " approved. Until it is issued it can be made a draft again with `tollbook invoice reopen`."
    ),
    "issue": (
        "**{actor}** issues {documents}: {totals}. Each gets the next number of its series and is"
        " never changed again; what is wrong on it takes a credit note."
    ),
    "credit": (
        "**{actor}** drafts a credit note for {documents}, issued over {totals}. It is then to be"
        " approved and issued like an invoice."
    ),
}
WORKING, PUBLISHING = "Working …", "Publishing the figures …"
IN_TRAIL = "The trail keeps this name."
CONFIRM = {
    "approve": "Yes, approve",
    "issue": "Yes, issue",
    "credit": "Yes, draft the credit note",
}
ISSUE_DATE = "Date of issue"
EARLIEST = "Documents of {month} may be issued from {day} on."
TOO_FAR = "{day} has not come yet"
TOO_FAR_HINT = "numbers follow the calendar: no document could be dated earlier afterwards"
WHAT_IS_CREDITED, WHOLE_INVOICE = "What is credited", "All that is left of the invoice"
LINE_OF = "{charge}: {amount} {currency}"
AMOUNT_FIELD, AMOUNT_HINT = "Amount, net of tax", "All that is left of it"
REASON_FIELD, REASON_HINT = "Reason", "It stands on the credit note and in the trail"
BILL_AGAIN = "Bill the month again"
BILL_AGAIN_HELP = "What is credited counts as not invoiced: the next bill charges what is right."
NO_REASON, NO_REASON_HINT = "a credit note has a reason", "say in a few words why it is written"
NO_AMOUNT, NO_AMOUNT_HINT = "'{amount}' is no amount", "write 12.50, without a currency"
CHANGED = "the documents have changed since they were shown"
CHANGED_HINT = "look at them again: somebody else, or a bill, was there in the meantime"
BUSY = "the app is busy with these documents for somebody else"
BUSY_HINT = "try again in a moment"
REFUSED = "**Nothing was done:** {what}."
HINT = "What helps: {hint}."
DONE = {
    "approved": "{count} approved: {names}",
    "issued": "{count} issued: {names}",
    "drafted": "The credit note {names} is drafted. Approve and issue it like an invoice.",
    "carried": "{count} wait for the next invoice, since their totals are small: {names}",
}
NAMES_MORE = "{names} and {count} more"
SKIPPED = "{count} were left as they are: each {why}."
SKIPPED_ONE = "{name} was left as it is: it {why}."
NOTHING_DONE = "There was nothing to do."
NOT_PUBLISHED = (
    "It is done, but this page still shows the figures of before ({what}). Run `tollbook reports`"
    " when the job has ended."
)
SHOW_NOTE = "Show the credit note"

PDF, XML = "PDF", "XML (Factur-X)"
SAVE_PDF, PRINTING = "Save the PDF", "Printing …"
PDF_HELP = "The document as the customer gets it; a draft is marked as one."
XML_HELP = "The electronic invoice of EN 16931. Only issued documents have one."
CANNOT_READ = "What became of this document cannot be read now: {what}."
SETTLED = "settled"
STANDING = "Status: **{status}**"
STANDING_OPEN = "Status: **{status}** · open: **{open} {currency}** of {due} {currency}"
DUE_ON = " · due on {day}"
PAID_ON, REFERENCE = "Day", "Reference"
PAYMENT_KINDS = {
    "payment": "payment",
    "refund": "refund",
    "write_off": "written off",
    "write_off_undone": "write-off undone",
    "applied": "applied",
}
HISTORY = "What became of it"
WHEN, WHO, ACTION, WHY = "When", "Who", "What", "Why"
ACTIONS = {
    "invoice.approved": "approved",
    "invoice.reopened": "made a draft again",
    "invoice.issued": "issued",
    "invoice.carried": "left for the next invoice",
    "invoice.voided": "made void",
    "invoice.written_off": "written off",
    "invoice.write_off_undone": "write-off taken back",
    "credit_note.drafted": "credit note drafted",
}
NO_TRAIL = "Nobody has done anything with this document yet: a run made it."
TRAIL_ALT = "Table of who did what with {invoice_id}."
PAYMENTS_ALT = "Table of the payments of {invoice_id}."

AS_OF = "At the end of"
NOTHING_OWED = "Nothing was owed on {day}: no document was issued by then, or all are paid."
OWED = "Owed in {currency}"
OVERDUE_IN = "Overdue in {currency}"
AGES = {
    "not_due": "Not due",
    "days_1_30": "1 to 30 days",
    "days_31_60": "31 to 60 days",
    "days_61_90": "61 to 90 days",
    "days_over_90": "Over 90 days",
    "credit": "Credit",
    "total": "Total",
}
AGEING_TITLE = "By account and currency: {count} rows"
AGEING_ALT = "Table of what {count} accounts owe by how long it is overdue on {day}."
AGEING_HOW = (
    "By the days after the due date, as `tollbook receivables` has it. Credit is money on account,"
    " credit notes and what was paid too much: it is of no age."
)
OVERDUE_TITLE = "Overdue documents: {count}"
NOTHING_OVERDUE = "No document was overdue on {day}."
DUE_DATE, DAYS_LATE, LEVEL, OPEN = "Due on", "Days late", "Reminder", "Open"
OVERDUE_ALT = "Table of {count} overdue documents on {day}, the longest first."
LEVELS_HOW = "Reminder 1 is from the first day on, 2 over 14 days, 3 over 30 days. Nothing is sent."

BLOCKING = "What blocks invoices, and what to do: {count} blocked"
WHAT_BLOCKS, FOR_EXAMPLE, WHAT_HELPS = "What", "For example", "What to do"
BLOCKING_ALT = "Table of what blocks {count} invoices of {month}, and what to do."

COMPARE_MONTHS = "Why the month differs from {month}"
MONTHS_TITLE = "{change} {currency} against {month}, net of tax"
MONTHS_SAME = "No invoice differs from those of {month}."
NO_MONTH_BEFORE = "There is no invoice of {month} to compare with."
MONTH_CAUSES = {
    "quantity": "quantity",
    "price": "price",
    "new": "charge is new",
    "ended": "charge has ended",
    "new_account": "account is new",
    "ended_account": "account has ended",
    "correction": "corrections of earlier months",
}
MONTHS_ALT = "Table of what moved the invoices of {month} against the month before, in {currency}."
MONTHS_HOW = (
    "Invoices as they are now, drafts too, without credit notes. What the change of a quantity"
    " makes at the mean price of the account in the month before is due to quantity, the rest of"
    " it to price."
)

NO_COSTS = (
    "The book does not say what the network charges",
    "Name its plan and currency in tollbook.toml, and publish the figures again:",
    '[cost]\nplan = "whatsapp"\ncurrency = "USD"',
)
NO_COSTS_OF_MONTH = (
    "No cost of {month} is known",
    "Costs are worked out for the months that were billed. Bill it, and publish the figures:",
    "tollbook bill {iso}\ntollbook reports",
)
MARGIN_BY, MARGIN_GROUPS = "By", {"Account": "account", "Market": "market", "Category": "category"}
PRICE, COST, MARGIN, MARGIN_SHARE = "Price", "Cost", "Margin", "Margin in %"
UNKNOWN_COST_UNITS, WHY_NO_MARGIN = "Units of unknown cost", "Why no margin"
PRICE_OF = "Price of {known} of {count} accounts"
COST_OF, MARGIN_OF = "Cost of them", "Margin of them"
PRICE_HELP = "Net of tax, of the accounts whose cost and price are both known."
NOTHING_CHARGED = "nothing charged"
NOTHING_KNOWN = "No account billed in {currency} has a cost and a price that are both known."
MARGIN_TITLE = "{margin} of each {currency} charged is left, {month}"
PRICE_AND_COST = "Price and cost, {currency}"
MARGIN_ALT = "Bars of price and cost of the {count} largest; the table has all of them."
MARGIN_TABLE_ALT = "Table of {count} rows: price, cost and margin by {group}, {month}."
OF_NO_MARKET = "fees, discounts, rounding"
WITHOUT_MARGIN = {
    "not_billed": "no invoice of a customer",
    "blocked": "its invoice is blocked: the price is not complete",
    "unknown_cost": "no rate is known for a part of it",
    "currency": "charged in another currency than the network's {currency}",
}
LEFT_OUT_OF_MARGIN = (
    "Accounts left out, since they can have no margin: {count}. By account says why."
)
MARGIN_DRILL_DOWN = "Click a row, or a bar of the chart, to see it alone, by what it is made of."
MARGIN_HOW = (
    "Price is net of tax, with later corrections of the month; cost is what the network charges for"
    " the same month by the senders' clocks, as `tollbook bill {iso} --side cost` rates it. A cost"
    " is what is known of it, and a margin of which a part is not known is left empty. Amounts by"
    " market and category are rounded each for itself."
)

NOTHING_TO_ACCRUE = (
    "Nothing has been used yet",
    "Load message logs, and publish the figures:",
    "tollbook ingest PATH...\ntollbook reports",
)
WORK_OUT, WORKING_OUT = "Work it out", "Rating the month up to {day} …"
WORK_OUT_HOW = (
    "What was earned up to the end of the day and is on no issued document by then. The month is"
    " rated up to that day by the code that bills, out of the store: jobs wait meanwhile."
)
UNBILLED_IN = "Unbilled in {currency}"
UNBILLED_ACCOUNTS = "Accounts with something unbilled"
NOTHING_UNBILLED = "Nothing is unbilled at the end of {day}."
UNBILLED_TITLE = "Unbilled at the end of {day}: {count} rows"
EARNED, INVOICED, UNBILLED = "Earned", "Invoiced", "Unbilled"
UNBILLED_ALT = "Table of {count} rows: earned, invoiced and unbilled by account, {day}."
STANDS = "Its invoice"
NO_INVOICE_YET = "not billed yet"
BLOCKED_STATE = "blocked"
UNPRICED_UNITS = (
    "{units} units of {month} have no known price: they are in no amount, and will block invoices."
)
BLOCKING_OF = "What blocks invoices of {month}, and what to do: {count} blocked"
NOTHING_BLOCKS = "No invoice of {months} is blocked."
ADJUSTMENTS_TITLE = "Late usage and adjustments on documents of {months}: {count}"
NO_ADJUSTMENTS = "No document of {months} corrects an earlier one."
ADJUSTMENTS_ALT = "Table of {count} lines that change what earlier documents say."
OF_MONTH, DOCUMENT, ADJUSTMENT = "For the month", "Document", "What it is"
LATE_USAGE, CREDIT_NOTE = "correction", "credit note"
ADJUSTMENTS_HOW = (
    "What is known of an invoiced month by now less what was invoiced for it: usage that was"
    " reported late, and prices that were repaired."
)

SHOW_MESSAGES, SEEKING = "Show its messages", "Looking them up …"
GONE = "this document is not among those of the book any more"
GONE_HINT = "publish the figures anew: tollbook reports"
MESSAGES_TITLE = "Messages of {charge}: {count}"
MESSAGES_TITLE_CUT = "Messages of {charge}: the first {count}"
MESSAGES_CUT = "The first {count}, the earliest first; `tollbook invoice explain` lists more."
MESSAGES_CHANGED = "The files of the book have changed since: these are its messages by now."
HAS_NO_MESSAGES = "Nothing to show: {what}."
NO_MESSAGES = "No message is in this line by now."
MESSAGES_ALT = "Table of {count} messages of the line {charge}, the earliest first."
MESSAGE, DELIVERED_AT, COUNTRY, CHANNEL = "Message", "Delivered", "Country", "Channel"
PRICING_MODEL = "Pricing model"
MESSAGES_HOW = (
    "Out of the store, which is opened for a moment. A message is named by a key of ours: neither"
    " its id nor a phone number is shown."
)

PART, PRICE_PARTS = "Part", {"Find a price": "finder", "Plans": "plans", "Rate cards": "cards"}
BOOK_HAS_MISTAKES = (
    "The files of the book have {count} mistakes",
    "Prices are shown once they are corrected. This says each of them:",
    "tollbook check",
)
NO_ACCOUNTS = "Choose an account, a market, a category and a day."
NO_PLAN, ALREADY = "no plan", "Already sent this month"
PRICE_ANSWER_OF_ONE = (
    "One **{category}** message to **{market}** on {day} costs {account} **{amount} {currency}**"
    " (plan {plan})."
)
PRICE_ANSWER = (
    "{quantity} **{category}** messages to **{market}** on {day} cost {account}"
    " **{amount} {currency}** (plan {plan})."
)
PRICE_UNKNOWN = (
    "No price is known for **{category}** to **{market}** on {day} for {account} (plan {plan}):"
    " such a message would block the invoice. The details say why; add the rate, or a charge."
)
PRICE_HOW = (
    "Rated by the code that bills, as a month that holds these messages alone: before tax, minimum,"
    " discounts and credits. The details are of all messages of the month, those already sent too."
)
PRICE_ALT = "Table of the details of the price."
COMPONENT, METER, UNIT, SINCE = "Component", "Meter", "For each", "From"
PLAN_FACTS = "{accounts} accounts are or were on it · versions: {versions} · currency: {currency}"
CURRENCY_OF_ACCOUNT = "that of the account"
PLAN_ALT = "Table of the charges of plan {plan}."
FILE_OF = "The file {file}"
CARD, CARD_OF, TIER_UP_TO = "Rate card", "Card of", "Tier up to"
CARD_ALT = "Table of the rates of card {card}."
