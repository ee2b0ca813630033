"""What the documentation says is so: links, commands, codes, reasons, columns and examples."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel

from metering import errors, output
from metering.account import Account, Sender
from metering.commands import MonthGroup
from metering.settings import Book, Settings
from metering.sources.tabular import OURS, Mapping, Time
from metering.store import CONTACT_KEYS, Store
from pricing.credit import Credit
from pricing.receivables.ageing import AMOUNTS
from pricing.receivables.opening_state import KEYS, StateRow
from pricing.receivables.openings import DocumentRow, SeriesRow
from pricing.receivables.payment_file import PaymentRow
from pricing.starter import FILES
from pricing.subscription import Holding, Subscription
from pricing.tax import Tax
from tollbook import main

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "metering", "pricing", "dashboards", "data")
PAGES = sorted([*ROOT.glob("*.md"), *(p for name in FOLDERS for p in (ROOT / name).rglob("*.md"))])
GUIDES = [page for page in PAGES if page.name != "CHANGELOG.md"]
FORMATS = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
RECEIVABLES = (ROOT / "docs" / "receivables.md").read_text(encoding="utf-8")
NUMBER = "4915112345678"  # the recipient in the examples of docs/formats.md
SENDER = "106540352242922"  # theirs, and that of the account in a new book


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def printed(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json").stdout)


def section(text: str, heading: str) -> str:
    """The text under a heading, up to the next one of its level or above."""
    level = heading.index(" ")
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, f"there is no heading '{heading}'"
    return found[1]


def first_cells(text: str) -> list[str]:
    """The names in the first column of the tables of a text, without their headings."""
    cells = re.findall(r"^\| *(`[^|]*?) *\|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def example(kind: str) -> str:
    found = re.search(rf"^```\w+ {kind}\n(.*?)^```", FORMATS, re.MULTILINE | re.DOTALL)
    assert found, f"there is no example '{kind}'"
    return found[1]


# Links and commands


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path) if path else page
        assert place.exists(), target
        if anchor:
            assert anchor in set(anchors(text_of(place))), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_that_names_a_decision_by_its_number_leads_to_it(page: Path) -> None:
    links = re.findall(r"\[[^\]]*?\b(0\d{3})\b[^\]]*\]\(([^)\s]+)\)", text_of(page))

    assert [(number, target) for number, target in links if f"{number}-" not in target] == []


def test_the_pages_are_listed_and_printed_by_a_command() -> None:
    """Where only the package is installed, the files of a new book name it."""
    listed = run("docs").stdout.splitlines()
    names = [row.split()[0] for row in listed]

    assert {*names} == {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
    }
    assert listed[names.index("plans")].split() == ["plans", "Plans"]
    for name in ("plans", "plans.md", "docs/plans.md"):
        assert run("docs", name).stdout == text_of(ROOT / "docs" / "plans.md")
    wrong = run("docs", "plan")
    assert (wrong.exit_code, "did you mean 'plans'?" in wrong.stderr) == (2, True)
    for content in FILES.values():
        assert "docs/" not in content
        assert {*re.findall(r"tollbook docs (\S+)", content)} <= {*names}


def anchors(text: str) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def calls(text: str) -> Iterator[str]:
    """The calls of `tollbook` in code: up to the end of the span or line, or a comment."""
    for call in re.findall(r"(?<![\w./\-\"])tollbook ([a-z][^`\n]*)", text):
        yield re.split(r"\s#|\s&&|\s>>|\s\|", call)[0]


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_every_command_that_is_named_exists(page: Path) -> None:
    for call in calls(text_of(page)):
        command: click.Command = main
        words = call.split()
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            names = words.pop(0).split("/")  # `invoice list/show` names two
            context = click.Context(command)
            known_names = set(command.list_commands(context))
            if isinstance(command, MonthGroup) and not set(names) & known_names:
                names = ["count"]  # a month stands where the name of a command may
            assert set(names) <= known_names, call
            command = command.get_command(context, names[0]) or command
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z][a-z-]*", call)) <= known, call


@pytest.mark.parametrize("page", ["README.md", "docs/policies.md"])
def test_the_tests_that_hold_the_promises_exist(page: str) -> None:
    named = re.findall(r"`(test_\w+)`", text_of(ROOT / page))
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", text_of(path), re.MULTILINE)
    }

    assert len(named) >= 8
    assert set(named) <= defined


@pytest.mark.parametrize("name", ["architecture.md", "operators.md"])
def test_the_exit_codes_are_those_of_the_errors(name: str) -> None:
    table = section(text_of(ROOT / "docs" / name), "## Exit codes")
    kinds: list[type[errors.TollbookError]] = [
        errors.TollbookError,
        *all_errors(errors.TollbookError),
    ]
    codes = {kind.exit_code for kind in kinds} | {output.DONE, output.FAILED, output.BLOCKED}
    codes.add(output.INTERRUPTED)

    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == sorted(codes)


def all_errors(kind: type[errors.TollbookError]) -> Iterator[type[errors.TollbookError]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from all_errors(inner)


# Formats


def test_the_reasons_of_quarantine_are_those_of_the_code() -> None:
    listed = first_cells(section(FORMATS, "## Quarantine reasons"))

    assert sorted(listed) == sorted({*reasons_in_sql(), *reasons_in_python()})


def reasons_in_sql() -> Iterator[str]:
    """A reason is a text of several words; nothing else in these files is, but one kind."""
    folder = ROOT / "metering" / "sql"
    names = ("macros", "stage_*", "unfold_rest", "name_*", "read_csv_rows")
    for path in sorted(path for name in names for path in folder.glob(f"{name}.sql")):
        code = re.sub(r"--.*", "", text_of(path))
        for text in re.findall(r"'([A-Za-z][\w.]*(?: [\w.]+)+)'", code):
            if text != "analytics responses" and not text.isupper():
                yield text


def reasons_in_python() -> Iterator[str]:
    tree = ast.parse(text_of(ROOT / "metering" / "files.py"))
    (function,) = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "why_not_json"
    )
    for statement in ast.walk(function):
        if isinstance(statement, ast.Return) and statement.value is not None:
            value = statement.value
            for node in [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]:
                assert isinstance(node, ast.Constant), "a reason is said in full"
                yield str(node.value)


def test_the_ignored_kinds_are_those_of_the_code() -> None:
    listed = first_cells(section(FORMATS, "### Ignored kinds"))
    tally = text_of(ROOT / "metering" / "sql" / "tally_staged.sql")
    kinds = set(re.findall(r"'ignored'(?: as outcome)?, '([^']+)'", tally))

    assert {*kinds, "analytics responses"} == set(listed)


@pytest.mark.parametrize(
    ("file", "model"),
    [
        ("accounts.csv", Account),
        ("senders.csv", Sender),
        ("subscriptions.csv", Subscription),
        ("add_ons.csv", Holding),
        ("taxes.csv", Tax),
        ("credits.csv", Credit),
    ],
)
def test_the_columns_of_the_files_of_a_book_are_those_of_the_models(
    file: str, model: type[BaseModel]
) -> None:
    listed = first_cells(section(FORMATS, f"### {file}"))

    assert sorted(listed) == sorted(set(model.model_fields) - {"line"})


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## Payments", PaymentRow),
        ("**documents.csv**", DocumentRow),
        ("**series.csv**", SeriesRow),
        ("**state.csv**", StateRow),
    ],
)
def test_the_columns_of_files_that_are_imported_are_those_of_the_models(
    heading: str, model: type[BaseModel]
) -> None:
    table = RECEIVABLES.partition(heading)[2].partition("| column |")[2].partition("\n\n")[0]

    assert sorted(first_cells(table)) == sorted(set(model.model_fields) - {"line"})


def test_the_kinds_of_state_and_the_ages_are_those_of_the_code() -> None:
    kinds = RECEIVABLES.partition("| kind |")[2].partition("\n\n")[0]

    assert first_cells(kinds) == [*KEYS]
    assert first_cells(section(RECEIVABLES, "## Ageing")) == [*AMOUNTS]


def test_the_keys_of_the_settings_and_of_a_mapping_are_those_of_the_models() -> None:
    tables = section(FORMATS, "## CSV and Parquet, by a mapping")
    keys, columns = tables.split("| column of ours |")
    known = set(Mapping.model_fields) - {"text", "time"}

    assert sorted(first_cells(section(FORMATS, "### tollbook.toml"))) == sorted(keys_of(Settings))
    assert sorted(first_cells(keys)) == sorted(
        known | {f"time.{name}" for name in Time.model_fields}
    )
    assert sorted(first_cells(columns)) == sorted(OURS)


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        models = [field.annotation, *get_args(field.annotation)]
        tables = [kind for kind in models if isinstance(kind, type) and issubclass(kind, BaseModel)]
        yield from (f"{name}.{key}" for table in tables for key in table.model_fields)
        if not tables:
            yield name  # a value beside the tables


def test_the_names_whose_values_are_hashed_in_cloud_events_are_listed() -> None:
    listed = set(re.findall(r"`(\w+)`", section(FORMATS, "## CloudEvents")))

    assert set(CONTACT_KEYS) <= listed


# Examples: each is loaded into a book of its own, and documents have the keys that are shown.


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("docs") / "book"
    assert run("init", str(root)).exit_code == 0
    for kind, ending in {"mapping": "toml", "table": "csv", "cloudevent": "ndjson"}.items():
        (root / f"{kind}.{ending}").write_text(example(kind), encoding="utf-8")
    (root / "on-premises.ndjson").write_text(example("on-premises"), encoding="utf-8")
    wrong = example("webhook").replace('"1790852400"', '"1790852400000"')
    (root / "webhook.ndjson").write_text(example("webhook") + wrong, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def loaded(book: Path) -> Any:
    logs = [str(book / f"{name}.ndjson") for name in ("webhook", "on-premises", "cloudevent")]
    table = [str(book / "table.csv"), "--mapping", str(book / "mapping.toml")]
    return printed("ingest", *logs, *table, "--sender", SENDER, "--book", str(book))


def test_the_examples_of_every_format_load(loaded: Any) -> None:
    outcome = {Path(load["name"]).stem: load for load in loaded["loads"]}

    assert {load["state"] for load in outcome.values()} == {"loaded"}
    assert outcome["webhook"]["quarantined"] == {"timestamp is in milliseconds": 1}
    accepted = {name: load["accepted"] for name, load in outcome.items()}
    assert accepted == {"webhook": 1, "on-premises": 1, "cloudevent": 1, "table": 2}


def test_the_examples_become_deliveries(book: Path, loaded: Any) -> None:
    assert loaded
    usage = printed("usage", "2026-10", "--by", "account,channel,market", "--book", str(book))

    whatsapp = {"account": "example", "channel": "whatsapp", "market": "Germany", "quantity": "2"}
    assert usage["rows"] == [{**whatsapp, "channel": "sms", "quantity": "1"}, whatsapp]


def test_no_number_of_the_examples_stays_in_the_store(book: Path, loaded: Any) -> None:
    """The quarantine alone holds raw text."""
    assert loaded
    at = Book.at(book)
    with Store.open(at, at.settings()) as store:
        tables = store.frame("select table_name from duckdb_tables() where not temporary")
        kept = {
            name: str(store.frame(f"select * from {name}").rows())
            for name in tables["table_name"].to_list()
        }

    assert NUMBER in kept.pop("quarantine")
    for name, text in kept.items():
        assert NUMBER not in text, name
        assert "EXAMPLE1" not in text, f"{name} holds a message id, which may hold a number"


def test_the_documents_have_the_keys_that_are_shown(book: Path, loaded: Any) -> None:
    where = ("--book", str(book))
    shown = {}
    for block in re.findall(r"^```json\n(.*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL):
        document = json.loads(block)
        shown[document["schema"]] = document
    by = ("--by", "account,market,category")
    made = [
        loaded,
        printed("usage", "2026-10", *by, *where),
        printed("bill", "2026-10", *where),
        printed("invoice", "show", "example/2026-10/1", *where),
        printed("quarantine", "list", *where),
    ]

    assert [document["schema"] for document in made] == list(shown)
    for document in made:
        check_keys(document, shown[document["schema"]], document["schema"])


def check_keys(made: Any, shown: Any, place: str) -> None:
    counts = ("ignored", "quarantined", "unknown_fields", "free")  # their keys are data
    if isinstance(made, dict) and not place.endswith(counts):
        assert list(made) == list(shown), place
        for name, value in made.items():
            check_keys(value, shown[name], f"{place} {name}")
    elif isinstance(made, list) and made and shown:
        check_keys(made[0], shown[0], place)
    else:
        assert type(made) is type(shown) or None in (made, shown), place


def test_the_invoice_of_the_guide_is_that_of_the_demo(tmp_path: Path) -> None:
    pages = ("docs/guide-finance.md", "README.md")
    guide = "\n".join(text_of(ROOT / page) for page in pages)
    book = str(tmp_path / "pencil")
    demo = run("demo", book, "--accounts", "20", "--messages", "2000")
    bill = run("invoice", "show", "acct-00012/2026-10/1", "--book", book)
    line = run("invoice", "explain", "acct-00012/2026-10/1#marketing", "--book", book)

    said = {row.rstrip() for result in (demo, bill, line) for row in result.output.splitlines()}
    blocks = re.findall(r"^```\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    rows = [row for block in blocks if "─" not in block for row in block.splitlines()]
    assert len(rows) > 20
    for row in rows:
        assert row in said or row.startswith("$ ") or row == " ...", row
