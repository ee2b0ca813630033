"""Invoices and credit notes as PDF/A-3: a page for people, with what programs read attached.

The same document gives the same bytes: nothing in it comes from a clock, and only the fonts beside
this module and those of the book are used.
"""

import json
import re
from functools import cached_property
from pathlib import Path

import typst

from metering.errors import TollbookError
from pricing.document import Document
from pricing.documents.details_csv import details_csv, file_name
from pricing.documents.pdf_page import page_of
from pricing.documents.pdf_xmp import XML_NAME, with_factur_x

FOLDER = Path(__file__).parent
TEMPLATE = FOLDER / "invoice.typ"
FONTS = FOLDER / "fonts"
ENDINGS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg"}  # by how a picture begins


class Printer:
    """Prints documents, one after the other: fonts are read once.

    Args:
        fonts: A folder with more fonts, for scripts that those of Tollbook do not have.
    """

    def __init__(self, fonts: Path | None = None) -> None:
        self._folders = [FONTS] if fonts is None or not fonts.is_dir() else [FONTS, fonts]

    def print(
        self, document: Document, *, logo: bytes | None = None, xml: bytes | None = None
    ) -> bytes:
        """Print a document.

        Args:
            document: An invoice or a credit note; without a number, it is marked as a draft.
            logo: The seller's, as PNG, JPEG or SVG.
            xml: The same document as CII of EN 16931: with it, the PDF is a Factur-X.

        Raises:
            TollbookError: no font has a sign that the document needs, or the logo is no picture.
        """
        content = page_of(document)
        files = {file_name(document): details_csv(document)}
        content["attached"] = [_attached(file_name(document), "supplement", "text/csv", "Details")]
        if xml is not None:
            files[XML_NAME] = xml
            of_xml = _attached(XML_NAME, "alternative", "text/xml", "Factur-X")
            content["attached"].insert(0, of_xml)
        content["logo"] = None
        if logo is not None:
            content["logo"] = f"logo.{_ending(logo)}"
            files[content["logo"]] = logo
        files["content.json"] = json.dumps(content, ensure_ascii=False).encode()
        printed = self._compile({"main.typ": self._template, **files}, document)
        return printed if xml is None else with_factur_x(printed)

    def _compile(self, files: dict[str, bytes], document: Document) -> bytes:
        try:
            printed = self._compiler.compile(
                input=files,  # type: ignore[type-var] # files by name; its stub knows one alone
                format="pdf",
                pdf_standards="a-3b",
            )
        except typst.TypstError as error:
            raise _for_people(error, document) from error
        assert isinstance(printed, bytes)
        return printed

    @cached_property
    def _compiler(self) -> typst.Compiler:
        fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=self._folders
        )
        return typst.Compiler(font_paths=fonts)

    @cached_property
    def _template(self) -> bytes:
        return TEMPLATE.read_bytes()


def to_pdf(document: Document, *, logo: bytes | None = None, xml: bytes | None = None) -> bytes:
    """Print one document; for several, keep a `Printer`."""
    return Printer().print(document, logo=logo, xml=xml)


def _attached(name: str, relationship: str, mime_type: str, description: str) -> dict[str, str]:
    return {
        "name": name,
        "relationship": relationship,
        "mime_type": mime_type,
        "description": description,
    }


def _ending(picture: bytes) -> str:
    return next((name for head, name in ENDINGS.items() if picture.startswith(head)), "svg")


def _for_people(error: typst.TypstError, document: Document) -> Exception:
    where = document.number or document.invoice_id
    missing = re.search(r'the text `"(.+)"` could not be displayed', error.message)
    if missing:
        return TollbookError(
            f"no font has a letter for '{missing[1]}'",
            where=where,
            hint="put a font that has it, as TTF or OTF, into the folder fonts of the book",
        )
    if "image" in error.message or "SVG" in error.message:
        return TollbookError(
            f"the logo '{document.style.logo}' is no picture: {error.message}",
            where=where,
            hint="give a PNG, JPEG or SVG file in tollbook.toml, invoicing.logo",
        )
    return error
