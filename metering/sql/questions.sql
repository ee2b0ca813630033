-- One row for each message of a user, in the stretch that conversations are cut in.
create or replace temp table named_questions as
select message_key, sender_id, waba_id, contact_key, user_key, group_key, occurred_at as instant
from events
where
    getvariable('rule_opener') != 'business'
    and direction = 'inbound'
    and coalesce(message_type, '') not in ('system', 'edit', 'revoke', 'request_welcome')
    and occurred_at < getvariable('until');
