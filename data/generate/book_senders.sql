-- One row per number, or per waba where an account is known by those, and per owner.
with owned as (
    select
        sender_no, if(is_owned_by_waba, null, sender_id) as sender_id,
        if(is_owned_by_waba, waba_id, null) as waba_id,
        account_no, account_id, time_zone, own_time_zone, is_moved,
        coalesce(lead(account_id) over accounts, first_value(account_id) over accounts)
            as next_account_id
    from sender
    window accounts as (order by sender_no)
),
rows as (
    select *, unnest(range(if(is_moved, 2, 1))) as owner_index from owned
)
select
    sender_id, waba_id,
    if(owner_index = 0, account_id, next_account_id) as account_id,
    if(is_moved, time_zone, own_time_zone) as time_zone,
    if(owner_index = 0, null, getvariable('first_day') + 14)::date as valid_from,
    if(is_moved and owner_index = 0, getvariable('first_day') + 14, null)::date as valid_to
from rows
qualify row_number() over (partition by coalesce(sender_id, waba_id), owner_index
    order by sender_no) = 1
order by sender_no, owner_index
