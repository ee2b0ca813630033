"""Units: what there is to count, and what a unit knows of itself. A meter names one of these.

Whose a unit is, and when it was, every unit tells; the rest depends on its kind.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from metering.dimension import OF_MESSAGES, Dimension
from metering.door import Written

NamedRule = Literal["network", "whatsapp-2022", "whatsapp-2023-06"]
Direction = Literal[
    "inbound", "outbound", "echo", "history", "call", "consent", "send", "identity", "account"
]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)]


class _Source(Written):
    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What a unit of this source knows of itself, beside its owner and its time."""
        return ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What else an aggregation or a filter may name."""
        return ()


class Deliveries(_Source):
    """Messages that were delivered, at their delivery."""

    kind: Literal["deliveries"] = "deliveries"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return (*OF_MESSAGES, "reported_cost")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("contact",)


class OwnRule(Written):
    """A seller's own rule of what makes a conversation."""

    hours: Annotated[int, Field(ge=1, le=8784)] = 24
    opener: Literal["business", "user", "any"] = "business"
    each: Literal["contact", "contact_and_category"] = "contact"
    scope: Literal["sender", "account"] = "sender"


class Conversations(_Source):
    """Conversations by a rule, at their opening delivery."""

    kind: Literal["conversations"] = "conversations"
    rule: Annotated[
        Annotated[NamedRule, Tag("~named")] | Annotated[OwnRule, Tag("~own")],
        Discriminator(lambda rule: "~named" if isinstance(rule, str) else "~own"),
    ] = "network"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(name for name in OF_MESSAGES if name != "status")


class Failures(_Source):
    """Messages that failed and were never delivered, when they failed."""

    kind: Literal["failures"] = "failures"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return OF_MESSAGES

    @property
    def columns(self) -> tuple[str, ...]:
        return ("contact", "error_code")


class Events(_Source):
    """Events of a direction, each at its earliest report."""

    kind: Literal["events"] = "events"
    direction: Direction

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return ("channel", "market", "country", "category", "status")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("contact", "message_type", "error_code")


class Messages(_Source):
    """Deliveries and inbound messages together: who was in touch."""

    kind: Literal["messages"] = "messages"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return ("channel", "market", "country", "status")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("contact",)


class Calls(_Source):
    """Calls, when they end."""

    kind: Literal["calls"] = "calls"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return ("channel", "market", "country")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("contact", "message_type", "duration_seconds")


class Senders(_Source):
    """Senders that `senders.csv` gives an account, and senders of its wabas with a delivery."""

    kind: Literal["senders"] = "senders"


def _as_list(types: object) -> object:
    return (types,) if isinstance(types, str) else types


class CloudEvents(_Source):
    """CloudEvents of some types."""

    kind: Literal["cloud_events"] = "cloud_events"
    type: Annotated[Words, BeforeValidator(_as_list)]

    @property
    def columns(self) -> tuple[str, ...]:
        return ("type", "subject", "source")


Source = Annotated[
    Deliveries | Conversations | Failures | Events | Messages | Calls | Senders | CloudEvents,
    Field(discriminator="kind"),
]
