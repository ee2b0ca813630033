-- One row: what became of a file.
insert into loads
select
    $load_id as load_id,
    $content as content_sha256,
    $size_bytes as size_bytes,
    $name as name,
    $format as format,
    $read as read_count,
    $accepted as accepted_count,
    $duplicates as duplicate_count,
    $reported_again as reported_again_count,
    $ignored as ignored,
    $quarantined as quarantined,
    $unknown_fields as unknown_fields,
    $version as engine_version,
    $now as loaded_at;
