-- One row for each time in which a waba was taken from the seller: from an event that removes it, or
-- switches it off, until one that gives it back.
with told as (
    select
        -- An event of a partner names the waba inside; its entry may be the partner's own.
        coalesce(data ->> '$.waba_info.waba_id', waba_id) as waba_id,
        occurred_at,
        case
            when status in ('PARTNER_REMOVED', 'ACCOUNT_DELETED') then true
            when status = 'PARTNER_ADDED' then false
            -- A ban that is only announced changes nothing yet.
            when contains(data, 'REINSTATE') then false
            when not coalesce(contains(data, 'SCHEDULE'), false) then true
        end as is_removed
    from events
    where
        direction = 'account'
        and status in ('PARTNER_REMOVED', 'PARTNER_ADDED', 'ACCOUNT_DELETED', 'DISABLED_UPDATE')
),
-- At one instant a removal comes last: nobody is charged in doubt.
steps as (
    select waba_id, occurred_at as start_at, bool_or(is_removed) as is_removed
    from told
    where waba_id is not null and is_removed is not null
    group by waba_id, occurred_at
),
spans as (
    select
        waba_id,
        is_removed,
        start_at,
        coalesce(
            lead(start_at) over (partition by waba_id order by start_at), timestamp '9999-01-01'
        ) as end_at
    from steps
)
select waba_id, start_at, end_at
from spans
where is_removed and start_at < getvariable('end_at')
order by all;
