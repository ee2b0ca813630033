-- One row for each message of an account in the cells asked for, in the order of time.
select
    printf('%032x', units.unit_key) as message,
    units.counted_at as delivered_at,
    units.channel,
    units.market,
    units.country,
    units.category,
    units.pricing_model,
    units.pricing_type
from cells_of_units as units
semi join asked_cells
    on asked_cells.rate_date = units.rate_date
    and asked_cells.channel is not distinct from units.channel
    and asked_cells.market is not distinct from units.market
    and asked_cells.country is not distinct from units.country
    and asked_cells.category is not distinct from units.category
    and asked_cells.pricing_model is not distinct from units.pricing_model
    and asked_cells.pricing_type is not distinct from units.pricing_type
where units.account_id = $account_id and units.standing = 'counted'
order by units.counted_at, units.unit_key
limit $row_count;
