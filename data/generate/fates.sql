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
                and has_international_rate(country)
                then 'authentication_international'
            else base_category
        end as category
    from item, unnest(range(if(is_group, 2 + part(t, 0, 5), 1))) as participants(participant_no)
    where direction = 'out'
),
drawn as (
    select *,
        draw('delivery', delivery_no) as d,
        draw('reading', delivery_no) as e,
        category in ('service', 'group_service') as is_service
    from addressed
),
fated as (
    select *,
        due_s + part(d, 0, 30) as sent_s,
        case
            when country = 'US' and category in ('marketing', 'marketing_lite', 'group_marketing')
                then 'failed'
            when part(d, 1, 1000) < 30 then 'failed'
            when part(d, 1, 1000) < 45 then 'sent'
            else 'delivered'
        end as fate,
        sent_s + case
            when part(d, 2, 1000) < 850 then part(d, 3, 5)
            when part(d, 2, 1000) < 950 then 5 + part(d, 3, 600)
            else 600 + part(d, 3, 17400)
        end as arrived_s
    from drawn
),
dated as (
    select fated.*, paid_s,
        -- Months begin in the zone of the sender.
        case
            when arrived_s < month_begin_s then -1
            when arrived_s >= month_end_s then 1
            else 0
        end as period
    from fated join zone_month using (time_zone)
)
select dated.*, last_s, last_no,
    -- Which of two answers of one second is the last free one, nobody could say: the later waits.
    arrived_s + (is_service and arrived_s = last_s and delivery_no > last_no is true)::integer
        as delivered_s,
    fate = 'delivered'
        and part(e, 0, 1000) < if(category like 'authentication%', 250, 600) as has_read,
    has_read and part(e, 1, 1000) < 60 as is_read_alone,
    delivered_s + if(is_read_alone, 0, 1 + part(e, 2, 7200)) as read_s,
    has_read and content = 'voice' and part(e, 3, 10) < 7 as has_played,
    -- The business takes it back: for everybody, and too late for the price.
    fate = 'delivered' and part(redraw(e, 5), 0, 1000) < 4 as is_deleted
from dated left join free_until using (sender_no, period);
