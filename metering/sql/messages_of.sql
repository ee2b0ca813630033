-- One row for each message of an account in the cells asked for, in the order of time.
select
    printf('%032x', counted.unit_key) as message,
    counted.counted_at as delivered_at,
    counted.channel,
    counted.market,
    counted.country,
    counted.category,
    counted.pricing_model,
    counted.pricing_type
from counted
semi join asked_cells
    on asked_cells.rate_date = counted.rate_date
    and asked_cells.channel is not distinct from counted.channel
    and asked_cells.market is not distinct from counted.market
    and asked_cells.country is not distinct from counted.country
    and asked_cells.category is not distinct from counted.category
    and asked_cells.pricing_model is not distinct from counted.pricing_model
    and asked_cells.pricing_type is not distinct from counted.pricing_type
where counted.account_id = $account_id
order by counted.counted_at, counted.unit_key
limit $row_count;
