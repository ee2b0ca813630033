"""How numbers, days and names are written for people; nothing here rounds an amount."""

import re
from datetime import date, datetime
from decimal import Decimal

from metering.period import Month
from pricing.money import amount_text

MONTHS = "January February March April May June July August September October November December"


def amount(minor: int, currency: str) -> str:
    """Write an amount with all decimals of its currency.

    Example:
        >>> amount(123456789, "USD"), amount(-5, "KWD"), amount(1200, "JPY")
        ('1,234,567.89', '-0.005', '1,200')
    """
    return f"{Decimal(amount_text(minor, currency)):,f}"


def exact(number: Decimal | None) -> str:
    """Write a quantity or a price with every digit that it has.

    Example:
        >>> exact(Decimal("0.071070000000")), exact(Decimal("12000.000000")), exact(None)
        ('0.07107', '12,000', '')
    """
    if number is None:
        return ""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(number: int) -> str:
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """Write a share in per cent, with one decimal.

    Example:
        >>> share(1, 3), share(0, 0)
        ('33.3 %', '')
    """
    return f"{Decimal(100 * part) / whole:.1f} %" if whole else ""


def month_name(month: str) -> str:
    """Name a month in words.

    Example:
        >>> month_name("2026-10")
        'October 2026'
    """
    found = Month.parse(month)
    return f"{MONTHS.split()[found.number - 1]} {found.year}"


def day(on: date) -> str:
    return f"{on.day} {MONTHS.split()[on.month - 1][:3]} {on.year}"


def instant(at: datetime) -> str:
    """Write an instant, which is in UTC.

    Example:
        >>> instant(datetime.fromisoformat("2026-11-03T23:49:19Z"))
        '3 Nov 2026, 23:49 UTC'
    """
    return f"{day(at)}, {at:%H:%M} UTC"


def plain(name: str) -> str:
    """Keep a name from being read as Markdown.

    Example:
        >>> print(plain("a_b *c*"))
        a\\_b \\*c\\*
    """
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~:$<>&])", r"\\\1", name)
