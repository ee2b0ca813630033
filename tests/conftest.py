"""Settings that all tests share."""

import os

from hypothesis import HealthCheck, settings

# Documents of all months of the tests may be issued and paid, whatever the clock of a machine says.
os.environ.setdefault("TOLLBOOK_TODAY", "2027-12-31")
# Small frames, and as many workers as cores: threads would only wait for each other. In the deep
# profile they may, so that no result depends on the order in which they end.
if os.environ.get("TOLLBOOK_PROFILE", "fast") == "fast":
    os.environ.setdefault("POLARS_MAX_THREADS", "1")

# A slow machine is not a failed property: no deadline, and no complaint about slow examples.
common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fast", max_examples=10, **common)  # type: ignore[arg-type]
settings.register_profile("deep", max_examples=400, **common)  # type: ignore[arg-type]
settings.load_profile(os.environ.get("TOLLBOOK_PROFILE", "fast"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their parameter: packed ones hold the time, and every worker needs one name."""
    return argname if isinstance(val, bytes) else None
