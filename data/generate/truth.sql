-- One row per message and recipient that was delivered: what a reader of the log must find.
select
    sender_id, wamid,
    if(is_group, number, null) as participant,
    to_timestamp(delivered_s) as delivered_at,
    country,
    if(is_unknown, null, category) as category,
    if(is_unknown, null, pricing_type) as pricing_type,
    is_in_window and not delivery.is_silent as in_service_window,
    is_in_entry and not delivery.is_silent as in_free_entry_point,
    case
        when delivery.is_silent then 'none'
        when entry_source = 'post' then 'page_button'
        else entry_source
    end as entry_point,
    heard.sender_no is not null as is_audited,
    sent_category,
    planted
from delivery
join sender using (sender_no)
left join heard using (sender_no)
where fate = 'delivered'
order by delivered_s, delivery_no
