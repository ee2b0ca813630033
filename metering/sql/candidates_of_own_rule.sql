-- One row for each message that opens a conversation of a seller's own rule unless one is open.
-- Counted per account, all its senders share it: `scope` is then the account in place of the sender.
create or replace temp table scoped as
select
    conversing.*,
    case when getvariable('rule_scope') = 'account'
        then coalesce(by_sender.account_id, by_waba.account_id, '')
        else conversing.sender_id
    end as scope,
    case when getvariable('rule_each') = 'contact_and_category' then category end as part
from (
    select sender_id, waba_id, peer_key, message_key, instant, category, true as is_delivery
    from conversing
    union all by name
    select sender_id, waba_id, coalesce(group_key, contact) as peer_key, message_key, instant, false as is_delivery
    from resolved_questions
) as conversing
left join (from owners where sender_id is not null) as by_sender
    on by_sender.sender_id = conversing.sender_id
    and conversing.instant >= by_sender.start_at and conversing.instant < by_sender.end_at
left join (from owners where waba_id is not null) as by_waba
    on by_waba.waba_id = conversing.waba_id
    and conversing.instant >= by_waba.start_at and conversing.instant < by_waba.end_at;

create or replace temp table candidates as
select
    scope,
    peer_key,
    part,
    instant as opened_at,
    instant + to_hours(getvariable('rule_hours')) as closes_at,
    dense_rank() over (order by scope, peer_key, part) as group_no,
    row_number() over (order by scope, peer_key, part, instant, message_key) as candidate_no
from scoped
where
    peer_key is not null
    and case getvariable('rule_opener')
        when 'business' then is_delivery when 'user' then not is_delivery else true
    end;
