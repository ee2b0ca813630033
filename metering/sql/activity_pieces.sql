-- One row for each sender and piece of a day in UTC, in the month and the weeks before it: how many
-- reports it has. A piece is so short that no local day and no ownership begins inside it.
create or replace temp table activity_pieces as
select
    sender_id,
    max(waba_id) as waba_id,
    epoch_us(occurred_at) // 86400000000 as day_no,
    getvariable('pieces')[
        1 + epoch_us(occurred_at) % 86400000000 // getvariable('slot_us')
    ] as piece_no,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at,
    count(*) as report_count
from events
where
    occurred_at >= getvariable('start_at')
    and occurred_at < getvariable('end_at')
    and sender_id is not null
    and list_contains(getvariable('live_directions'), direction)
group by sender_id, day_no, piece_no;

create or replace temp view units as
select
    row_number() over () as unit_key,
    sender_id,
    waba_id,
    null::varchar as prefix,
    null::varchar as country,
    first_at as counted_at,
    report_count
from activity_pieces;
