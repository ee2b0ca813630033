"""The rules of the tree that a reader should not have to check by eye."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT: dict[str, set[str]] = {
    "metering": set(),
    "pricing": {"metering"},
    "dashboards": {"metering", "pricing"},
    "data": set(),  # facts, and a script that stands alone
}
ONLY_IN = {
    "duckdb": ("metering/store.py", "pricing/archive.py", "dashboards/load.py", "data/generate.py"),
    "streamlit": ("dashboards/",),
    "altair": ("dashboards/",),
    "python_calamine": ("pricing/cards/sheet.py",),  # its cells are floats: text from there on
}
FUNCTION_LINES_MAX = 60  # lower it when the longest function gets shorter; never raise it
MODULE_LINES_MAX = 400

MODULES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
SQL_FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.sql"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level package of each import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_place_allows(path: Path) -> None:
    name = name_of(path)
    package = name.split("/")[0]

    for other in imported(ast.parse(path.read_text())):
        assert other == package or other not in MAY_IMPORT or other in MAY_IMPORT[package]
        assert name.startswith(ONLY_IN.get(other, (package,)))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES_MAX

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, f"{node.name} is long"


@pytest.mark.parametrize("path", [*MODULES, ROOT / "tollbook.py"], ids=name_of)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "its first line says what it is for"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_float_touches_money_or_quantities(path: Path) -> None:
    if name_of(path).split("/")[0] in ("metering", "pricing"):
        assert not re.search(r"\bfloat\(|Float64|Float32", path.read_text())


@pytest.mark.parametrize("path", SQL_FILES, ids=name_of)
def test_sql_says_what_a_row_is_and_uses_no_engine_hash(path: Path) -> None:
    text = path.read_text()

    assert text.startswith("-- ")
    assert not re.search(r"(?<!\w)hash\(", text), "hash() has 64 bits and no promise"
    assert not re.search(r"\bnow\(\)|current_timestamp|today\(\)", text), "no clock in SQL"
