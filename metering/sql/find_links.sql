-- One row for each link between two names of a contact that the events in view `fresh` tell first,
-- or at an earlier instant than was known; and these links join the store.
create or replace temp table new_links as
with told as (
    select
        sender_id,
        'same' as kind,
        -- A message that says a new number links the user id with that one.
        case
            when direction = 'inbound' then coalesce(linked_key, contact_key) else contact_key
        end as one_key,
        user_key as other_key,
        min(occurred_at) as linked_at
    from fresh
    where
        user_key is not null
        and (contact_key is not null or (direction = 'inbound' and linked_key is not null))
        and sender_id is not null
    group by all
    union all
    -- Each change counts by itself: who changes back has changed twice.
    select distinct
        sender_id,
        case direction when 'identity' then 'user_changed' else 'number_changed' end,
        linked_key_of_before,
        key_of_after,
        occurred_at
    from (
        select
            *,
            case direction when 'identity' then linked_key else contact_key end as linked_key_of_before,
            case direction when 'identity' then user_key else linked_key end as key_of_after
        from fresh
        where direction in ('identity', 'inbound') and linked_key is not null
    )
    where linked_key_of_before is not null and key_of_after is not null and linked_key_of_before != key_of_after
)
select told.*
from told
where not exists (
    select 1
    from links as known
    where
        known.sender_id = told.sender_id
        and known.kind = told.kind
        and known.one_key = told.one_key
        and known.other_key = told.other_key
        and (known.linked_at = told.linked_at or (told.kind = 'same' and known.linked_at <= told.linked_at))
);

delete from links
using new_links as told
where
    told.kind = 'same'
    and links.kind = 'same'
    and links.sender_id = told.sender_id
    and links.one_key = told.one_key
    and links.other_key = told.other_key;

insert into links by name
from new_links;
