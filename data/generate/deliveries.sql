-- One row per message and recipient, with the type that the network gives it and what a send log
-- says of it.
create table delivery as
select
    placed_delivery.* exclude (d, e, due_s, arrived_s, last_s, last_no),
    draw('pricing', delivery_no) as f,
    wamid_of(if(is_group, relation_no::varchar, number), item_no, 17) as wamid,
    due_s,
    planted.reason as planted,
    -- The category of the template, as the sender's own system knows it: the network has finer ones.
    case
        when not has_send_log or is_service then null
        when (category like '%marketing%') <> coalesce(planted.reason = 'category', false) then 'marketing'
        when category like 'authentication%' and planted.reason is distinct from 'category'
            then 'authentication'
        else 'utility'
    end as sent_category,
    case
        when planted.reason = 'charged_inside' then 'regular'
        when planted.reason = 'free_outside'
            then if(category = 'utility', 'free_customer_service', 'free_entry_point')
        when is_in_entry then 'free_entry_point'
        when is_service and (delivered_s < paid_s or getvariable('free_tier') > 0
            and (last_s is null or (delivered_s, delivery_no) <= (last_s, last_no)))
            then if(is_group, 'free_group_customer_service', 'free_customer_service')
        when category in ('utility', 'group_utility') and is_in_window and delivered_s < paid_s
            then if(is_group, 'free_group_customer_service', 'free_customer_service')
        else 'regular'
    end as pricing_type,
    draw('unknown', delivery_no) % 1000000 < getvariable('unknown_per_million') as is_unknown
from placed_delivery left join planted using (delivery_no);
