"""Logs of webhooks as Hypothesis draws them: small, and full of what makes a bill go wrong."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

SENDERS = {"1001": "501", "1002": "501", "2001": "502", "9999": "509"}  # 9999 belongs to nobody
RECIPIENTS = ("5511987654321", "4915112345678", "919812345678", "12125550123", "77011234567")
USERS = ("US.13491208655302741918", "BR.22", "user.0f0f")
OCTOBER = (1790812800 - 86_400, 1793491200 + 86_400)  # a day more on both sides, in UTC
CATEGORIES = (
    *("marketing", "utility", "authentication", "service", "marketing_lite"),
    *("authentication-international", "authentication_international"),
)
TYPES = ("regular", "free_customer_service", "free_entry_point")

Payload = dict[str, Any]


@st.composite
def pricings(draw: st.DrawFn) -> Payload:
    kind = draw(st.sampled_from(TYPES))
    pricing: Payload = {
        "billable": kind == "regular",
        "pricing_model": "PMP",
        "category": draw(st.sampled_from(CATEGORIES)),
    }
    if draw(st.booleans()):
        pricing["type"] = kind
    return pricing


@st.composite
def reports_of_a_message(draw: st.DrawFn, number: int) -> list[Payload]:
    """Draw what the network says of one message: any statuses, with or without their pricing."""
    sender = draw(st.sampled_from(sorted(SENDERS)))
    sent_at = draw(st.integers(*OCTOBER))
    pricing, other = draw(pricings()), draw(pricings())
    names = st.sampled_from(("sent", "delivered", "read", "played", "failed", "deleted"))
    statuses = draw(st.lists(names, min_size=1, max_size=4))
    number_or_user = draw(st.sampled_from((*RECIPIENTS, *USERS)))
    payloads = []
    for status in statuses:
        item: Payload = {
            "id": f"wamid.message{number}",
            "status": status,
            "timestamp": str(sent_at + draw(st.integers(0, 3))),
        }
        item["recipient_user_id" if "." in number_or_user else "recipient_id"] = number_or_user
        said = draw(st.sampled_from((None, pricing, pricing, other)))
        if said is not None:
            item["pricing"] = said
        payloads.append(envelope(sender, statuses=[item]))
    return payloads


@st.composite
def inbound_messages(draw: st.DrawFn, number: int) -> list[Payload]:
    sender = draw(st.sampled_from(sorted(SENDERS)))
    item = {
        "id": f"wamid.inbound{number}",
        "from": draw(st.sampled_from(RECIPIENTS)),
        "timestamp": str(draw(st.integers(*OCTOBER))),
        "type": draw(st.sampled_from(("text", "image", "button"))),
    }
    return [envelope(sender, messages=[item])]


@st.composite
def logs(draw: st.DrawFn) -> list[str]:
    """Draw a log: lines of JSON, one payload each."""
    count = draw(st.integers(1, 12))
    payloads = [
        payload
        for number in range(count)
        for payload in draw(st.one_of(reports_of_a_message(number), inbound_messages(number)))
    ]
    return [json.dumps(payload) for payload in payloads]


@st.composite
def rearranged(draw: st.DrawFn, lines: list[str]) -> list[list[str]]:
    """Draw the same log in another order, with lines repeated, cut into any files."""
    repeated = [*lines, *draw(st.lists(st.sampled_from(lines), max_size=6))]
    shuffled = draw(st.permutations(repeated))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    bounds = [0, *cuts, len(shuffled)]
    files = [shuffled[start:end] for start, end in pairwise(bounds)]
    return [file for file in files if file]


def envelope(sender: str, **value: object) -> Payload:
    metadata = {"display_phone_number": "15550000000", "phone_number_id": sender}
    change = {
        "field": "messages",
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": SENDERS[sender], "changes": [change]}],
    }
