-- One row for each column of a CSV file, by its header.
select column_name
from (
    describe from read_csv(
        getvariable('path'), header = true, all_varchar = true, delim = getvariable('delimiter'),
        quote = '"', escape = '"', sample_size = 1, null_padding = true, ignore_errors = true
    )
);
