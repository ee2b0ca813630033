-- One row for each unit of a message, in its cell.
select
    printf('%032x', units.unit_key) as unit_key,
    timezone('UTC', units.counted_at) as counted_at,
    units.account_id,
    units.waba_id,
    units.sender_id,
    units.pricing_opinion,
    units.reported_cost,
    units.channel,
    units.market,
    units.country,
    units.category,
    units.pricing_model,
    units.pricing_type,
    units.rate_date,
    units.standing
from cells_of_units as units
semi join message_keys using (unit_key)
order by units.counted_at, units.unit_key;
