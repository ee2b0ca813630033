"""Letters that no font has are said by `tollbook check`, before a document is issued with them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pricing.documents.pdf_letters import missing_letters
from tollbook import main

NOWHERE = Path("/nowhere")


@pytest.mark.parametrize(
    ("letters", "missing"),
    [
        ("\u0416\u05db\u0623\u0928", ""),  # Cyrillic, Hebrew, Arabic, Devanagari
        ("\uff1d\u0416\u6771", "\uff1d\u6771"),
        ("", ""),
    ],
)
def test_letters_that_no_font_has_are_found(letters: str, missing: str) -> None:
    assert missing_letters({*letters}, NOWHERE) == {*missing}


def test_a_check_warns_of_a_name_that_cannot_be_printed(tmp_path: Path) -> None:
    book = str(tmp_path / "book")
    assert CliRunner().invoke(main, ["init", book]).exit_code == 0
    path = tmp_path / "book" / "accounts.csv"
    rows = path.read_text().splitlines()
    names = rows[0].split(",")
    for account_id, name in (("wide", "A\uff1dB"), ("plain", "\u0416")):
        cells = {"account_id": account_id, "name": name}
        rows.append(",".join(cells.get(one, "") for one in names))
    path.write_text("\n".join(rows) + "\n")
    shown = CliRunner().invoke(main, ["check", "--book", book])

    assert shown.exit_code == 0, shown.output
    assert "warning: accounts.csv account_id wide" in shown.stdout
    assert "no font has a letter for '\uff1d'" in shown.stdout
    assert "account_id plain" not in shown.stdout
