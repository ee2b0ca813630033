"""What a person reads on a printed document, and what a program finds in its file.

`golden/` holds the text of each page as a reader extracts it. After a change that is meant, write
them anew with TOLLBOOK_WRITE_GOLDEN=1 and read the difference.
"""

import io
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from metering.errors import TollbookError
from pricing.document import Document
from pricing.documents.details_csv import COLUMNS, details_csv
from pricing.documents.pdf import Printer, to_pdf
from pricing.documents.pdf_words import words_of
from pricing.documents.pdf_xmp import PROPERTIES
from tests.documents.made import BUYER, MADE, SELLER, VAT, detail, document, fee, line, styled

GOLDEN = Path(__file__).parent / "golden"
# All but Hindi, whose letters stand in another order than they are read: the reader that is used
# here does not put them back.
LANGUAGES = {
    "many kinds": ("ar", "de", "es", "fr", "he", "id", "it", "pt-BR"),
    "credit note": ("de", "es-ES"),
}
PRINTED: Mapping[str, Document] = {
    **{name.replace(" ", "-"): made for name, made in MADE.items()},
    **{
        f"{name.replace(' ', '-')}-{language}": styled(MADE[name], language=language)
        for name, languages in LANGUAGES.items()
        for language in languages
    },
}
XML = b'<?xml version="1.0" encoding="UTF-8"?><rsm:CrossIndustryInvoice/>'
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30">
<rect width="90" height="30" fill="#aa3311"/></svg>"""


@cache
def printed(name: str) -> bytes:
    return to_pdf(PRINTED[name])


@cache
def pages_of(name: str) -> tuple[str, ...]:
    return tuple(pages(printed(name)))


def pages(content: bytes) -> Iterator[str]:
    for page in PdfReader(io.BytesIO(content)).pages:
        lines = page.extract_text().splitlines()
        yield "\n".join(text.strip() for text in lines if text.strip())


def text_of(content: bytes) -> str:
    return "\n".join(pages(content))


def files_in(content: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def fonts_of(content: bytes) -> set[str]:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        resources = [page.Resources for page in pdf.pages]
        return {str(font.BaseFont) for found in resources for font in found.Font.values()}


# What is on the pages


@pytest.mark.parametrize("name", PRINTED)
def test_the_text_of_a_document_is_the_one_that_was_looked_at(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    text = "\n\f\n".join(pages_of(name)) + "\n"
    if os.environ.get("TOLLBOOK_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


def test_no_golden_text_is_left_of_a_document_that_is_no_more() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == sorted(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_the_totals_on_the_page_are_those_of_the_document(name: str) -> None:
    made = PRINTED[name]
    words = words_of(made.style.language)
    text = squeezed("".join(pages_of(name)))

    sums = [made.due, *([made.net, made.total] if made.taxes is not None else [])]
    sums += [tax.tax for tax in made.taxes or ()]
    for amount in sums:
        assert squeezed(words.money(amount, made.currency)) in text
    for shown in made.lines if made.style.lines == "by_charge" else ():
        assert squeezed(words.amount(shown.amount, made.currency)) in text


def squeezed(text: str) -> str:
    """Leave out blanks and the marks of direction: a reader gives them back as it likes."""
    return re.sub(r"[\s\u00a0\u200b\u200e\u200f\u202f\u2066-\u2069]", "", text)


def test_a_number_is_rounded_half_away_from_zero_before_it_is_written() -> None:
    """Babel by itself would make 2.66 of it."""
    half = line("messages", [detail("1", "2.665")])

    assert "€2.67" in text_of(to_pdf(document([half])))
    assert "€2.66" not in text_of(to_pdf(document([half])))


def test_decimals_of_a_currency_are_those_of_iso_4217() -> None:
    """The tables of Babel have none for the afghani, and two are its minor unit."""
    made = document([line("platform", [fee("12.5")], currency="AFN")])

    assert "AFN12.50" in squeezed(text_of(to_pdf(made)))


def squeezed_blanks(text: str) -> str:
    return re.sub(r"[\s\u00a0]+", " ", text)


def test_a_draft_is_marked_on_every_page_and_an_invoice_on_none() -> None:
    assert all("DRAFT" in page for page in pages(to_pdf(MADE["draft"])))
    assert "DRAFT" not in text_of(to_pdf(MADE["plain"]))


def test_a_page_says_which_of_how_many_it_is_and_whose() -> None:
    listed = list(pages(to_pdf(MADE["many lines"])))

    assert len(listed) > 2
    for number, text in enumerate(listed, 1):
        assert f"Page {number} of {len(listed)}" in text
        assert "INV-2026-00042" in text


def test_the_heading_of_the_lines_is_on_every_page_of_them() -> None:
    first, second, third, *_ = pages(to_pdf(MADE["many lines"]))

    for text in (first, second, third):
        assert "Description Quantity Unit price Tax Amount (EUR)" in text


def test_lines_of_several_accounts_stand_under_a_heading_with_a_subtotal() -> None:
    lines = [
        line("messages", [detail("10", "0.5")], account_id="north"),
        line("messages", [detail("30", "0.5")], account_id="south", cost_centre="4711"),
    ]
    text = text_of(to_pdf(document(lines)))

    assert text.index("north") < text.index("Subtotal 5.00") < text.index("south")
    assert "south · Cost centre 4711" in text
    assert "Subtotal 15.00" in text


def test_who_owes_nothing_is_not_asked_to_pay() -> None:
    for name in ("credit note", "nothing"):
        assert "IBAN" not in text_of(to_pdf(MADE[name]))
    assert "IBAN DE89 3704 0044 0532 0130 00" in squeezed_blanks(text_of(to_pdf(MADE["plain"])))


def test_the_annex_never_shows_what_the_seller_pays() -> None:
    secret = "0.0984 (card of 2026-10-01) x 1.15"
    cells = [detail("10", "0.1131", note=secret), detail("5", "0.2", "Spain", note=secret)]
    content = to_pdf(document([line("marketing", cells)]))

    assert "1.131" in text_of(content)
    assert "x 1.15" not in text_of(content)
    assert all(b"x 1.15" not in attached for attached in files_in(content).values())


def test_the_share_of_a_fee_says_why_its_amount_is_no_product() -> None:
    assert "26.870967741935 Oct 1, 2026 17 of 31 days" in text_of(to_pdf(MADE["plain"]))


def test_usage_is_shown_by_line_where_categories_do_not_add_up_to_the_deliveries() -> None:
    made = MADE["plain"]
    missing = made.model_copy(update={"days": made.days[:-1]})

    assert "Service 10,433 1,000" in text_of(to_pdf(made))
    assert "Service 10,433" not in text_of(to_pdf(missing))
    assert "Support messages 10,433 1,000" in text_of(to_pdf(missing))


def test_a_credit_note_of_an_amount_has_no_annex_and_no_quantities() -> None:
    bare = {"priced_quantity": Decimal(-1), "unit_price": Decimal("-6.87")}
    cell = fee("6.87").model_copy(update={**bare, "quantity": Decimal(0)})
    made = document(
        [line("platform", [cell], is_correction=True)], kind="credit_note", number="CN-1", days=()
    )
    (text,) = pages(to_pdf(made))

    assert "Platform 6.87" in text
    assert "Correction" not in text


def test_a_delivery_with_a_fee_beside_its_price_is_counted_once() -> None:
    network = [detail("60", "0.1"), detail("40", "0.2", category="utility")]
    beside = [detail("60", "0.01"), detail("40", "0.01", category="utility")]
    once = document([line("messages", network)])
    made = document([line("messages", network), line("platform", beside)], days=once.days)

    assert "Marketing 60 0" in text_of(to_pdf(made))


def test_an_unknown_language_is_english_also_in_its_numbers() -> None:
    assert list(pages(to_pdf(styled(MADE["taxed"], language="tlh")))) == list(
        pages(to_pdf(MADE["taxed"]))
    )


def test_a_pale_colour_of_the_seller_is_not_written_with() -> None:
    pale = squeezed_blanks(text_of(to_pdf(styled(MADE["plain"], color="#ffee88"))))

    assert "Amount due" in pale
    assert to_pdf(styled(MADE["plain"], color="#ffee88")) != to_pdf(MADE["plain"])


# What is in the file


@pytest.mark.parametrize("name", ["taxed", "many-lines", "right-to-left", "draft"])
def test_the_same_document_gives_the_same_bytes(name: str) -> None:
    made = PRINTED[name]
    used = Printer()
    used.print(MADE["credit note"])

    assert used.print(made) == used.print(made) == to_pdf(made)
    assert to_pdf(made, xml=XML) == to_pdf(made, xml=XML)


@pytest.mark.parametrize("name", ["taxed", "many-lines", "right-to-left"])
def test_the_file_is_sound_with_the_metadata_of_factur_x(name: str) -> None:
    """What stands behind the metadata has moved: a reader that had to repair it would say so."""
    alone, content = printed(name), to_pdf(PRINTED[name], xml=XML)

    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as pdf:
        assert pdf.check_pdf_syntax() == []
    assert list(pages(content)) == list(pages(alone))


def test_the_file_is_dated_as_the_document() -> None:
    read = PdfReader(io.BytesIO(to_pdf(MADE["plain"])))

    assert read.metadata is not None
    assert read.metadata.creation_date is not None
    assert read.metadata.creation_date.date() == date(2026, 11, 3)
    assert read.metadata.title == "Invoice INV-2026-00042"
    assert read.metadata.author == SELLER.name


def test_the_exact_details_are_attached_as_csv() -> None:
    files = files_in(to_pdf(MADE["taxed"]))
    rows = files["INV-2026-00042-details.csv"].decode().splitlines()

    assert rows[0] == ",".join(COLUMNS)
    assert rows[1] == (
        "acct-1/2026-10/1#marketing,marketing,acct-1,2026-10,deliveries,Germany,marketing,regular,,"
        "1204,1204,0.1131,136.1724,2026-10-01,two sources,billed,,,EUR"
    )
    assert len(rows) == 1 + sum(len(made.details) for made in MADE["taxed"].lines)


def test_a_spreadsheet_runs_no_cell_of_the_csv() -> None:
    made = document([line("=1+1", [detail("-1", "0.5", "@north")])])

    assert b",'=1+1,acct-1,2026-10,deliveries,'@north," in details_csv(made)
    assert b",-1,-1,0.5,-0.5," in details_csv(made)


def test_the_electronic_invoice_is_attached_as_an_alternative() -> None:
    content = to_pdf(MADE["taxed"], xml=XML)

    assert files_in(content)["factur-x.xml"] == XML
    with pikepdf.open(io.BytesIO(content)) as pdf:
        related = {str(spec.UF): str(spec.AFRelationship) for spec in pdf.Root.AF}
    assert related["factur-x.xml"] == "/Alternative"
    assert related["INV-2026-00042-details.csv"] == "/Supplement"


@pytest.mark.parametrize("xml", [None, XML], ids=["alone", "with-xml"])
def test_the_file_says_that_it_is_a_pdf_a_3b(xml: bytes | None) -> None:
    with pikepdf.open(io.BytesIO(to_pdf(MADE["taxed"], xml=xml))) as pdf:
        with pdf.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "B")
            for name, value, _ in PROPERTIES:
                found = metadata.get(
                    f"{{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}}{name}"
                )
                assert found == (None if xml is None else value)
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
    fonts = fonts_of(to_pdf(MADE["taxed"], xml=xml))
    assert fonts
    assert all("+NotoSans" in name for name in fonts), "embedded, and ours"


@pytest.mark.parametrize(
    ("language", "script"), [("ar", "Arabic"), ("he", "Hebrew"), ("hi", "Deva")]
)
def test_other_scripts_are_printed_in_letters_of_theirs(language: str, script: str) -> None:
    """PDF/A has no place for the box that stands for a missing one: Typst refuses to print it."""
    printed_in = to_pdf(styled(MADE["many kinds"], language=language))

    assert any(f"NotoSans{script}" in name for name in fonts_of(printed_in))


def test_a_letter_that_no_font_has_is_refused_with_a_remedy() -> None:
    made = document(
        [line("messages", [fee("1")])], buyer=BUYER.model_copy(update={"name": "東京株式会社"})
    )
    with pytest.raises(TollbookError) as caught:
        to_pdf(made)

    (problem,) = caught.value.problems
    assert problem.where == "INV-2026-00042"
    assert "東" in problem.what
    assert "folder fonts of the book" in problem.hint


def test_a_logo_that_is_no_picture_is_refused_with_a_remedy() -> None:
    made = styled(MADE["plain"], logo="logo.svg")
    with pytest.raises(TollbookError, match=r"the logo 'logo\.svg' is no picture"):
        to_pdf(made, logo=b"GIF89a")

    assert to_pdf(made, logo=SVG) != to_pdf(made)


def test_texts_of_the_book_are_never_taken_for_commands_of_the_template() -> None:
    name = '#panic("x") *bold* $a$ \\ <tag> @ref'
    made = document([line(name, [detail("1", "1")], tax=VAT)])

    assert '#panic("x") *bold* $a$ \\ <tag> @ref' in text_of(to_pdf(made))


def test_exact_amounts_keep_all_their_decimals() -> None:
    exact = Decimal("15241.578780673678505984")  # longer than a quantity or a price may be
    cells = [detail("2", "7620.789390336839252992"), detail("1", "0.5", "Spain")]
    made = styled(document([line("messages", cells)]), language="de")

    assert cells[0].amount == exact
    assert "15.241,578780673678505984" in text_of(to_pdf(made))
