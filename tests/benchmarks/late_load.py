"""A load into a store that holds a lot already, beside the same load into an empty store."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from tests.benchmarks.books import (
    Figures,
    generated_log,
    gigabytes,
    line_count,
    load,
    new_book,
    run_command,
    seconds,
)
from tests.benchmarks.growth import grow_events

BASE_LINES_MAX = 1_000_000


def bench_late_load(folder: Path, *, events: int, lines: int, rounds: int) -> Figures:
    """Time loads of the newest lines of a log, process start included.

    The store holds the lines before them, and the months before (`grow_events`). In each round the
    same lines are loaded into it and into an empty one; they are not those of another round.
    """
    base_lines = min(BASE_LINES_MAX, max(events // 8, lines))
    log = generated_log(folder, base_lines + rounds * lines)
    base, *parts = split(log, folder, parts=rounds, lines=lines)
    grown = new_book(folder / "grown")
    built_s = seconds(lambda: load(grown, base))
    counts: list[int] = []
    built_s += seconds(lambda: counts.append(grow_events(grown, events=events)))
    start_s = median(seconds(lambda: run_command(grown, "--version")) for _ in range(3))
    into_grown, into_empty, peaks = [], [], []
    for number, part in enumerate(parts):
        empty = new_book(folder / f"empty-{number}")
        into_empty.append(seconds(lambda book=empty, part=part: load(book, part)))  # type: ignore[misc]
        into_grown.append(seconds(lambda part=part: peaks.append(load(grown, part))))  # type: ignore[misc]
    pairs = list(zip(into_grown, into_empty, strict=True))
    return {
        "events_before": counts[0],
        "store_gigabytes": gigabytes(grown.store_path),
        "store_built_in_seconds": round(built_s),
        "lines": lines,
        "process_start_seconds": round(start_s, 2),
        "empty_store_seconds": round(median(into_empty), 2),
        "grown_store_seconds": round(median(into_grown), 2),
        "times_the_load_into_an_empty_store": round(median(a / b for a, b in pairs), 2),
        "the_same_without_process_start": round(
            median((a - start_s) / (b - start_s) for a, b in pairs), 2
        ),
        "peak_memory_gib": round(max(peaks), 2),
    }


def split(log: Path, folder: Path, *, parts: int, lines: int) -> Iterator[Path]:
    """Cut a log: the base first, and then its last lines, in parts of equal size."""
    sizes = [line_count(log) - parts * lines, *[lines] * parts]
    assert sizes[0] > 0, "the log is larger than what is loaded late"
    with log.open("rb") as source:
        for number, size in enumerate(sizes):
            path = folder / f"part-{number}.ndjson"
            with path.open("wb") as target:
                target.writelines(islice(source, size))
            yield path
    log.unlink()
