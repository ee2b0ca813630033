-- One row for each hash of the contact: its own, and those that reports link it with.
create or replace temp table erased_keys as
with linked as (
    select contact_key, user_key
    from events
    where key_of($kind, $name) in (contact_key, user_key)
)
select key_of($kind, $name) as key
union
select contact_key from linked where contact_key is not null
union
select user_key from linked where user_key is not null;

-- One row: how many rows of the store named the contact.
create or replace temp table erased as
select (
    select count(*) from events
    where contact_key in (from erased_keys) or user_key in (from erased_keys)
) + (
    select count(*) from quarantine where contains(raw, $name)
) + (
    select count(*) from cloud_events
    where contains(data, contact_word($name)) or subject = contact_word($name)
) as row_count;

-- Both hashes of a row go: a number and a user id on one report are the same person.
update events
set contact_key = null, user_key = null
where contact_key in (from erased_keys) or user_key in (from erased_keys);

update deliveries
set contact_key = null, user_key = null
where contact_key in (from erased_keys) or user_key in (from erased_keys);

update quarantine
set raw = null
where contains(raw, $name);

update cloud_events
set
    data = replace(data, contact_word($name), 'contact:erased'),
    subject = case when subject = contact_word($name) then 'contact:erased' else subject end
where contains(data, contact_word($name)) or subject = contact_word($name);
