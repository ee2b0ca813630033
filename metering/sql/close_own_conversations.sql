-- The conversations of a seller's own rule, each with the message that opened it, of the business or
-- of the user.
create or replace temp table conversation_windows as
select
    scoped.sender_id,
    opened.peer_key,
    scoped.category,
    opened.opened_at,
    opened.closes_at,
    opened.opening_key
from opened
join scoped on scoped.message_key = opened.opening_key;
