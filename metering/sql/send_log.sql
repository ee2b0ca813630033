-- One row for each message of the send log: the category of the template that it was sent with, the
-- latest entry's where there are several. A message may be delivered thirty days after it was sent.
create or replace temp table send_log as
select
    message_key as id_key,
    arg_max(replace(lower(category), '-', '_'), (occurred_at, category)) as category
from events
where
    direction = 'send'
    and category is not null
    and occurred_at >= getvariable('start_at') - interval 32 days
    and occurred_at < getvariable('end_at')
group by message_key;

-- What of a category its template decides; groups, the interface and the country add the rest.
create or replace temp macro plain_category(category) as
    regexp_replace(category, '^group_|_lite$|_international$', '', 'g');

-- The category by our opinion: the network's, unless the send log denies it. Three words of the
-- network name a kind of conversation, whatever the template.
create or replace temp macro category_of(network_category, sent_category) as
    case
        when sent_category is null
            or network_category in ('business_initiated', 'user_initiated', 'referral_conversion')
            or plain_category(network_category) = plain_category(sent_category)
            then network_category
        when starts_with(network_category, 'group_') then concat('group_', sent_category)
        else sent_category
    end;
