-- One row for each sender and contact, or group, whose windows are computed anew.
create or replace temp table touched_peers as
select sender_id, contact as peer_key from resolved_fresh where contact is not null
union
from moved_contacts
union
select sender_id, group_key from fresh where group_key is not null and direction = 'inbound'
union
select sender_id, group_key from touched where group_key is not null
union
select sender_id, group_key from replaced where group_key is not null;

-- One row for each name that these go by, in reports of any time.
create or replace temp table touched_names as
select peer_key as name from touched_peers
union
select contacts.key
from contacts
semi join touched_peers
    on touched_peers.sender_id = contacts.sender_id and touched_peers.peer_key = contacts.contact_key;

-- One row for each report of theirs that may open a window: a message, a call of the user, or one
-- that the user accepted. A call of the user opens at its earliest report, of either kind the report
-- that opens says whose it is.
create or replace temp table named_openers as
select
    message_key,
    sender_id,
    contact_key,
    user_key,
    group_key,
    occurred_at as instant,
    referral_source
from events
where
    direction = 'inbound'
    and coalesce(message_type, '') not in ('system', 'edit', 'revoke', 'request_welcome')
    and coalesce(group_key, user_key, contact_key) in (from touched_names)
union all
select message_key, sender_id, said.contact_key, said.user_key, null, said.instant, null
from (
    select
        message_key,
        sender_id,
        case
            when bool_or(message_type = 'user_initiated') then arg_min(said, (said.instant, status))
            else arg_min(said, (said.instant, status)) filter (where status = 'accepted')
        end as said
    from (
        select
            *,
            {contact_key: contact_key, user_key: user_key, instant: occurred_at} as said
        from events
        where direction = 'call'
    )
    where message_key in (
        select message_key
        from events
        where direction = 'call' and coalesce(user_key, contact_key) in (from touched_names)
    )
    group by message_key, sender_id
)
where said is not null;

-- One row for each time that one of them came by a link or a website.
create or replace temp table named_entries as
select sender_id, contact_key, null::uhugeint as user_key, instant, entry_point, event_key
from entries
where contact_key in (from touched_names) and entry_point is not null;

-- One row for each stored delivery of theirs that this load does not touch otherwise.
create or replace temp table named_deliveries as
with known as (
    select *, false as is_fresh
    from deliveries
    where coalesce(group_key, user_key, contact_key) in (from touched_names)
    union all by name
    select *, true as is_fresh
    from touched
)
select
    message_key,
    sender_id,
    contact_key,
    user_key,
    group_key,
    first_at,
    delivered_at as instant,
    is_fresh,
    case
        when conversation.origin = 'referral_conversion' or pricing.pricing_type = 'free_entry_point'
            then conversation_expires_at
    end as stated_until
from known
where delivered_at is not null and not is_echo;
