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

-- What happened to one number, as the network wraps it; a null part is left out.
create or replace macro value_json(display_phone_number, sender_id, contacts, messages, statuses) as
    '{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"'
    || display_phone_number || '","phone_number_id":"' || sender_id || '"}'
    || coalesce(',"contacts":[' || contacts || ']', '')
    || coalesce(',"messages":[' || messages || ']', '')
    || coalesce(',"statuses":[' || statuses || ']', '')
    || '},"field":"messages"}';
