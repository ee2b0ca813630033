-- A payload without entries may be of a kind that is known and not for us; else it gets the reason
-- that helps its reader.
update asides
set aside = case
    when json_type(aside.raw) != 'OBJECT'
        then struct_update(aside, reason := 'line is not a JSON object'::varchar, ignored := null::varchar)
    when list_has_any(json_keys(aside.raw), getvariable('analytics'))
        or json_exists(aside.raw, '$.data[0].data_points')
        then struct_update(aside, reason := null::varchar, ignored := 'analytics responses'::varchar)
    when json_exists(aside.raw, '$.specversion')
        then struct_update(aside, reason := 'a CloudEvent among webhooks'::varchar, ignored := null::varchar)
    when json_array_length(aside.raw, '$.entry') = 0 then aside
    when json_exists(aside.raw, '$.entry[0]')
        then struct_update(aside, reason := 'nested too deeply to be read'::varchar, ignored := null::varchar)
    else struct_update(aside, reason := 'not a webhook of a known shape'::varchar, ignored := null::varchar)
end
where aside.reason = 'payload has no entries' and aside.raw is not null;
