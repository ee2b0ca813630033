-- One row for each stretch of time, up to the end of the month, in which a level of an item holds.
-- Of events at one instant the one with the higher level holds: what may be charged is not lost.
create or replace temp table level_spans as
with levels as (
    select
        account_named,
        sender_id,
        waba_id,
        item,
        counted_at,
        unit_key,
        case
            when getvariable('is_change') then sum(told_level) over (
                partition by account_named, sender_id, waba_id, item
                order by counted_at, unit_key
                rows unbounded preceding
            )
            else told_level
        end as level
    from marks
    where item is not null and told_level is not null
),
spans as (
    select
        account_named,
        sender_id,
        waba_id,
        millionths(level) as level,
        counted_at as start_at,
        coalesce(
            lead(counted_at) over (
                partition by account_named, sender_id, waba_id, item
                order by counted_at, case when getvariable('is_change') then 0 else level end, unit_key
            ),
            getvariable('end_at')
        ) as end_at
    from levels
)
from spans
where level != 0 and start_at < end_at and end_at > getvariable('start_at');

-- One row for each part of a span inside one slot, and for each event of the month that cannot be read.
create or replace temp table level_parts as
select
    slots.slot_no,
    level_spans.account_named,
    level_spans.sender_id,
    level_spans.waba_id,
    level_spans.level,
    greatest(level_spans.start_at, slots.from_at) as part_from_at,
    least(level_spans.end_at, slots.to_at) as part_to_at,
    0 as unread_count
from level_spans
join slots
    on level_spans.start_at < slots.to_at and level_spans.end_at > slots.from_at
union all
select
    slots.slot_no,
    marks.account_named,
    marks.sender_id,
    marks.waba_id,
    null as level,
    null as part_from_at,
    null as part_to_at,
    1 as unread_count
from marks
join slots
    on marks.counted_at >= slots.from_at and marks.counted_at < slots.to_at
where marks.item is null or marks.told_level is null;
