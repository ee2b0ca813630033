"""Webhooks of WhatsApp's Cloud API, from the shapes of 2022 to v25, and of its on-premises API.

A file is read twice at most. The first pass reads its lines straight into typed columns, which is
as fast as DuckDB can, but sees neither the place nor the text of a line. Only if some item cannot
be used as it stands does a second pass take its place: it reads numbered lines with their text, so
that what is refused can be shown, and what the first could not understand (a line that is an array,
a payload without envelope) be unfolded. Nothing is pieced together from the two, and both apply the
same rules, those of `sql/stage_webhooks.sql`.
"""

import json
from collections.abc import Sequence
from itertools import starmap
from pathlib import Path
from typing import TypeAlias

import polars as pl

from metering.store import DataError, Store

Shape: TypeAlias = "str | list[Shape] | dict[str, Shape]"

CONTACT: Shape = {"wa_id": "VARCHAR", "user_id": "VARCHAR", "profile": {"country_code": "VARCHAR"}}
STATUS: Shape = {
    "id": "VARCHAR",
    "status": "VARCHAR",
    "timestamp": "VARCHAR",
    "type": "VARCHAR",
    "recipient_id": "VARCHAR",
    "recipient_user_id": "VARCHAR",
    "recipient_type": "VARCHAR",
    "recipient_participant_id": "VARCHAR",
    "recipient_participant_user_id": "VARCHAR",
    "conversation": {
        "id": "VARCHAR",
        "expiration_timestamp": "VARCHAR",
        "origin": {"type": "VARCHAR"},
    },
    "pricing": {
        "billable": "VARCHAR",
        "pricing_model": "VARCHAR",
        "type": "VARCHAR",
        "subtype": "VARCHAR",
        "category": "VARCHAR",
        "cost": "JSON",
    },
    "errors": [{"code": "VARCHAR"}],
}
MESSAGE: Shape = {
    "id": "VARCHAR",
    "from": "VARCHAR",
    "from_user_id": "VARCHAR",
    "timestamp": "VARCHAR",
    "type": "VARCHAR",
    "group_id": "VARCHAR",
    "referral": {"source_type": "VARCHAR", "source_id": "VARCHAR"},
    "system": "JSON",
}
# What an account event may say; which of these depends on the event.
ACCOUNT_FIELDS: dict[str, Shape] = dict.fromkeys(
    (
        *("event", "country", "waba_info", "ban_info", "volume_tier_info"),
        *("auth_international_rate_eligibility", "message_template_id", "message_template_name"),
        *("message_template_language", "previous_category", "new_category", "correct_category"),
        "category_update_timestamp",
    ),
    "JSON",
)
PAYLOAD: dict[str, Shape] = {
    "entry": [
        {
            "id": "VARCHAR",
            "time": "VARCHAR",
            "changes": [
                {
                    "field": "VARCHAR",
                    "value": {
                        "metadata": {"phone_number_id": "VARCHAR"},
                        "contacts": [CONTACT],
                        "statuses": [STATUS],
                        "messages": [MESSAGE],
                        "errors": "JSON",
                        "message_echoes": "JSON",
                        "calls": "JSON",
                        "history": "JSON",
                        "user_id_update": "JSON",
                        **ACCOUNT_FIELDS,
                    },
                }
            ],
        }
    ]
}
# What a change of messages may hold, by the path of the object that holds it. Anything else is
# tolerated, and counted as new. The content of a message stands under the name of its type.
KNOWN_FIELDS: dict[str, frozenset[str]] = {
    path: frozenset(names.split())
    for path, names in {
        "$": "field value",
        "$.value": (
            "messaging_product metadata contacts statuses messages errors message_echoes calls"
            " history"
        ),
        "$.value.metadata": "display_phone_number phone_number_id",
        "$.value.contacts[*]": "profile wa_id user_id parent_user_id identity_key_hash input",
        "$.value.contacts[*].profile": "name username country_code",
        "$.value.statuses[*]": (
            "id status timestamp type recipient_id recipient_user_id parent_recipient_user_id"
            " recipient_parent_user_id recipient_type recipient_participant_id"
            " recipient_participant_user_id recipient_participant_parent_user_id"
            " recipient_identity_key_hash biz_opaque_callback_data conversation pricing errors"
            " message"
        ),
        "$.value.statuses[*].conversation": "id expiration_timestamp origin",
        "$.value.statuses[*].pricing": "billable pricing_model type subtype category cost",
        "$.value.statuses[*].pricing.cost": "amount currency",
        "$.value.messages[*]": (
            "id from from_user_id from_parent_user_id to group_id timestamp type context referral"
            " identity errors text image video audio voice document sticker location contacts order"
            " reaction button interactive system unsupported edit revoke request_welcome"
        ),
    }.items()
}
# The same of what is around the changes.
KNOWN_AROUND = {
    "$": frozenset({"object", "entry"}),
    "$.entry[*]": frozenset({"id", "time", "changes"}),
}
KNOWN_STATUSES = frozenset(
    {"accepted", "sent", "delivered", "read", "played", "failed", "deleted", "warning", "pending"}
)
ANALYTICS = (
    "analytics",
    "conversation_analytics",
    "pricing_analytics",
    "template_analytics",
    "template_group_analytics",
    "call_analytics",
)
LINE_BYTES_MAX = 16 * 1024 * 1024
LINES_LOOKED_AT = 10_000


