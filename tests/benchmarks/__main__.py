"""Run the benchmarks and write their figures to `results/`: `python -m tests.benchmarks`.

Each figure is a ratio to something that runs beside it in the same minute, since machines are
noisy; the median of some rounds counts. Nothing here is an assertion.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.benchmarks.billing import bench_bill
from tests.benchmarks.books import Figures, seconds
from tests.benchmarks.documents import bench_documents
from tests.benchmarks.ingest import bench_ingest
from tests.benchmarks.late_load import bench_late_load
from tests.benchmarks.usage import bench_usage
from tests.benchmarks.views import bench_views

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Benchmark:
    """What can be run by its name."""

    run: Callable[[Path, argparse.Namespace], Figures]
    what: str
    minutes: int  # on two cores, at the sizes that it has by itself
    gigabytes: int  # of disk


BENCHMARKS = {
    "ingest": Benchmark(
        lambda folder, size: bench_ingest(
            folder, lines=size.lines, rounds=size.rounds, has_postgres=True
        ),
        "--lines into an empty store, beside the bare read and PostgreSQL",
        3,
        4,
    ),
    "ingest_large": Benchmark(
        lambda folder, size: bench_ingest(
            folder, lines=size.large_lines, rounds=1, has_postgres=False
        ),
        "--large-lines into an empty store, once, beside the bare read",
        8,
        8,
    ),
    "late_load": Benchmark(
        lambda folder, size: bench_late_load(
            folder, events=size.events, lines=size.late_lines, rounds=size.rounds
        ),
        "--late-lines into a store of --events, beside the same into an empty one",
        10,
        8,
    ),
    "usage": Benchmark(
        lambda folder, size: bench_usage(folder, deliveries=size.deliveries, rounds=size.rounds),
        "usage of a month of --deliveries, beside the bare count",
        4,
        6,
    ),
    "bill": Benchmark(
        lambda folder, size: bench_bill(folder, deliveries=size.billed, rounds=size.rounds),
        "a month of --billed deliveries to draft invoices, beside the bare count",
        4,
        6,
    ),
    "documents": Benchmark(
        lambda folder, size: bench_documents(folder, documents=size.documents, rounds=size.rounds),
        "--documents of ten lines to PDF on one core, beside large ones",
        1,
        1,
    ),
    "views": Benchmark(
        lambda folder, size: bench_views(
            folder,
            accounts=size.accounts,
            months=size.months,
            rows=size.usage_rows,
            rounds=size.rounds,
        ),
        "each view of the dashboard on --accounts and --months, beside 20 times fewer",
        5,
        3,
    ),
}


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    for name in options.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        print(
            f"{name}: {benchmark.what}; at full size some {benchmark.minutes} minutes"
            f" and {benchmark.gigabytes} GB of disk",
            flush=True,
        )
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            figures: Figures = {}
            elapsed = seconds(lambda: figures.update(benchmark.run(Path(folder), options)))  # noqa: B023
        report = {
            "benchmark": name,
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
            **figures,
            "minutes": round(elapsed / 60, 1),
        }
        options.results.mkdir(exist_ok=True)
        path = options.results / f"{name}.json"
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        for key, figure in report.items():
            print(f"  {key:38} {'' if isinstance(figure, dict) else figure}".rstrip(), flush=True)
            for part, own in figure.items() if isinstance(figure, dict) else ():
                print(f"    {part:36} {own}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Benchmarks: " + "; ".join(f"{n}: {b.what}" for n, b in BENCHMARKS.items()),
    )
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--large-lines", type=int, default=5_000_000)
    parser.add_argument("--late-lines", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--deliveries", type=int, default=20_000_000)
    parser.add_argument("--billed", type=int, default=10_000_000)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--usage-rows", type=int, default=1_000_000, help="each month")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the logs and stores of a run lie")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the figures go")
    return parser


if __name__ == "__main__":
    main()
