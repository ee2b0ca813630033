"""The exact details of a document as the CSV file that travels inside its XML (BG-24)."""

from typing import Any

from pricing.document import Document
from pricing.documents.details_csv import details_csv, file_name
from pricing.documents.en16931_codes import CSV

ROWS_MAX = 10_000  # a larger file is left out: receivers limit the size of a document


def attachment_terms(document: Document) -> list[dict[str, Any]]:
    """Write BG-24: one attachment with all details, none where there are no or too many."""
    count = sum(len(line.details) for line in document.lines)
    if not 0 < count <= ROWS_MAX:
        return []
    return [
        {
            "BT-122": "details",
            "BT-123": "The exact amounts that the lines add up",
            "BT-125": details_csv(document),
            "BT-125-1": CSV,
            "BT-125-2": file_name(document),
        }
    ]
