-- A random key for each contact, in the messages of all senders.
create or replace temp table replacements as
select contact, md5_number(uuid()::varchar) as random_key
from (
    select contact from resolved_erased where contact is not null
    union
    select peer_key from windows where peer_key in (from erased_keys)
);

update events
set contact_key = replacements.random_key, user_key = null, linked_key = null
from resolved_erased
join replacements on replacements.contact = resolved_erased.contact
where
    (events.contact_key in (from erased_keys) or events.user_key in (from erased_keys))
    and resolved_erased.sender_id is not distinct from events.sender_id
    and resolved_erased.contact_key is not distinct from events.contact_key
    and resolved_erased.user_key is not distinct from events.user_key
    and resolved_erased.instant = events.occurred_at;

update events
set linked_key = null
where linked_key in (from erased_keys);

update deliveries
set contact_key = replacements.random_key, user_key = null
from resolved_erased
join replacements on replacements.contact = resolved_erased.contact
where
    (deliveries.contact_key in (from erased_keys) or deliveries.user_key in (from erased_keys))
    and resolved_erased.sender_id = deliveries.sender_id
    and resolved_erased.contact_key is not distinct from deliveries.contact_key
    and resolved_erased.user_key is not distinct from deliveries.user_key
    and resolved_erased.instant = coalesce(deliveries.delivered_at, deliveries.first_at);

update windows
set peer_key = replacements.random_key
from replacements
where windows.peer_key = replacements.contact;

delete from links
where one_key in (from erased_keys) or other_key in (from erased_keys);

delete from contacts
where key in (from erased_keys) or contact_key in (from erased_keys);

update quarantine
set raw = null
where contains(raw, $name);

update cloud_events
set
    data = replace(data, contact_word($name), 'contact:erased'),
    subject = case when subject = contact_word($name) then 'contact:erased' else subject end
where contains(data, contact_word($name)) or subject = contact_word($name);
