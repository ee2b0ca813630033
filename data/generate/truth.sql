-- One row per message and recipient that was delivered: what a reader of the log must find.
select
    sender_id, wamid,
    if(is_group, number, null) as participant,
    to_timestamp(delivered_s) as delivered_at,
    country,
    if(is_unknown, null, category) as category,
    if(is_unknown, null, pricing_type) as pricing_type
from delivery join sender using (sender_no)
where fate = 'delivered'
order by delivered_s, delivery_no
