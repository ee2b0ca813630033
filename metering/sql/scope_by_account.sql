-- The same, each in the scope of the account that owns its sender: all its senders share a
-- conversation.
create or replace temp view scoped as
select
    own_messages.*,
    coalesce(by_sender.account_id, by_waba.account_id, '') as scope
from own_messages
left join (from owners where sender_id is not null) as by_sender
    on by_sender.sender_id = own_messages.sender_id
    and own_messages.instant >= by_sender.start_at and own_messages.instant < by_sender.end_at
left join (from owners where waba_id is not null) as by_waba
    on by_waba.waba_id = own_messages.waba_id
    and own_messages.instant >= by_waba.start_at and own_messages.instant < by_waba.end_at;
