-- One row for each state of deliveries and, of those that differ, for each reason and all that a
-- price depends on. Conversation-based pricing charges the message that opened the conversation.
with openings as (
    select arg_min(message_key, (delivered_at, message_key)) as message_key
    from deliveries
    where
        delivered_at >= getvariable('start_at') - interval 31 days
        and delivered_at < getvariable('end_at')
        and pricing.pricing_model = 'CBP'
        and conversation.conversation_key is not null
    group by conversation.conversation_key
),
metered as (
    select
        judged_deliveries.*,
        state = 'differs' as is_shown,
        case
            when coalesce(network_model, our_model) is distinct from 'CBP' then 'deliveries'
            when conversation_key is not null then 'conversations'
        end as meter,
        openings.message_key is not null as is_opening
    from judged_deliveries
    left join openings on openings.message_key = judged_deliveries.unit_key
)
select
    state,
    nullif(account_id, '') as account_id,
    sender_id,
    if(is_shown, reason, null) as reason,
    if(is_shown, market, null) as market,
    if(is_shown, network_category, null) as network_category,
    if(is_shown, our_category, null) as our_category,
    if(is_shown, network_type, null) as network_type,
    if(is_shown, our_type, null) as our_type,
    if(is_shown, meter, null) as meter,
    if(is_shown, rate_date, null) as rate_date,
    count(*) as delivery_count,
    sum(
        case meter when 'deliveries' then 1 when 'conversations' then is_opening::integer end
    )::decimal(38, 6) as quantity,
    list_transform(
        min(if(is_shown, unit_key, null), getvariable('example_count')), lambda key: printf('%032x', key)
    ) as examples
from metered
group by all
order by all;
