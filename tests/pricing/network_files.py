"""Files in the shape of the network's own, made by hand: rates and volume tiers, CSV and XLSX."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from xml.sax.saxutils import escape

Cells = list[list[str]]
HEADINGS = {
    "marketing": "Marketing",
    "utility": "Utility",
    "authentication": "Authentication",
    "authentication_international": "Authentication-\nInternational",
    "service": "Service",
}
TIERED = ("utility", "authentication", "authentication_international")
TITLE = "Cost per message on the WhatsApp Business Platform, effective January 1, 2027"
Tiers = Sequence[tuple[int | None, Decimal]]  # upper end and rate


def rate_file(
    rates: Mapping[str, Mapping[str, str]],
    *,
    currency: str = "$US",
    title: str = TITLE,
    empty_rows: int = 300,
) -> Cells:
    """A list: by market and category what the cell of the rate says; `n/a` where none is given."""
    above = [[title], ["Rates change on the first day of a quarter."], [], [], []]
    rows = [
        [market, currency, *(of_market.get(category, "n/a") for category in HEADINGS)]
        for market, of_market in rates.items()
    ]
    table = [*above, ["Market", "Currency", *HEADINGS.values()], *rows]
    return padded([*table, *([] for _ in range(empty_rows))])


def tier_file(
    tiers: Mapping[str, Mapping[str, Tiers]], *, currency: str = "$US", title: str = TITLE
) -> Cells:
    """Volume tiers: the market and each category's name stand once, over several columns."""
    over = [cell for category in TIERED for cell in (HEADINGS[category], "", "", "", "")]
    group = ["From", "To", "Rate type", "Rate", "vs. List rate"]
    heading = [["Market", "", *over], ["", "", *["Messages", "", "", "", ""] * 3]]
    rows = [
        [market if number == 0 else "", currency, *_tier_cells(of_market, number)]
        for market, of_market in tiers.items()
        for number in range(max(map(len, of_market.values())))
    ]
    return padded([[title], [], *heading, ["", "Currency", *group * 3], *rows, [], []])


def _tier_cells(of_market: Mapping[str, Tiers], number: int) -> list[str]:
    cells = []
    for category in TIERED:
        tiers = of_market.get(category, ())
        if number >= len(tiers):
            cells += ["n/a"] * 5
            continue
        over = 0 if number == 0 else (tiers[number - 1][0] or 0) + 1
        up_to, rate = tiers[number]
        shown = "--" if up_to is None else f"{up_to:,}"
        kind = "Tier rate" if number else "List rate"
        cells += [f"{over:,}", shown, kind, f"{rate:f}", f"-{5 * number}%"]
    return cells


def padded(rows: Cells) -> Cells:
    width = max(map(len, rows))
    return [[*row, *[""] * (width - len(row))] for row in rows]


def as_csv(rows: Cells) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(rows: Cells, *others: Cells) -> bytes:
    """A workbook of one sheet for each list of rows; what looks like a number is kept as one."""
    sheets = [rows, *others]
    names = [f"Sheet{number}" for number in range(1, len(sheets) + 1)]
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>'
        for number, name in enumerate(names, 1)
    )
    targets = "".join(
        f'<Relationship Id="r{number}" Type="{office}/worksheet" Target="worksheets/{name}.xml"/>'
        for number, name in enumerate(names, 1)
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override'
        f' PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="w"'
        f' Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{targets}'
        "</Relationships>",
        **{
            f"xl/worksheets/{name}.xml": _sheet(sheet, main)
            for name, sheet in zip(names, sheets, strict=True)
        },
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return packed.getvalue()


def _sheet(rows: Cells, namespace: str) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            _cell(f"{chr(65 + column)}{number}", text) for column, text in enumerate(row)
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    return f'<worksheet xmlns="{namespace}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(place: str, text: str) -> str:
    if not text:
        return f'<c r="{place}"/>'
    typed = text.replace(",", "")
    if typed.replace(".", "").replace("E-", "").isdigit():
        # As a spreadsheet does: the shortest decimals of the binary fraction may be 17 digits.
        return f'<c r="{place}"><v>{float(typed):.17g}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'
