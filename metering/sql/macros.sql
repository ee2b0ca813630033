-- Rules that more than one statement needs, each said once.

-- The keyed hash that stands for a number, a user id or another name that must not be kept.
create or replace temp macro key_of(kind, name) as
    md5_number(concat(getvariable('hash_key'), kind, chr(31)) || name);

-- What a message is known by: its channel, direction, sender and id, and its part: the participant
-- of a group message, or the type of an inbound one.
create or replace temp macro message_key_of(channel, direction, sender_id, message_id, part) as
    md5_number(concat(
        getvariable('hash_key'), channel, chr(31), direction, chr(31), sender_id, chr(31), message_id,
        chr(31), part
    ));

-- What stands for a contact in a text: the key that messages have of a number, or of a user id.
create or replace temp macro contact_word(name) as
    concat(
        'contact:',
        case
            when regexp_matches(name, '[A-Za-z]') then key_of('user', name)
            else key_of('contact', ltrim(name, '+'))
        end
    );

-- The data of a CloudEvent, at any depth, with keyed hashes in place of what names a contact.
create or replace temp macro without_contacts(data) as
    list_reduce(
        regexp_extract_all(data, getvariable('contact_fields')),
        lambda text, pair: replace(
            text,
            pair,
            concat(
                regexp_extract(pair, '^("[^"]*"\s*:\s*)', 1),
                '"',
                contact_word(regexp_extract(pair, ':\s*"?([^"]*)"?$', 1)),
                '"'
            )
        ),
        data
    );

-- The beginning of a number that decides its prefix: see metering/market.py.
create or replace temp macro head_of(number) as
    left(
        number,
        case
            when list_contains(getvariable('deep_heads'), left(number, getvariable('head_length')))
                then getvariable('deep_length')
            else getvariable('head_length')
        end
    );

-- A time in seconds as an instant, null outside the years 2009 to 2099: fixed bounds, no clock.
create or replace temp macro instant_of(seconds) as
    case
        when seconds between 1230768000 and 4102444799 then make_timestamp(seconds * 1000000)
    end;

-- Why a time in seconds cannot be used, null where it can.
create or replace temp macro time_problem(seconds) as
    case
        when seconds is null then 'timestamp is not a number of seconds'
        when seconds between 1230768000000 and 4102444799999 then 'timestamp is in milliseconds'
        when seconds < 1230768000 then 'timestamp is before 2009'
        when seconds >= 4102444800 then 'timestamp is after 2099'
    end;

-- How many seconds a window of a rule lasts that opens at an instant: see data/window_lengths.csv.
create or replace temp macro length_at(window_rule, instant) as
    list_last(list_filter(
        getvariable('window_lengths'),
        lambda step: step.rule = window_rule and step.from_at <= instant
    )).seconds;

-- Whether a refused row can be tried again: its text is kept, and is one of its kind.
create or replace temp macro can_be_retried(format, raw) as
    case
        when raw is null or not json_valid(raw) then false
        else format in ('webhooks', 'cloudevents') or json_type(raw) = 'OBJECT'
    end;
