-- One row: how many rows of the store named the contact.
create or replace temp table erased as
select (
    select count(*) from events
    where key_of($kind, $name) in (contact_key, user_key)
) + (
    select count(*) from quarantine where contains(raw, $name)
) as row_count;

-- Both hashes of a row go: a number and a user id on one report are the same person.
update events
set contact_key = null, user_key = null
where key_of($kind, $name) in (contact_key, user_key);

update deliveries
set contact_key = null, user_key = null
where key_of($kind, $name) in (contact_key, user_key);

update quarantine
set raw = null
where contains(raw, $name);
