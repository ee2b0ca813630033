-- One row for each link of the names that were reached.
create or replace temp table reached_links as
select links.*
from links
semi join reached
    on reached.sender_id = links.sender_id and reached.key = links.one_key;

-- One row for each stretch of a number, from its beginning on: see docs/decisions/0011-contacts.md.
create or replace temp table number_stretches as
with changes as (
    select distinct sender_id, key, linked_at as instant
    from (
        select sender_id, one_key as key, linked_at from reached_links where kind = 'number_changed'
        union all
        select sender_id, other_key, linked_at from reached_links where kind = 'number_changed'
    )
),
pieces as (
    select sender_id, key, instant from changes
    union all
    select distinct sender_id, key, '-infinity'::timestamp
    from (
        select sender_id, one_key as key from reached_links where kind = 'same'
        union
        select sender_id, key from changes
    )
),
firsts as (
    select
        same.sender_id,
        same.one_key as key,
        same.linked_at as instant,
        pieces.instant as piece_at
    from (from reached_links where kind = 'same') as same
    asof join pieces
        on pieces.sender_id = same.sender_id and pieces.key = same.one_key and same.linked_at >= pieces.instant
),
cuts as (
    select sender_id, key, instant from pieces
    union
    -- The earliest user id of a piece is that of the piece itself.
    select sender_id, key, instant
    from (
        select *, min(instant) over (partition by sender_id, key, piece_at) as earliest_at from firsts
    )
    where instant > earliest_at
)
select
    sender_id,
    key,
    instant as from_at,
    case
        when instant = '-infinity' then key else md5_number(concat(key, chr(31), epoch_us(instant)))
    end as stretch_key
from cuts;

-- One row for each name as a node: users, and stretches of numbers, the smallest stretch first.
create or replace temp table nodes as
select
    sender_id,
    key,
    row_number() over (order by is_user, key, sender_id) as node_no,
    row_number() over (order by is_user, key, sender_id) as label
from (
    select sender_id, stretch_key as key, false as is_user from number_stretches
    union
    select sender_id, other_key, true from reached_links where kind in ('same', 'user_changed')
    union
    select sender_id, one_key, true from reached_links where kind = 'user_changed'
);

-- One row for each direction of each tie between two nodes.
create or replace temp table ties as
with pairs as (
    select same.sender_id, stretches.stretch_key as one_key, same.other_key
    from (from reached_links where kind = 'same') as same
    asof join number_stretches as stretches
        on stretches.sender_id = same.sender_id and stretches.key = same.one_key
        and same.linked_at >= stretches.from_at
    union
    select sender_id, one_key, other_key
    from reached_links
    where kind = 'user_changed'
    union
    select changed.sender_id, before.stretch_key, after.stretch_key
    from (from reached_links where kind = 'number_changed') as changed
    asof join number_stretches as before
        on before.sender_id = changed.sender_id and before.key = changed.one_key
        and changed.linked_at > before.from_at
    join number_stretches as after
        on after.sender_id = changed.sender_id and after.key = changed.other_key
        and after.from_at = changed.linked_at
),
numbered as (
    select ones.node_no as one_no, others.node_no as other_no
    from pairs
    join nodes as ones on ones.sender_id = pairs.sender_id and ones.key = pairs.one_key
    join nodes as others on others.sender_id = pairs.sender_id and others.key = pairs.other_key
)
select one_no, other_no from numbered
union
select other_no, one_no from numbered;
