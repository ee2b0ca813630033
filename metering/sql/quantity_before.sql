-- One row for each scope: how much of it comes before a unit.
with before as (
    select scope, sum(value) as quantity
    from scoped_units
    where (counted_at, unit_key) < ($counted_at, $unit_key::uhugeint)
    group by scope
)
select asked.scope, coalesce(before.quantity, 0)::decimal(38, 6) as quantity
from (select distinct scope from asked_scopes) as asked
left join before using (scope)
order by asked.scope;
