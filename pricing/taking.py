"""What a meter means to a charge: whether it answers for deliveries, and what a card prices."""

from metering.aggregation import Count, Sum
from metering.meter import DELIVERIES, Meter
from metering.unit import Calls, Conversations, Deliveries

DEFAULT_COMPONENT = "network"
# The category of a card's minutes: the network names none for a call.
CATEGORY_OF_MINUTES = "call"


def accounts_for_deliveries(meter: Meter) -> bool:
    """Say whether a charge on a meter answers for deliveries, which must not be left out.

    It does if it takes each delivery itself, or the conversation that a delivery is part of.
    """
    return meter.meter == DELIVERIES or isinstance(meter.source, Conversations)


def has_own_categories(meter: Meter) -> bool:
    """Say whether the categories of a meter's conversations are others than those of deliveries."""
    return isinstance(meter.source, Conversations) and meter.source.rule == "whatsapp-2022"


def card_unit(meter: Meter) -> str | None:
    """The unit that a rate card has for what a meter counts, None where it has none."""
    match meter.source, meter.aggregation:
        case Deliveries(), Count():
            return "message"
        case Conversations(), Count():
            return "conversation"
        case Calls(), Sum(of="duration_seconds", step=step, step_value=value) if step is not None:
            # Whatever the pulse, what it adds must be its length in minutes.
            return "minute" if value * 60 == step else None
    return None
