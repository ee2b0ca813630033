-- One row for each name that a link leads to from the frontier, and that was not reached before.
create or replace temp table frontier as
(
    select links.sender_id, links.other_key as key
    from links
    semi join frontier
        on frontier.sender_id = links.sender_id and frontier.key = links.one_key
    union
    select links.sender_id, links.one_key
    from links
    semi join frontier
        on frontier.sender_id = links.sender_id and frontier.key = links.other_key
)
except
from reached;

insert into reached
from frontier;
