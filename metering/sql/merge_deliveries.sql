-- What the events in view `fresh` say of messages of the business, merged with what `deliveries`
-- knows of them, becomes table `touched`, whose rows leave `deliveries`: `settle_windows.sql` puts
-- them back. Every fact is a minimum or a maximum, so that the order of loads is no matter:
-- delivered at the earliest delivered, read or played; pricing that of the report with the highest
-- (time, read > played > delivered > sent, content), never from failed, deleted or what is new to us.
-- Content is `subtype` over `type` over `billable`, as the network ranks its own words.
create or replace temp table touched as
with reports as (
    select
        *,
        direction = 'outbound' and status in ('sent', 'delivered', 'read', 'played') as can_tell,
        -- Pricing that names a category beats such as does not, in reports of one instant.
        epoch_us(occurred_at) * 16
        + case status
            when 'read' then 6 when 'played' then 4 when 'delivered' then 2 else 0
        end
        + (category is not null)::integer as rank
    from fresh
    where direction = 'outbound' or status in ('echo', 'history')
),
partial as (
    select
        message_key,
        channel,
        sender_id,
        waba_id,
        contact_key,
        user_key,
        group_key,
        id_key,
        -- Evidence first: a number beats the country of a user id.
        case
            when prefix is not null then concat('2|', prefix, '|', country)
            when country is not null then concat('1||', country)
        end as place,
        occurred_at as first_at,
        case
            when direction = 'outbound' and status in ('delivered', 'read', 'played') then occurred_at
        end as delivered_at,
        case when direction = 'outbound' and status = 'failed' then occurred_at end as failed_at,
        error_code,
        direction != 'outbound' as is_echo,
        case
            when can_tell and (
                pricing_model is not null or pricing_type is not null
                or pricing_subtype is not null or category is not null or billable is not null
            ) then {
                rank: rank,
                pricing_model: pricing_model,
                pricing_type: coalesce(
                    pricing_subtype,
                    pricing_type,
                    case
                        when billable then 'regular'
                        when not billable and category = 'referral_conversion'
                            then 'free_entry_point'
                        when not billable then 'free_not_billable'
                    end
                ),
                category: category,
                reported_cost: reported_cost
            }
        end as pricing,
        case
            when can_tell and conversation_key is not null
                then {rank: rank, conversation_key: conversation_key, origin: conversation_origin}
        end as conversation,
        case when can_tell then conversation_expires_at end as conversation_expires_at
    from reports
    union all by name
    select * exclude (in_service_window, in_free_entry_point, entry_point)
    from deliveries
    where message_key in (select message_key from reports)
)
select
    message_key,
    any_value(channel) as channel, -- as the sender, part of what the key is made of
    any_value(sender_id) as sender_id,
    max(waba_id) as waba_id,
    max(contact_key) as contact_key,
    max(user_key) as user_key,
    max(group_key) as group_key,
    max(id_key) as id_key,
    max(place) as place,
    min(first_at) as first_at,
    min(delivered_at) as delivered_at,
    min(failed_at) as failed_at,
    max(error_code) as error_code,
    bool_or(is_echo) as is_echo,
    max(pricing) as pricing,
    max(conversation) as conversation,
    max(conversation_expires_at) as conversation_expires_at
from partial
group by message_key;

create or replace temp table replaced as
from deliveries
where message_key in (select message_key from touched);

delete from deliveries
where message_key in (select message_key from touched);
