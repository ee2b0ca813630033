-- One row for each report and delivery that may change the windows of a contact, as it was before
-- this load and as it is now.
create or replace temp view named_fresh as
select sender_id, contact_key, user_key, occurred_at as instant
from fresh
where sender_id is not null and group_key is null and direction = 'inbound'
union all
-- Of a call every report: the one that opened before may do so no more.
select sender_id, contact_key, user_key, occurred_at
from events
where direction = 'call' and message_key in (select message_key from fresh where direction = 'call')
union all
select sender_id, contact_key, user_key, coalesce(delivered_at, first_at) as instant
from touched
where group_key is null and not is_echo
union all
select sender_id, contact_key, user_key, coalesce(delivered_at, first_at)
from replaced
where group_key is null and not is_echo
union all
select sender_id, contact_key, null, instant
from entries
where event_key in (from fresh_entries);
