-- Lookups that every chunk joins: the place of a recipient by roll, the steps of a script by slot,
-- and the local months of the zones.
create or replace table place_at as
select row_number() over (order by place_no, weight_no) - 1 as roll,
    country as place_country, prefix::varchar as place_prefix
from place, unnest(range(weight)) as weights(weight_no);

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
    slot::bigint as slot, step, after_seconds, direction, content, "window",
    -- The number of outbound messages before this step in a block of all slots.
    (count(*) filter (direction = 'out') over (
        order by slot, step rows between unbounded preceding and 1 preceding))::bigint
        as messages_before
from slotted;

create or replace table home_place as
select country as account_country, min(prefix)::varchar as home_prefix
from place group by country;

create or replace table service_used (sender_no bigint, period integer, used bigint);
create or replace table held (line varchar, arrival bigint, tie bigint);
create or replace table late (line varchar, arrival bigint, tie bigint);
