-- Exact arithmetic of meters, in whole millionths. The engine's own division makes a binary fraction.

create or replace temp macro millionths(value) as (value * 1000000)::hugeint;

create or replace temp macro from_millionths(count) as (count * 0.000001::decimal(7, 6))::decimal(38, 6);

-- A number that was written in a text; null where it is none, or has more than 18 digits before its
-- point. More than six decimals are rounded, half away from zero.
create or replace temp macro number_in(text) as try_cast(text as decimal(24, 6));

-- A quotient rounded once, half away from zero, to a whole number; the divisor is more than zero.
create or replace temp macro quotient(dividend, divisor) as
    sign(dividend)::hugeint * ((2 * abs(dividend) + divisor) // (2 * divisor))::hugeint;

-- Each step of a size that was begun, at so much; null below zero.
create or replace temp macro in_steps(value, size, worth) as
    case
        when value >= 0 then (from_millionths(
            ((millionths(value) + millionths(size) - 1) // millionths(size)) * millionths(worth)
        ))::decimal(24, 6)
    end;

-- Of values and how often each is there, the least that at least a share (in millionths) of them do
-- not exceed.
create or replace temp macro nearest_rank(values_, share) as (
    with ranked as (
        select
            item.value as value,
            sum(item.count) over (order by item.value) as reached,
            sum(item.count) over () as total
        from (select unnest(values_) as item)
        where item.value is not null
    )
    select min(value) from ranked where reached * 1000000 >= total * share
);

-- Of a value after which a running total has been reached, what lies below a bound of the total: up to
-- the bound, or nothing where the value crosses it and so lies after it.
create or replace temp macro part_below(value, reached, bound) as
    case getvariable('crossing')
        when 'after'
            then case when greatest(reached - value, reached) <= bound then value else 0 end
        else least(reached, bound) - least(reached - value, bound)
    end;

-- A value, or the least or most that it counts as; a limit that is null does not bind.
create or replace temp macro held_within(value, least_value, most_value) as
    case when value is not null then least(greatest(value, least_value), most_value)::decimal(24, 6) end;
