-- One row per account: rank 1 sends most. Size follows rank loosely.
create or replace table account as
with home_at as (
    select row_number() over (order by country, weight_no) - 1 as roll, home.*
    from home, unnest(range(weight)) as weights(weight_no)
),
drawn as (
    select
        account_no,
        draw('account', account_no) as d,
        draw('account size', account_no) as e
    from range(1, getvariable('account_count') + 1) as numbers(account_no)
),
placed as (
    select
        account_no, d, e, country, currency, language,
        string_split(time_zones, ' ') as zones,
        case
            when account_no * 20 <= getvariable('account_count') then 250 + part(e, 0, 9000)
            when account_no * 4 <= getvariable('account_count') then 20 + part(e, 0, 800)
            else 1 + part(e, 0, 70)
        end as employee_count
    from drawn join home_at on home_at.roll = part(d, 0, 100)
)
select
    account_no, d, e, country, currency, language, zones, employee_count,
    'acct-' || lpad(account_no::varchar, 5, '0') as account_id,
    pick(zones, part(d, 1, 8)) as time_zone,
    pick(['Amber', 'Birch', 'Blue', 'Cedar', 'Coral', 'Crown', 'Delta', 'Fern', 'Harbor', 'Hazel',
          'Indigo', 'Juniper', 'Lark', 'Linden', 'Maple', 'Meadow', 'North', 'Olive', 'Pearl',
          'River', 'Saffron', 'Silver', 'Summit', 'Willow'], part(d, 2, 24)) || ' ' ||
    pick(['Bakery', 'Bank', 'Books', 'Clinic', 'Coffee', 'Courier', 'Dental', 'Energy', 'Fashion',
          'Fitness', 'Florist', 'Foods', 'Garage', 'Hotel', 'Insurance', 'Logistics', 'Market',
          'Opticians', 'Pharmacy', 'School', 'Telecom', 'Tickets', 'Travel', 'Water'],
         part(d, 3, 24)) as name,
    -- Every twentieth has no number yet: it pays fees alone. The largest have several numbers.
    case
        when account_no > 20 and account_no % 20 = 0 then 0
        when account_no * 50 <= getvariable('account_count') then 2 + part(e, 1, 4)
        when part(e, 1, 10) = 0 then 2
        else 1
    end as sender_count,
    case
        when currency = 'EUR' then 'sample-europe'
        when employee_count >= 50 or part(e, 2, 10) < 4 then 'sample-growth'
        else 'sample-pay-as-you-go'
    end as plan,
    plan = 'sample-growth' and account_no > 3 and part(e, 3, 40) = 0 as has_changed_plan,
    draw('waba row', account_no) % 20 = 0 as is_owned_by_waba
from placed;

-- One row per number, with what its webhooks look like and its share of all messages.
create or replace table sender as
with numbered as (
    select account.*, sender_index, account_no * 10 + sender_index as sender_no
    from account, unnest(range(sender_count)) as senders(sender_index)
),
drawn as (
    select *, draw('sender', sender_no) as s from numbered
)
select
    sender_no, sender_index, account_no, account_id, is_owned_by_waba,
    country as account_country,
    (100000000000000 + sender_no * 104729 + s % 104729)::varchar as sender_id,
    (200000000000000 + (account_no * 10 + sender_index // 3) * 104729 + getvariable('seed') % 104729
    )::varchar as waba_id,
    '1555' || lpad((sender_no % 10000000)::varchar, 7, '0') as display_phone_number,
    account_no * 10 + sender_index // 3 as waba_no,
    case when draw('waba zone', waba_no) % 30 = 0 then 'UTC' end as own_time_zone,
    coalesce(own_time_zone, time_zone) as time_zone,
    case when part(s, 2, 10) < 3 then 23 when part(s, 2, 10) < 7 then 24 else 25 end as api_version,
    part(s, 3, 3) = 0 as is_auth_international,
    -- A few numbers change hands in the middle of the month.
    not is_owned_by_waba and sender_index = 1 and draw('moved', sender_no) % 6 = 0 as is_moved,
    -- What these receive, and their calls, go to somebody else: the log has their statuses alone.
    account_no > 2 and draw('silent', sender_no) % 10 = 0 as is_silent,
    -- These are used from the phone app, too; some were only now.
    account_no = 4 or draw('app', sender_no) % 12 = 0 as has_app,
    has_app and (account_no = 4 or part(draw('app', sender_no), 1, 3) = 0) as is_new_with_app,
    account_no = 1 or draw('send log', account_no) % 3 = 0 as has_send_log,
    account_no = 3 or draw('consent', account_no) % 6 = 0 as has_consents,
    (1000000000000 // (account_no + 4) // sender_count)::bigint as weight,
    sum(weight) over (order by sender_no)::bigint - weight as weight_before
from drawn;

-- One row per WhatsApp Business Account.
create or replace table waba as
with grouped as (
    select
        waba_no,
        any_value(waba_id) as waba_id,
        any_value(account_no) as account_no,
        any_value(account_country) as account_country,
        bool_or(is_auth_international) as is_auth_international,
        bool_or(has_send_log) as has_send_log,
        bool_or(is_moved) as has_moved
    from sender
    group by waba_no
)
select
    *,
    -- Its owner leaves the seller some days before the month ends; its log goes on for a while.
    account_no > 20 and not has_moved
        and (account_no = 27 or draw('removed', account_no) % 150 = 0) as is_removed,
    -- From this instant on one of its templates has another category.
    case
        when has_send_log and (account_no = 1 or draw('template', waba_no) % 3 = 0)
            then getvariable('begin_s') + (8 + draw('template', waba_no) % 16)::bigint * 86400
    end as recategorised_s
from grouped;
