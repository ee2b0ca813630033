"""Check a FOCUS export with the official validator: a script for people, not for CI.

    python -m tests.documents.exports.validate_focus [export.parquet]

Without a file, the documents that the tests are made of are checked. The validator pins an older
NumPy than ours, so that it gets an environment of its own, in build/focus-validator; it is made at
the first call. On Python 3.11 only version 2.0.2 works, which declares that it does not.
"""

import re
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

PLACE = Path("build/focus-validator")
PACKAGES = ("focus-validator==2.0.2", "pyarrow<20")
SUPPORTED = (
    *("ACCOUNT_NAMING", "NEGOTIATED_PRICING", "PUBLIC_PRICE_LIST", "USAGE_MEASUREMENT"),
    *("UNIT_PRICING", "SUB_ACCOUNT", "MULTIPLE_SUB_ACCOUNT_TYPES"),
    *("MULTIPLE_BILLING_ACCOUNT_TYPES", "MULTIPLE_PRICING_CATEGORIES"),
    "PRICING_BILLING_CURRENCY_DIFFERENCES",
)
# The rules of the model whose condition the validator does not know: it fails whatever is right.
UNAVOIDABLE = {
    "InvoiceId-C-004-C",  # null where there is no invoice: every invoice id fails
    "EffectiveCost-C-005-C",  # 0 of purchases of what is used later: every fee fails
}


def main(file: Path) -> int:
    validator = _installed()
    command = [
        *(str(validator), "--data-file", str(file.resolve()), "--validate-version", "1.2"),
        *("--block-download", "--show-violations", "--applicability-criteria"),
        ",".join(f"{name}_SUPPORTED" for name in SUPPORTED),
    ]
    packages = next((PLACE / "lib").glob("python*/site-packages"))
    # It opens a file of its own relative to the working directory, and always ends with 0.
    done = subprocess.run(command, cwd=packages, capture_output=True, text=True, check=False)
    total = re.search(r"Total: \d+ \| Pass: \d+ .*", done.stdout)
    if total is None:
        print(done.stdout, done.stderr, sep="\n")
        return 1
    failed = set(re.findall(r"^\S+ (\S+): FAIL", done.stdout, re.MULTILINE))
    print(total[0])
    print("unavoidable:", *sorted(failed & UNAVOIDABLE))
    print("failed:", *(sorted(failed - UNAVOIDABLE) or ["none"]))
    return 1 if failed - UNAVOIDABLE else 0


def _installed() -> Path:
    validator = PLACE.resolve() / "bin" / "focus-validator"
    if not validator.exists():
        venv.create(PLACE, with_pip=True)
        pip = [str(PLACE / "bin" / "pip"), "install", "--quiet", "--ignore-requires-python"]
        subprocess.run([*pip, *PACKAGES], check=True)
    return validator


def _made(folder: Path) -> Path:
    from tests.documents.exports.test_focus import focus
    from tests.documents.made import MADE

    focus(*MADE.values()).write_parquet(folder / "made.parquet")
    return folder / "made.parquet"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else _made(Path(folder))))
