-- Each node takes the smallest label among itself and its neighbours, and then the label of the node
-- that its label names, so that a chain is crossed in few rounds.
create or replace temp table spread as
with nearest as (
    select
        nodes.node_no,
        least(nodes.label, min(neighbours.label)) as label
    from nodes
    join ties on ties.one_no = nodes.node_no
    join nodes as neighbours on neighbours.node_no = ties.other_no
    group by nodes.node_no, nodes.label
)
select nearest.node_no, least(nearest.label, named.label) as label
from nearest
join nodes as named on named.node_no = nearest.label;

update nodes
set label = spread.label
from spread
where spread.node_no = nodes.node_no and spread.label < nodes.label;
