-- Pseudo-random numbers as a function of (seed, purpose, row): the same on every machine, for any
-- number of threads. `draw` gives 64 bits; `part` takes one of its four 16-bit parts, below `size`.
create or replace macro draw(purpose, nr) as
    md5_number_lower(getvariable('seed') || ':' || purpose || ':' || nr);

-- Another 63 bits of a number that was drawn, for less; `salt` is 0 to 15.
create or replace macro redraw(drawn, salt) as
    ((drawn >> 20) & 2147483647) * (1640531527 + 71234566 * salt)::ubigint;

create or replace macro part(drawn, which, size) as
    ((drawn >> (16 * which)) & 65535)::bigint % size;

create or replace macro pick(words, number) as
    words[1 + number % len(words)];

-- The number and the user id of a contact, who had `changes` of them before.
create or replace macro number_of(prefix, local, changes) as
    prefix || if(changes = 0, '', (10 - changes)::varchar) || local;

create or replace macro user_id_of(country, drawn, changes) as
    country || '.' || (1000000000000000
        + (drawn % 9000000000000000 + changes * 777777777777) % 9000000000000000)::bigint;

-- Who a message or call is from, as far as the version and the contact show it.
create or replace macro contact_json(relation_no, number, user_id, api_version, has_no_number) as
    '{"profile":{"name":"Contact ' || relation_no || '"' || case
        when has_no_number
            then ',"username":"@contact' || relation_no || '"},"user_id":"' || user_id || '"}'
        when api_version = 25 then '},"wa_id":"' || number || '","user_id":"' || user_id || '"}'
        else '},"wa_id":"' || number || '"}'
    end;

-- What names a message: a number and random bits, in base64 as the network writes it. `kind` is 17
-- for a message of the business and 18 for one to it.
create or replace macro wamid_of(name, item_no, kind) as
    'wamid.' || to_base64(encode(
        chr(29) || chr(24) || chr(12) || name || chr(21) || chr(2) || chr(kind) || chr(24)
        || chr(2 * kind - 16)
        || upper(substr(md5(getvariable('seed') || ':wamid:' || item_no), 1, 2 * kind - 16))));

-- A change of one number, as the network wraps it: `content` is the lists of its value, each with
-- its name and a comma before it.
create or replace macro change_json(field, display_phone_number, sender_id, content) as
    '{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"'
    || display_phone_number || '","phone_number_id":"' || sender_id || '"}'
    || content || '},"field":"' || field || '"}';

-- The lists of a change of messages; a null is left out.
create or replace macro lists_json(contacts, messages, statuses) as
    coalesce(',"contacts":[' || contacts || ']', '')
    || coalesce(',"messages":[' || messages || ']', '')
    || coalesce(',"statuses":[' || statuses || ']', '');

-- A payload of one change.
create or replace macro payload_json(waba_id, change) as
    '{"object":"whatsapp_business_account","entry":[{"id":"' || waba_id || '","changes":['
    || change || ']}]}';

-- When the first thread from a number on begins.
create or replace macro chunk_begin_s(thread_no) as
    getvariable('begin_s') + thread_no * getvariable('span_s') // getvariable('thread_count');

-- How long a call lasted, 0 if nobody took it.
create or replace macro call_seconds(content, drawn) as
    if(content in ('user_answered', 'business_accepted'), 6 + part(drawn, 1, 600), 0);

-- The payload that an item is sent in with others: of its number in half an hour, or of all numbers
-- in ten minutes.
create or replace macro batch_no(drawn, sender_no, arrival) as
    if(
        part(drawn, 0, 1000) < 970,
        (sender_no * 65536 + (arrival - getvariable('begin_s')) // 1800) * 4 + 1,
        (arrival - getvariable('begin_s')) // 600 * 4 + 2);

-- Does authentication from abroad have a rate of its own there?
create or replace macro has_international_rate(country) as
    country in ('EG', 'ID', 'IN', 'MY', 'NG', 'PK', 'SA', 'ZA', 'AE')
    or not getvariable('is_service_free')
        and country in ('BD', 'IQ', 'KZ', 'KW', 'MA', 'NP', 'OM', 'LK', 'UA');
