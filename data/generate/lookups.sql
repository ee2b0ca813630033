-- Lookups that every chunk joins: the place of a recipient by roll, the steps of a script by slot,
-- and what a pair went through before.
create or replace table place_at as
select row_number() over (order by place_no, weight_no) - 1 as roll,
    country as place_country, prefix::varchar as place_prefix
from place, unnest(range(weight)) as weights(weight_no);

create or replace table home_place as
select country as account_country, min(prefix)::varchar as home_prefix
from place group by country;

create or replace table step_at as
with slotted as (
    select script.*, slot_before + slot_no as slot
    from script
    join (
        select
            script, min(slots) as slots, min(script_no) as first_no,
            sum(min(slots)) over (order by min(script_no)) - min(slots) as slot_before
        from script group by script
    ) as placed using (script),
    unnest(range(script.slots)) as numbers(slot_no)
)
select
    slot::bigint as slot, step, after_seconds, direction, content,
    -- The number of outbound messages before this step in a block of all slots.
    (count(*) filter (direction = 'out') over (
        order by slot, step rows between unbounded preceding and 1 preceding))::bigint
        as messages_before,
    -- How often the contact has changed its number and its user id in this thread, with this step.
    (count(*) filter (content = 'number_change') over thread)::bigint as number_changes,
    (count(*) filter (content = 'user_change') over thread)::bigint as user_changes
from slotted
window thread as (partition by slot order by step);

-- One row per slot and meeting of a pair (0 is its first): the changes of its threads before. A
-- pair that meets again plays the script of another slot: see `chunk.sql`.
create or replace table changes_at as
with changed as (
    select slot, max(number_changes) as number_changes, max(user_changes) as user_changes
    from step_at group by slot
)
select
    current.slot, meeting,
    coalesce(sum(number_changes), 0)::bigint as number_changes_before,
    coalesce(sum(user_changes), 0)::bigint as user_changes_before
from range(getvariable('slots')) as current(slot)
cross join range(8) as meetings(meeting)
left join range(1, 8) as steps_back(meetings_back) on meetings_back <= meeting
left join changed
    on changed.slot = (current.slot + (8 * getvariable('slots') - meetings_back) * 37)
        % getvariable('slots')
group by all;

-- What the chunks fill and read: lines that are held back, and what the survey finds (`survey.sql`).
create or replace table held (line varchar, arrival bigint, tie bigint);
create or replace table late (line varchar, arrival bigint, tie bigint);
create or replace table tally (what varchar, number bigint);
create or replace table served (
    sender_no bigint, period integer, delivered_s bigint, delivery_no bigint
);
create or replace table heard (sender_no bigint);
create or replace table plantable (delivery_no bigint, reason varchar, sender_no bigint);
create or replace table free_until (
    sender_no bigint, period integer, last_s bigint, last_no bigint
);
create or replace table planted (delivery_no bigint, reason varchar);
