-- One row per account, add-on and stretch of time with one quantity, the included ones counted in.
with wanted as (
    select account.*, add_on, draw(add_on, account_no) as a
    from account, (values ('linked devices'), ('click-to-chat links')) as offered(add_on)
    where plan in ('sample-growth', 'sample-europe') and not has_changed_plan and sender_count > 0
),
dated as (
    select *, part(a, 1, 6) = 0 as is_raised
    from wanted where part(a, 0, 100) < if(add_on = 'linked devices', 25, 12)
)
select
    account_id, add_on,
    if(add_on = 'linked devices', 5 + part(a, 2, 4), 2 + part(a, 2, 14)) + step as quantity,
    if(step = 0, date '2025-07-01', getvariable('first_day') + 9 + part(a, 3, 12)::integer)::date
        as effective_from,
    if(is_raised and step = 0, getvariable('first_day') + 9 + part(a, 3, 12)::integer, null)::date
        as effective_to
from dated, unnest(range(if(is_raised, 2, 1))) as steps(step)
order by account_no, add_on, step