def stage(store: Store, paths: Sequence[Path], *, sender: str | None) -> None:
    """Fill table `staged` from the lines of some files, which are numbered from 1.

    Args:
        sender: The sender of payloads that name none.
    """
    store.set("paths", [str(path) for path in paths])
    store.set("sender", sender)
    if not _first_pass(store, _file_no(paths)):
        _second_pass(store, _file_no(paths), line=_line(paths))


def _first_pass(store: Store, file_no: str) -> bool:
    """Stage what typed columns show; is everything in the files accounted for by it?"""
    try:
        store.execute(
            f"""
            create or replace temp view payload as
            select
                {file_no} as file_no, null::bigint as line, null::bigint as payload_no,
                null::varchar as raw, getvariable('sender') as default_sender,
                entry
            from read_ndjson(
                getvariable('paths'), columns = {columns_of(PAYLOAD)}, ignore_errors = true,
                auto_detect = false, records = true, filename = true,
                maximum_object_size = {LINE_BYTES_MAX}
            )
            """
        )
        with store.as_written():
            store.run("stage_webhooks")
        store.run("set_aside")
        store.run("unfold_rest")
    except DataError:  # nested beyond what the reader follows; the second pass says where
        return False
    return not store.value("select count(*) from asides where aside.reason is not null")


def _second_pass(store: Store, file_no: str, *, line: str) -> None:
    store.set("payload_shape", json.dumps(PAYLOAD))
    store.set("analytics", list(ANALYTICS))
    store.run("create_staged")
    with store.in_order(), store.as_written():
        _number_lines(store, file_no, line)
        store.run("unfold_webhooks")
        store.run("stage_webhooks")
        store.run("set_aside")
        store.run("unfold_rest")
    store.run("name_what_is_no_webhook")


def _number_lines(store: Store, file_no: str, line: str) -> None:
    store.execute(
        f"""
        create or replace temp view numbered as
        with texts as (
            select {file_no} as file_no, json as raw, row_number() over () as ordinal
            from read_ndjson_objects(
                getvariable('paths'), ignore_errors = true, filename = true,
                maximum_object_size = {LINE_BYTES_MAX}
            )
        )
        select file_no, {line} as line, raw from texts
        """
    )


def _file_no(paths: Sequence[Path]) -> str:
    return "1" if len(paths) == 1 else "list_position(getvariable('paths'), filename)"


def _line(paths: Sequence[Path]) -> str:
    """The number of a line in its file; a single file, which may be large, needs no window."""
    if len(paths) == 1:
        return "ordinal"
    return "row_number() over (partition by file_no order by ordinal)"


def unknown_fields(store: Store, paths: Sequence[Path]) -> dict[int, dict[str, int]]:
    """Count the fields and statuses that are new to us, by number of the file and by their place.

    Of fields, it looks at the first `LINES_LOOKED_AT` lines: one that a new version of the
    network's interface brings is in most of its payloads.
    """
    store.execute(
        f"""
        create or replace temp table sampled as
        select {_file_no(paths)} as file_no, json as raw
        from read_ndjson_objects(
            getvariable('paths'), ignore_errors = true, filename = true,
            maximum_object_size = {LINE_BYTES_MAX}
        )
        limit {LINES_LOOKED_AT}
        """
    )
    store.run("sample_changes")
    queries = [*starmap(_unknown_at, KNOWN_FIELDS.items())]
    queries += [
        _unknown_at(
            path, known, "payload.", "(select file_no, raw as change from sampled_payloads)"
        )
        for path, known in KNOWN_AROUND.items()
    ]
    counted = store.frame(" union all ".join(queries))
    found: dict[int, dict[str, int]] = {}
    statuses = store.frame("unknown_statuses", {"known": sorted(KNOWN_STATUSES)})
    for file_no, field, count in pl.concat([counted, statuses]).sort("file_no", "field").rows():
        found.setdefault(file_no, {})[field] = count
    return found


def _unknown_at(
    path: str, known: frozenset[str], head: str = "", objects: str = "sampled_changes"
) -> str:
    """The SQL that counts the unknown fields of the objects at a path, which is one of ours."""
    # JSON functions want their path as a constant; a path with [*] answers a list of lists.
    keys = f"json_keys(change, '{path}')"
    keys = f"flatten({keys})" if "[*]" in path else keys
    place = path.removeprefix("$").replace("[*]", "").removeprefix(".")
    return f"""
        select file_no, '{head}' || ltrim('{place}.' || key, '.') as field, count(*) as count
        from (select file_no, unnest({keys}) as key from {objects})
        where key not in ({", ".join(f"'{name}'" for name in sorted(known))})
        group by all
    """


def columns_of(shape: dict[str, Shape]) -> str:
    """Write a shape as the `columns` of a JSON reader."""
    columns = (f"{name}: '{_type(inner)}'" for name, inner in shape.items())
    return "{" + ", ".join(columns) + "}"


def _type(shape: Shape) -> str:
    match shape:
        case str():
            return shape
        case [inner]:
            return f"{_type(inner)}[]"
        case dict():
            return "STRUCT(" + ", ".join(f'"{k}" {_type(v)}' for k, v in shape.items()) + ")"
    raise AssertionError(f"no shape: {shape}")
