"""Where the shipped facts are: beside this module in a wheel, in `data/` of a clone."""

from pathlib import Path

_IN_WHEEL = Path(__file__).parent / "data"
_IN_CLONE = Path(__file__).parents[1] / "data"


def data_path(*parts: str) -> Path:
    """Name a file or folder of the shipped data."""
    root = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_CLONE
    return root.joinpath(*parts)
