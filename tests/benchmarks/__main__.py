"""Run the benchmarks and write their figures to `results/`: `python -m tests.benchmarks`.

Each figure is a ratio to something that runs beside it in the same minute, since machines are
noisy; the median of some rounds counts. Nothing here is an assertion.
"""

import json
import platform
import sys
import tempfile
from pathlib import Path

import duckdb

from tests.benchmarks.ingest import bench_ingest

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        figures = bench_ingest(Path(folder), lines=lines)
    report = {
        "benchmark": "ingest",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        **figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ingest.json").write_text(json.dumps(report, indent=2) + "\n")
    for name, figure in report.items():
        print(f"{name:38} {figure}")


if __name__ == "__main__":
    main()
