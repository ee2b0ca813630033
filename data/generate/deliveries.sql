-- One row per message and recipient that a business sent, delivered or not: when, and how far.
create table addressed_delivery as
with addressed as (
    select
        item.* replace (
            case
                when participant_no > 0 then prefix || lpad(
                    ((relation_no * 7654321 + getvariable('seed') + participant_no * 1234567)
                        % 10000000)::varchar, 7, '0')
                else number
            end as number),
        participant_no, item_no * 8 + participant_no as delivery_no,
        case
            when base_category = 'authentication' and is_auth_international
                and country <> account_country
                and list_contains(getvariable('intl_countries'), country)
                then 'authentication_international'
            else base_category
        end as category
    from item, unnest(range(if(is_group, 2 + part(t, 0, 5), 1))) as participants(participant_no)
    where direction = 'out'
),
drawn as (
    select *,
        draw('delivery', delivery_no) as d,
        draw('reading', delivery_no) as e
    from addressed
),
fated as (
    select *,
        due_s + part(d, 0, 30) as sent_s,
        case
            when country = 'US' and category in ('marketing', 'marketing_lite', 'group_marketing')
                then 'failed'
            -- The answer to an ad opens the free entry point: it must arrive.
            when "window" = 'entry' and step = 2 then 'delivered'
            when part(d, 1, 1000) < 30 then 'failed'
            when part(d, 1, 1000) < 45 then 'sent'
            else 'delivered'
        end as fate,
        sent_s + case
            when part(d, 2, 1000) < 850 then part(d, 3, 5)
            when part(d, 2, 1000) < 950 then 5 + part(d, 3, 600)
            else 600 + part(d, 3, 17400)
        end as delivered_s,
        fate = 'delivered'
            and part(e, 0, 1000) < if(category like 'authentication%', 250, 600) as has_read,
        has_read and part(e, 1, 1000) < 60 as is_read_alone,
        delivered_s + if(is_read_alone, 0, 1 + part(e, 2, 7200)) as read_s,
        has_read and content = 'voice' and part(e, 3, 10) < 7 as has_played
    from drawn
)
select fated.*,
    draw('pricing', delivery_no) as f,
    -- Months begin in the zone of the sender.
    case
        when delivered_s < month_begin_s then -1
        when delivered_s >= month_end_s then 1
        else 0
    end as period,
    category in ('service', 'group_service') and "window" <> 'entry' as is_service,
    -- What names one message: the recipient and 72 random bits, in base64 as the network writes it.
    'wamid.' || to_base64(encode(
        chr(29) || chr(24) || chr(12) || if(is_group, relation_no::varchar, number)
        || chr(21) || chr(2) || chr(17) || chr(24) || chr(18)
        || upper(substr(md5(getvariable('seed') || ':wamid:' || item_no), 1, 18)))) as wamid
from fated join zone_month using (time_zone);

-- One row per delivered answer: how many its number had delivered in that month, with this one.
create table served as
select
    delivery_no, sender_no, period,
    coalesce(used, 0) + row_number() over (
        partition by sender_no, period order by delivered_s, delivery_no
    ) as service_count
from addressed_delivery left join service_used using (sender_no, period)
where is_service and fate = 'delivered';

-- One row per thread whose ad was answered: the instant at which the free entry point opened.
create table entry_point as
select thread_no, min(delivered_s) as entry_s
from addressed_delivery
where fate = 'delivered' and "window" = 'entry'
group by thread_no;

-- One row per message and recipient, with the type that the network gives it.
create table delivery as
select
    addressed_delivery.* exclude (d, e, due_s),
    entry_s,
    case
        when "window" = 'entry' then 'free_entry_point'
        when is_service and (getvariable('is_service_free')
            or coalesce(service_count, 0) <= getvariable('free_tier'))
            then if(is_group, 'free_group_customer_service', 'free_customer_service')
        when getvariable('is_service_free') and "window" = 'service'
            and category in ('utility', 'group_utility')
            then if(is_group, 'free_group_customer_service', 'free_customer_service')
        else 'regular'
    end as pricing_type,
    draw('unknown', delivery_no) % 1000000 < getvariable('unknown_per_million') as is_unknown
from addressed_delivery
left join served using (delivery_no)
left join entry_point using (thread_no);

create or replace table main.service_used as
select sender_no, period, max(used)::bigint as used
from (
    from service_used
    union all
    select sender_no, period, service_count from served
)
group by all order by all;
