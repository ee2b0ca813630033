-- One row for each message that a seller's own rule looks at.
create or replace temp table own_messages as
select
    *,
    case when getvariable('rule_each') = 'contact_and_category' then category end as part
from (
    select sender_id, waba_id, peer_key, message_key, instant, category, true as is_delivery
    from conversing
    union all by name
    select
        sender_id, waba_id, coalesce(group_key, contact) as peer_key, message_key, instant,
        false as is_delivery
    from resolved_questions
);
