-- One row for each unit and first scope of its cell, with what is left of it: what does not lie within
-- the first bound.
create or replace temp view left_units as
with reached as (
    select
        cell_units.*,
        asked_firsts.first_scope,
        asked_firsts.first_bound,
        case
            when getvariable('are_whole') then row_number() over in_time
            else sum(cell_units.value) over in_time
        end::decimal(38, 6) as reached
    from cell_units
    join asked_firsts using (cell_no)
    window in_time as (
        partition by asked_firsts.first_scope
        order by cell_units.counted_at, cell_units.unit_key
        rows unbounded preceding
    )
)
select
    cell_no,
    counted_at,
    unit_key,
    case
        when first_scope is null then value
        else value - part_below(value, reached, first_bound)
    end::decimal(38, 6) as value,
    first_scope
from reached;
