"""All that `tollbook verify` looks at, whatever state the file is in."""

from metering.errors import Problem, TollbookError
from pricing.archive import Archive
from pricing.life.issued import broken_documents
from pricing.life.seal import broken_seals
from pricing.life.told import untold
from pricing.life.trail import broken_links, lost_head, rows_of

CHECKS = (broken_seals, broken_documents, untold)


def problems_of(archive: Archive, head: str | None = None) -> list[Problem]:
    """List what is wrong; what cannot even be read ends one check, and is a problem itself."""
    trail = rows_of(archive)
    found = [*broken_links(trail), *lost_head(trail, head)]
    for check in CHECKS:
        try:
            found += check(archive)
        except (TollbookError, LookupError, ValueError, ArithmeticError) as error:
            what = f"cannot be read: {str(error).partition(chr(10))[0]}"
            hint = "compare with a backup of invoices.duckdb; nothing in the product does this"
            found.append(Problem("invoices.duckdb", what, hint))
    return found
