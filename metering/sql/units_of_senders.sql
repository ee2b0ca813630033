-- One row for each stretch of a clock in which senders.csv gives it a number, and for each number with
-- a delivery, at the earliest instant in each slot.
create or replace temp view units as
select
    null::uhugeint as unit_key,
    greatest(owners.start_at, stretches.start_at) as counted_at,
    owners.sender_id,
    null::varchar as waba_id
from owners
join stretches
    on stretches.clock = owners.clock
    and owners.start_at < stretches.end_at
    and owners.end_at > stretches.start_at
where owners.sender_id is not null
union all
select
    null::uhugeint as unit_key,
    delivered_at as counted_at,
    sender_id,
    waba_id
from deliveries
where
    delivered_at >= getvariable('start_at')
    and delivered_at < getvariable('end_at')
    and not is_echo;
