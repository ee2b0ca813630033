-- The same, each in the scope of its sender.
create or replace temp view scoped as
select *, sender_id as scope
from own_messages;
