-- What is no event leaves the staged rows: one row for each, with its place, and what becomes of it.
insert into asides
select
    file_no,
    from_json(
        aside,
        '{
            "line": "BIGINT", "payload_no": "BIGINT", "entry_no": "BIGINT", "change_no": "BIGINT",
            "item_no": "BIGINT", "array_name": "VARCHAR", "reason": "VARCHAR", "ignored": "VARCHAR",
            "error_count": "BIGINT", "raw": "VARCHAR", "field": "VARCHAR", "entry_time": "VARCHAR",
            "rest": "JSON", "item": "JSON"
        }'
    ) as aside,
    sender_id,
    waba_id
from staged
where aside is not null;

delete from staged
where aside is not null;
