"""`tollbook invoice xml`, from a book to its files: what is written, what is said, how it ends."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from pricing.commands import xml as xml_commands
from pricing.document import Document
from pricing.documents.en16931 import to_xml
from pricing.documents.en16931_codes import Profile
from pricing.documents.en16931_reading import Reading, read_amounts
from tests.documents.xml.official import verdict
from tollbook import main

SELLER = """
[seller]
name = "Parcel Cloud"
legal_name = "Parcel Cloud GmbH"
country = "DE"
time_zone = "Europe/Berlin"
currency = "USD"
address_line_1 = "Torstraße 100"
postal_code = "10119"
city = "Berlin"
vat_id = "DE136695976"
iban = "DE89370400440532013000"
electronic_address = "DE136695976"
electronic_address_scheme = "9930"

[invoicing]
may_void = true
"""
ACCOUNTS = """\
account_id,name,legal_name,country,vat_id,buyer_reference,electronic_address,electronic_address_scheme
acme,Juniper,Juniper Logistics GmbH,DE,DE811193231,unit 7,DE811193231,9930
gone,Gone,Gone GmbH,DE,,,,
late,Late,Late GmbH,DE,,,,
nowhere,Nowhere,Nowhere Ltd,,,,,
"""
TAXES = """\
treatment,rate_ratio,name
standard,0.19,VAT
"""

Run = Callable[..., Result]


def called(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--book", str(root)], catch_exceptions=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book with two issued invoices, a void one and a draft."""
    root = tmp_path_factory.mktemp("made") / "book"
    CliRunner().invoke(main, ["init", str(root)], catch_exceptions=False)
    (root / "tollbook.toml").write_text(SELLER, encoding="utf-8")
    (root / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    names = ("acme", "gone", "late", "nowhere")
    plans = "".join(f"{name},starter,,\n" for name in names)
    (root / "subscriptions.csv").write_text(f"account_id,plan,effective_from,effective_to\n{plans}")
    (root / "senders.csv").write_text("sender_id,account_id\n15550001111,acme\n")
    (root / "add_ons.csv").unlink()
    (root / "taxes.csv").write_text(TAXES)
    issued = [f"{name}/2026-10/1" for name in names if name != "late"]
    gone = ("gone/2026-10/1", "--reason", "was a test")
    for call in (
        ("bill", "2026-10"),
        ("invoice", "approve", *issued),
        ("invoice", "issue", *issued, "--date", "2026-11-03"),
        ("invoice", "void", *gone),
    ):
        assert called(root, *call).exit_code == 0
    return root


@pytest.fixture
def book(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "book"))


@pytest.fixture
def run(book: Path) -> Run:
    return partial(called, book)


def shown(run: Run, name: str) -> Document:
    return Document.of(json.loads(run("invoice", "show", name, "--format", "json").stdout))


def read(content: bytes) -> Reading:
    return read_amounts(etree.fromstring(content))


@pytest.mark.parametrize("name", ["acme/2026-10/1", "INV-2026-00001"])
def test_one_document_is_printed_by_its_id_or_its_number(run: Run, name: str) -> None:
    result = run("invoice", "xml", name)

    assert result.exit_code == 0
    assert result.stdout_bytes == to_xml(shown(run, name), "facturx")
    assert verdict(result.stdout_bytes, "facturx").broken == ()
    assert result.stderr == ""


def test_one_document_is_written_to_a_file_in_the_profile_asked_for(run: Run, book: Path) -> None:
    path = book / "here" / "one.xml"

    result = run("invoice", "xml", "INV-2026-00001", "--profile", "peppol", "--out", str(path))

    assert result.exit_code == 0
    assert verdict(path.read_bytes(), "peppol").broken == ()
    assert [found.name for found in path.parent.iterdir()] == ["one.xml"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere/2026-10/1", "INV-2026-00003 buyer\n  the buyer has no country (BR-11)\n"),
        ("gone/2026-10/1", "INV-2026-00002 state\n  the document is void\n"),
        ("late/2026-10/1", "late/2026-10/1 number\n  a draft has neither a number nor a date"),
    ],
)
def test_what_is_refused_is_said_with_the_reason_and_ends_with_three(
    run: Run, name: str, said: str
) -> None:
    result = run("invoice", "xml", name)

    assert result.exit_code == 3
    assert result.stdout_bytes == b""
    assert result.stderr.startswith(said)
    assert "\n  Hint: " in result.stderr


