-- One row for each name of the contact: its own, and those that reports link it with.
create or replace temp table erased_keys as
with recursive ends as (
    select one_key, other_key from links
    union
    select other_key, one_key from links
),
linked (key) as (
    select key_of($kind, $name)
    union
    select ends.other_key
    from linked
    join ends on ends.one_key = linked.key
)
select key from linked;

-- One row: how many rows of the store named the contact.
create or replace temp table erased as
select (
    select count(*) from events
    where
        contact_key in (from erased_keys) or user_key in (from erased_keys)
        or linked_key in (from erased_keys)
) + (
    select count(*) from quarantine where contains(raw, $name)
) + (
    select count(*) from cloud_events
    where contains(data, contact_word($name)) or subject = contact_word($name)
) as row_count;

-- Whom each of these rows is about, which a random key says from now on: what was one contact stays
-- one, so that no window, conversation or amount moves, and nothing leads back to the person.
create or replace temp table named_erased as
select distinct sender_id, contact_key, user_key, occurred_at as instant
from events
where contact_key in (from erased_keys) or user_key in (from erased_keys)
union
select sender_id, contact_key, user_key, coalesce(delivered_at, first_at)
from deliveries
where contact_key in (from erased_keys) or user_key in (from erased_keys);
