-- One line for each element of a JSON array: a line break stands only between tokens, never in one.
copy (
    select replace(replace(json::varchar, chr(10), ' '), chr(13), ' ')
    from read_json_objects(
        getvariable('path'), format = 'array', maximum_object_size = 67108864
    )
) to (getvariable('target')) (format csv, header false, delimiter E'\x01', quote '', escape '');