def test_what_does_not_add_up_is_not_written_and_ends_with_four(
    run: Run, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book / "one.xml"
    call = ("invoice", "xml", "INV-2026-00001", "--out", str(path))
    monkeypatch.setattr(xml_commands, "to_xml", _with_a_cent_more)

    result = run(*call)

    assert result.exit_code == 4
    assert "BR-CO-16: BT-115 is 58.32, and should be 58.31" in result.stderr
    assert not path.exists()
    assert run(*call, "--no-check").exit_code == 0
    assert path.exists()


def _with_a_cent_more(document: Document, profile: Profile) -> bytes:
    content = to_xml(document, profile)
    due = f"<ram:DuePayableAmount>{document.due}".encode()
    assert due in content
    return content.replace(due, due[:-1] + bytes([due[-1] + 1]))


def test_all_of_a_month_go_into_the_folder_of_documents_and_each_reason_is_listed(
    run: Run, book: Path
) -> None:
    as_json = run("invoice", "xml", "--all", "2026-10", "--format", "json")
    table = run("invoice", "xml", "--all", "2026-10")

    assert (as_json.exit_code, table.exit_code) == (3, 3)
    assert [
        (row["number"], row["outcome"], row["reason"]) for row in json.loads(as_json.stdout)["rows"]
    ] == [
        ("INV-2026-00001", "written", None),
        ("INV-2026-00003", "refused", "the buyer has no country (BR-11)"),
    ]
    assert "the buyer has no country" in table.stdout
    assert "INV-2026-00001" not in table.stdout
    assert table.stderr == (
        "not written, since they are not issued: 1 draft, 1 void\n1 written, 1 refused, 0 wrong\n"
    )
    (path,) = (book / "documents/2026").iterdir()
    assert path.name == "INV-2026-00001.xml"
    assert path.read_bytes() == to_xml(shown(run, "INV-2026-00001"), "facturx")


def test_the_profiles_have_files_of_their_own_in_the_folder_asked_for(run: Run, book: Path) -> None:
    for profile in ("facturx", "peppol"):
        run("invoice", "xml", "--all", "2026-10", "--profile", profile, "--out", str(book / "sent"))

    assert sorted(path.name for path in (book / "sent/2026").iterdir()) == [
        "INV-2026-00001.peppol.xml",
        "INV-2026-00001.xml",
    ]


def test_one_that_does_not_add_up_decides_how_the_month_ends(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_commands, "to_xml", _with_a_cent_more_in_the_first)

    result = run("invoice", "xml", "--all", "2026-10", "--format", "csv")

    assert result.exit_code == 4
    assert result.stderr.endswith("0 written, 1 refused, 1 wrong\n")


def _with_a_cent_more_in_the_first(document: Document, profile: Profile) -> bytes:
    is_first = document.number == "INV-2026-00001"
    return _with_a_cent_more(document, profile) if is_first else to_xml(document, profile)


def test_credit_notes_for_parts_of_an_invoice_are_taxed_together_and_all_of_them_are_valid(
    run: Run,
) -> None:
    invoice = read(run("invoice", "xml", "INV-2026-00001").stdout_bytes)
    notes = []
    for number in range(1, 4):
        amount = () if number == 3 else ("--amount", "0.13")
        call = ("invoice", "credit", "INV-2026-00001", *amount, "--reason", "late")
        assert run(*call).exit_code == 0
        name = f"acme/2026-10/{number + 1}"
        assert run("invoice", "approve", name).exit_code == 0
        assert run("invoice", "issue", name, "--date", "2026-11-03").exit_code == 0
        content = run("invoice", "xml", name, "--profile", "peppol").stdout_bytes
        assert verdict(content, "peppol").broken == ()
        notes.append(read(content))

    assert [str(note.totals["BT-110"]) for note in notes] == ["0.02", "0.03", "9.26"]
    for total in ("BT-109", "BT-110", "BT-112"):
        assert sum(note.totals[total] for note in notes) == invoice.totals[total]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "what is to be written is not said, or said twice"),
        (("acme", "--all", "2026-10"), "what is to be written is not said, or said twice"),
        (("--all", "October"), "'October' is not a month"),
        (("INV-2026-00009",), "there is no invoice 'INV-2026-00009'"),
    ],
)
def test_a_call_that_means_nothing_ends_with_two(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    result = run("invoice", "xml", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
