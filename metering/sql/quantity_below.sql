-- One row for each cell and bound of its scope: how much of the cell is among the first of the scope.
with reached as (
    select
        scope,
        cell_no,
        value,
        case
            when getvariable('are_left_whole') then row_number() over in_time
            else sum(value) over in_time
        end::decimal(38, 6) as reached
    from scoped_units
    window in_time as (partition by scope order by counted_at, unit_key rows unbounded preceding)
),
below as (
    select
        reached.scope,
        reached.cell_no,
        asked_bounds.bound,
        sum(part_below(reached.value, reached.reached, asked_bounds.bound::decimal(38, 6))) as quantity
    from reached
    join asked_bounds using (scope)
    group by all
)
select
    asked_scopes.scope,
    asked_bounds.bound,
    asked_cells.* exclude (cell_no),
    coalesce(below.quantity, 0)::decimal(38, 6) as quantity
from asked_scopes
join asked_cells using (cell_no)
join asked_bounds using (scope)
left join below
    on below.scope = asked_scopes.scope
    and below.cell_no = asked_scopes.cell_no
    and below.bound = asked_bounds.bound
order by all;
