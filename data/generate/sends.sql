-- One row per template message of a sender that keeps a send log, as its own system wrote it.
select
    wamid as message_id,
    sender_id,
    case
        -- This template is of one category up to an instant, and of another from it on.
        when part(f, 1, 4) = 0 and case sent_category
                when 'utility' then due_s < recategorised_s - 86400
                when 'marketing' then due_s > recategorised_s + 86400
            end then 'winback_offer'
        when sent_category = 'marketing'
            then pick(['season_sale', 'new_collection', 'back_in_stock'], part(f, 0, 3))
        when sent_category = 'utility'
            then pick(['order_update', 'delivery_note', 'payment_received'], part(f, 0, 3))
        else 'one_time_code'
    end as template,
    sent_category as category,
    strftime(make_timestamp(due_s * 1000000), '%Y-%m-%dT%H:%M:%SZ') as sent_at,
    delivery_no
from delivery
join sender using (sender_no)
join waba using (waba_id)
where sent_category is not null and participant_no = 0
