-- One row for each cell and bound: how many units of the cell are among the first of its scope.
with placed as (
    select
        asked_cells.scope,
        counted.account_id,
        counted.channel,
        counted.market,
        counted.country,
        counted.category,
        counted.pricing_model,
        counted.pricing_type,
        counted.rate_date,
        row_number() over (
            partition by asked_cells.scope order by counted.counted_at, counted.unit_key
        ) as position
    from counted
    join asked_cells
        on asked_cells.account_id = counted.account_id
        and asked_cells.rate_date = counted.rate_date
        and asked_cells.channel is not distinct from counted.channel
        and asked_cells.market is not distinct from counted.market
        and asked_cells.country is not distinct from counted.country
        and asked_cells.category is not distinct from counted.category
        and asked_cells.pricing_model is not distinct from counted.pricing_model
        and asked_cells.pricing_type is not distinct from counted.pricing_type
)
select
    placed.* exclude (position),
    asked_bounds.bound,
    count(*) filter (where position <= asked_bounds.bound)::decimal(38, 6) as quantity
from placed
join asked_bounds using (scope)
group by all
order by all;
