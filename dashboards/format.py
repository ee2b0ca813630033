"""How numbers, days and names are written for people; nothing here rounds an amount.

Numbers have the marks of the reader, and those of English as long as nobody says who reads.
"""

import re
from datetime import date, datetime
from decimal import Decimal

from dashboards.marks import written
from dashboards.span import Span
from metering.period import Month
from pricing.money import amount_text

MONTHS = "January February March April May June July August September October November December"


def amount(minor: int, currency: str) -> str:
    """Write an amount with all decimals of its currency.

    Example:
        >>> amount(123456789, "USD"), amount(-5, "KWD"), amount(1200, "JPY")
        ('1,234,567.89', '-0.005', '1,200')
    """
    return written(f"{Decimal(amount_text(minor, currency)):,f}")


def signed_amount(minor: int, currency: str) -> str:
    """Write a difference of amounts with its sign.

    Example:
        >>> signed_amount(500, "USD"), signed_amount(-5, "USD"), signed_amount(0, "JPY")
        ('+5.00', '-0.05', '0')
    """
    return ("+" if minor > 0 else "") + amount(minor, currency)


def exact(number: Decimal | None) -> str:
    """Write a quantity or a price with every digit that it has.

    Example:
        >>> exact(Decimal("0.071070000000")), exact(Decimal("12000.000000")), exact(None)
        ('0.07107', '12,000', '')
    """
    if number is None:
        return ""
    text = f"{number:,f}"
    return written(text.rstrip("0").rstrip(".") if "." in text else text)


def count(number: int) -> str:
    return written(f"{number:,}")


def signed(number: int) -> str:
    """Write a change with its sign.

    Example:
        >>> signed(1200), signed(-3), signed(0)
        ('+1,200', '-3', '0')
    """
    return written(f"{number:+,}") if number else "0"


def change(now: int, before: int) -> str:
    """Write by how much per cent a number changed; nothing where there was none before.

    Example:
        >>> change(150, 100), change(1, 3), change(7, 7), change(5, 0)
        ('+50.0 %', '-66.7 %', '0.0 %', '')
    """
    if not before:
        return ""
    if now == before:
        return written("0.0 %")
    return written(f"{Decimal(100 * (now - before)) / before:+,.1f} %")


def short(number: int) -> str:
    """Write a large number with three figures.

    Example:
        >>> short(1234567), short(45300), short(999), short(-25_000_000_000)
        ('1.23 M', '45.3 k', '999', '-25.0 G')
    """
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if abs(number) >= size:
            divisor = 10**3 if unit == "k" else size
            scaled = Decimal(number) / divisor
            places = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return written(f"{scaled:.{places}f} {unit}")
    return written(f"{number:,}")


def size(byte_count: int) -> str:
    """Write a size in units of 1000 bytes.

    Example:
        >>> size(999), size(12_300_000)
        ('999 B', '12.3 MB')
    """
    for scale, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if byte_count >= scale:
            return written(f"{Decimal(byte_count) / scale:.1f} {unit}")
    return f"{byte_count} B"


def duration(milliseconds: int) -> str:
    """Write how long something took.

    Example:
        >>> duration(850), duration(61_000)
        ('0.8 s', '1 min 1 s')
    """
    if milliseconds < 60_000:
        return written(f"{Decimal(milliseconds) / 1000:.1f} s")
    return f"{milliseconds // 60_000} min {milliseconds // 1000 % 60} s"


def days(span: Span) -> str:
    """Write a span of days.

    Example:
        >>> from datetime import date
        >>> days(Span(date(2026, 10, 1), date(2026, 10, 31))), days(Span(*[date(2026, 10, 1)] * 2))
        ('October 2026', '1 Oct 2026')
        >>> days(Span(date(2026, 10, 1), date(2026, 10, 9)))
        '1-9 Oct 2026'
    """
    if span.first == span.last:
        return day(span.first)
    month = Month.of(span.first)
    if span == Span(month.first_day, month.last_day):
        return month_name(str(month))
    if month == Month.of(span.last):
        return f"{span.first.day}-{day(span.last)}"
    return f"{day(span.first)} - {day(span.last)}"


def share(part: int, whole: int) -> str:
    """Write a share in per cent, with one decimal.

    Example:
        >>> share(1, 3), share(0, 0)
        ('33.3 %', '')
    """
    return written(f"{Decimal(100 * part) / whole:,.1f} %") if whole else ""


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


def moment(at: datetime) -> str:
    """Write an instant, which is in UTC, to the second; one after the other when sorted as text.

    Example:
        >>> moment(datetime.fromisoformat("2026-11-03T23:49:19Z"))
        '2026-11-03 23:49:19 UTC'
    """
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def plain(name: str) -> str:
    """Keep a name from being read as Markdown.

    Example:
        >>> print(plain("a_b *c*"))
        a\\_b \\*c\\*
    """
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~:$<>&])", r"\\\1", name)
