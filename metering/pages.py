"""The pages of the documentation, which ship with Tollbook: `tollbook docs`."""

from pathlib import Path

import click

from metering.door import nearest
from metering.errors import UsageError
from metering.output import errors_for_people

_IN_WHEEL = Path(__file__).parent / "docs"
_IN_CLONE = Path(__file__).parents[1] / "docs"


def pages() -> dict[str, Path]:
    """Name the pages, by what `tollbook docs` calls them."""
    root = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_CLONE
    found = sorted(root.glob("*.md")) + sorted((root / "decisions").glob("*.md"))
    return {path.relative_to(root).with_suffix("").as_posix(): path for path in found}


@click.command("docs")
@click.argument("page", required=False)
def docs_command(page: str | None) -> None:
    """Print a PAGE of the documentation, or list the pages."""
    with errors_for_people():
        found = pages()
        if page is None:
            width = max(map(len, found))
            for name, path in found.items():
                click.echo(f"{name:{width}}  {_title(path)}")
            return
        name = page.removeprefix("docs/").removesuffix(".md")
        if name not in found:
            hint = f"{nearest(name, [*found])}; tollbook docs lists them"
            raise UsageError(f"there is no page '{page}'", where="PAGE", hint=hint)
        click.echo(found[name].read_text(encoding="utf-8"), nl=False)


COMMANDS: list[click.Command] = [docs_command]


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()
