"""Files of every kind have a clear outcome: read to the last line, or refused as a whole."""

import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard

from metering.errors import UsageError
from metering.files import LINE_BYTES_MAX, find_files
from metering.load import Load
from tests.metering.builders import Desk, counts, line, status, webhook

TWO = f"{line(webhook(status('a')))}\n{line(webhook(status('b')))}\n"
BROKEN = line(webhook(status("broken")))[:80]


def good(*names: str) -> str:
    return "".join(line(webhook(status(name))) + "\n" for name in names)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def refused_whole(desk: Desk, load: Load) -> str:
    """Answer why a file was refused, after a look that nothing of it was kept."""
    assert load.state == "refused"
    assert load.hint
    assert desk.rows("select * from events union all by name select * from quarantine") == []
    return load.why


def frames(*texts: str) -> bytes:
    return b"".join(zstandard.ZstdCompressor().compress(text.encode()) for text in texts)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.ndjson", TWO),
        ("log.ndjson.gz", gzip.compress(TWO.encode())),
        ("log.gz", gzip.compress(good("a").encode()) + gzip.compress(good("b").encode())),
        ("log.ndjson.zst", frames(good("a"), good("b"))),
        ("misnamed.json", gzip.compress(TWO.encode())),
        ("log.what", TWO),
        ("bom.ndjson", b"\xef\xbb\xbf" + TWO.encode()),
        ("bom.ndjson.gz", gzip.compress(b"\xef\xbb\xbf" + TWO.encode())),
        ("crlf.ndjson", TWO.replace("\n", "\r\n")),
        ("open-ended.ndjson", TWO.rstrip("\n")),
        ("blank.ndjson", "\n\n" + TWO.replace("\n", "\n\n   \n")),
        ("pretty.json", json.dumps([webhook(status("a")), webhook(status("b"))], indent=2)),
        (
            "one-after-the-other.json",
            "\n".join(json.dumps(webhook(status(name)), indent=2) for name in "ab"),
        ),
        ("array.json", json.dumps([webhook(status("a")), webhook(status("b"))])),
        ("array-of-lines.json", "[\n" + ",\n".join(TWO.splitlines()) + "\n]\n"),
        ("arrays.ndjson", "\n".join(json.dumps([webhook(status(name))]) for name in "ab")),
        ("array-first.ndjson", json.dumps([webhook(status("a"))]) + "\n" + good("b")),
        ("array-last.ndjson", good("a") + json.dumps([webhook(status("b"))]) + "\n"),
    ],
)
def test_a_log_in_any_wrapping_gives_the_same_two_deliveries(
    desk: Desk, name: str, content: str | bytes
) -> None:
    assert counts(desk.load_file(content, name)) == {"accepted": 2}
    assert len(desk.deliveries()) == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(TWO.encode() * 50)[:-9], "gzip data is damaged"),
        (gzip.compress(TWO.encode())[:40] + b"x" * 40, "gzip data is damaged"),
        (frames(TWO * 50)[:-9], "zstd data ends too early"),
        (frames(TWO) + frames(TWO * 50)[:-9], "zstd data ends too early"),
        (b"\x28\xb5\x2f\xfd" + b"not zstd" * 9, "zstd data"),
        (bytes(range(256)) * 9, "is a binary file"),
        (TWO.encode("utf-16"), "is UTF-16"),
        (TWO.encode("utf-16-be"), "is a binary file"),
        (b"PAR1" + b"not parquet" * 9, "Parquet file needs a mapping"),
        (json.dumps([webhook(status())], indent=1)[:-9], "not JSON from beginning to end"),
        (json.dumps(webhook(status()), indent=1)[:-9], "not JSON from beginning to end"),
        (f"[{line(webhook(status('a')))}, {BROKEN}]", "not JSON from beginning to end"),
        ("message,time\n1,2\n", "needs a mapping"),
    ],
)
def test_a_damaged_file_is_refused_as_a_whole(desk: Desk, content: str | bytes, why: str) -> None:
    assert why in refused_whole(desk, desk.load_file(content, "damaged"))


def of_length(name: str, length: int) -> str:
    text = line(webhook(status(name)))
    return text.removesuffix("}") + ', "pad": "' + "x" * (length - len(text) - 11) + '"}'


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_line_may_be_sixteen_mebibytes_long_and_no_byte_longer(desk: Desk, ending: str) -> None:
    most = of_length("b", LINE_BYTES_MAX)
    assert len(most) == LINE_BYTES_MAX
    more = good("c") + good("d") + of_length("e", LINE_BYTES_MAX + 1) + ending
    why = refused_whole(desk, desk.load_file(more, "more.ndjson"))
    assert why == "line 3 is longer than 16 MiB"
    first = of_length("f", LINE_BYTES_MAX + 1) + "\n" + good("g")
    assert "line 1 is" in refused_whole(desk, desk.load_file(first, "first.ndjson"))

    assert counts(desk.load_file(good("a") + most + ending, "most.ndjson")) == {"accepted": 2}


@pytest.mark.parametrize("content", ["", "\n", " \n\t\n"])
def test_an_empty_file_holds_nothing_and_is_fine(desk: Desk, content: str) -> None:
    load = desk.load_file(content)

    assert (load.state, load.read) == ("loaded", 0)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (BROKEN, "line is not JSON"),
        ("{bad", "line is not JSON"),
        (good("x").strip() + " " + good("y").strip(), "line holds more than one value"),
        (good("x").strip() + " xx", "line holds more than one value"),
        (good("x").replace('"x"', r'"\ud800"').strip(), "line is not JSON that can be stored"),
        ("[" * 100_000, "nested too deeply to be read"),
        ("1", "line is not a JSON object"),
        ("null", "line is not a JSON object"),
        ('"text"', "line is not a JSON object"),
        ("[]", "line is not a JSON object"),
        ("{}", "not a webhook of a known shape"),
    ],
)
@pytest.mark.parametrize("place", [1, 3])
def test_one_bad_line_is_set_aside_wherever_it_stands(
    desk: Desk, bad: str, reason: str, place: int
) -> None:
    lines = good("a", "b", "c", "d").splitlines()
    lines.insert(place - 1, bad)

    load = desk.load(*lines)

    assert counts(load) == {"accepted": 4, "quarantined": {reason: 1}}
    assert desk.refused() == [(place, None, reason)]


@pytest.mark.parametrize("place", [1, 2])
def test_a_line_that_is_not_utf_8_is_set_aside(desk: Desk, place: int) -> None:
    lines = [text.encode() for text in good("a", "b").splitlines()]
    lines.insert(place - 1, good("x").strip().encode().replace(b'"x"', b'"\xff\xfe"'))

    load = desk.load_file(b"\n".join(lines) + b"\n")

    assert counts(load) == {"accepted": 2, "quarantined": {"line is not UTF-8": 1}}
    assert desk.refused() == [(place, None, "line is not UTF-8")]


def test_two_bad_lines_at_the_top_do_not_take_the_others_with_them(desk: Desk) -> None:
    load = desk.load(BROKEN, BROKEN, *good("a", "b").splitlines())

    assert counts(load) == {"accepted": 2, "quarantined": {"line is not JSON": 2}}


def test_a_log_of_one_broken_line_is_a_row_in_quarantine(desk: Desk) -> None:
    assert counts(desk.load(BROKEN)) == {"quarantined": {"line is not JSON": 1}}


def test_the_last_line_of_a_log_that_was_cut_is_set_aside(desk: Desk) -> None:
    load = desk.load_file(good("a", "b") + BROKEN)

    assert counts(load) == {"accepted": 2, "quarantined": {"line is not JSON": 1}}
    assert desk.refused() == [(3, None, "line is not JSON")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_numbers_are_those_that_an_editor_shows(desk: Desk, end: str) -> None:
    lines = ["", *good("a").splitlines(), "", "   ", "{bad", "", *good("b").splitlines(), "{bad"]

    load = desk.load_file(end.join(lines) + end)

    assert counts(load) == {"accepted": 2, "quarantined": {"line is not JSON": 2}}
    assert [place[0] for place in desk.refused()] == [5, 8]


def test_not_a_number_is_no_time_and_does_no_harm_elsewhere(desk: Desk) -> None:
    timeless = line(webhook(status("x"))).replace('"1790856000"', "NaN")
    strange = line(webhook(status("y"))).replace('"object": ', '"unknown": NaN, "object": ')

    load = desk.load(*good("a").splitlines(), timeless, strange)

    reason = "timestamp is not a number of seconds"
    assert counts(load) == {"accepted": 2, "quarantined": {reason: 1}}


@pytest.mark.parametrize("depth", [900, 5_000, 100_000])
def test_deep_nesting_in_a_field_is_no_bomb(desk: Desk, depth: int) -> None:
    unknown = line(webhook(status("x"))).replace('"object": ', f'"x": {nested(depth)}, "object": ')
    known = line(webhook(status("y"), errors="ERRORS")).replace('"ERRORS"', nested(depth))
    top = nested(depth)

    load = desk.load(*good("a").splitlines(), unknown, known, top, *good("b").splitlines())

    assert counts(load) == {
        "accepted": 4,
        "ignored": {"value errors": 1},
        "quarantined": {"line is not a JSON object": 1},
    }
    assert desk.refused() == [(4, "payload 1", "line is not a JSON object")]


def test_a_line_of_three_megabytes_is_read(desk: Desk) -> None:
    long = line({"unknown": "y" * 3_000_000, **webhook(status("x"))})

    assert counts(desk.load(*good("a").splitlines(), long)) == {"accepted": 2}


def test_a_line_of_seventeen_megabytes_has_a_clear_outcome(desk: Desk) -> None:
    long = line({"unknown": "y" * 17_000_000, **webhook(status("x"))})

    load = desk.load(*good("a").splitlines(), long, *good("b").splitlines())

    if load.state == "refused":
        refused_whole(desk, load)
    else:
        assert load.read == 3
        assert load.accepted + sum(load.quarantined.values()) == 3


def test_elements_that_are_no_payloads_are_set_aside_by_their_position(desk: Desk) -> None:
    load = desk.load(webhook(status("a")), json.dumps([webhook(status("b")), 1, None, "x", {}]))

    assert counts(load)["accepted"] == 2
    assert load.read == 6
    assert [place[:2] for place in desk.refused()] == [
        (2, f"payload {number}") for number in (2, 3, 4, 5)
    ]


def test_the_same_content_is_recognised_under_any_name_and_wrapping(desk: Desk) -> None:
    names = [
        desk.write("1.ndjson", TWO),
        desk.write("2.ndjson", TWO),
        desk.write("3.ndjson.gz", gzip.compress(TWO.encode())),
        desk.write("4.zst", frames(TWO)),
        desk.write("5.json", b"\xef\xbb\xbf" + TWO.encode()),
    ]

    first, *others = desk.load_names(names)

    assert first.state == "loaded"
    assert {load.state for load in others} == {"already loaded"}
    assert len(desk.deliveries()) == 2


def test_a_copy_of_a_file_that_was_refused_is_refused_too(desk: Desk) -> None:
    damaged = "id,other\n1,2\n"
    mapping = "channel='sms'\n[columns]\nmessage_id='id'\nsender_id='from'\nstatus='id'\n"
    mapping += "occurred_at='from'\n"
    names = [desk.write("1.csv", damaged), desk.write("2.csv", damaged)]

    loads = desk.load_names(names, mapping=mapping)

    assert [load.state for load in loads] == ["refused", "refused"]


@pytest.mark.parametrize("first", [BROKEN + "\n" + good("x"), "1\n", json.dumps([{}]) + "\n{}\n"])
def test_a_file_that_begins_oddly_takes_nothing_from_the_files_after_it(
    desk: Desk, first: str
) -> None:
    names = [
        desk.write(f"{n}.ndjson", text) for n, text in enumerate([first, good("a"), good("b")])
    ]

    _, *others = desk.load_names(names)

    assert [counts(load) for load in others] == [{"accepted": 1}, {"accepted": 1}]


def test_places_are_those_of_each_file_in_a_folder(desk: Desk) -> None:
    names = [desk.write(f"{n}.ndjson", good(f"m{n}") + "\n" * n + "{bad\n") for n in range(3)]

    loads = desk.load_names(names)

    assert [counts(load) for load in loads] == [
        {"accepted": 1, "quarantined": {"line is not JSON": 1}}
    ] * 3
    places = desk.rows("select name, line, raw from quarantine order by name")
    assert places == [(name, 2 + n, "{bad") for n, name in enumerate(names)]


def test_one_file_of_many_that_is_damaged_leaves_the_others_whole(desk: Desk) -> None:
    names = [desk.write(f"{n}.json", good(f"m{n}")) for n in range(5)]
    names.insert(2, desk.write("x.json.gz", gzip.compress(TWO.encode() * 50)[:-9]))
    names.insert(4, desk.write("y.json", json.dumps(webhook(status()), indent=1)[:-9]))

    loads = desk.load_names(names)

    refused = [load.name for load in loads if load.state == "refused"]
    assert refused == [names[2], names[4]]
    assert [load.name for load in loads] == names
    assert len(desk.deliveries()) == 5


def test_a_refused_file_does_not_stop_the_next(desk: Desk) -> None:
    names = [desk.write("1.gz", gzip.compress(TWO.encode())[:-9]), desk.write("2.json", TWO)]

    assert [load.state for load in desk.load_names(names)] == ["refused", "loaded"]


def test_folders_and_globs_are_searched_by_ending_and_each_file_is_named_once(
    tmp_path: Path,
) -> None:
    for name in ("a.json", "b.ndjson.gz", "c.parquet", "in/d.csv", "note.txt", ".hidden.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()

    folder = find_files([str(tmp_path), str(tmp_path / "a.json")])

    assert folder == [str(tmp_path / n) for n in ("a.json", "b.ndjson.gz", "c.parquet", "in/d.csv")]
    assert find_files([str(tmp_path / "*.json")]) == [str(tmp_path / "a.json")]
    assert find_files([str(tmp_path / "note.txt")]) == [str(tmp_path / "note.txt")]


def test_a_name_that_nothing_answers_to_is_a_mistake_of_the_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        find_files([str(tmp_path / "missing.json")])


def test_standard_input_is_a_file_like_any_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrive(content: bytes) -> Any:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        return desk.load_names(["-"])[0]

    first = arrive(TWO.encode())
    again = arrive(gzip.compress(TWO.encode()))

    assert (first.name, counts(first)) == ("standard input", {"accepted": 2})
    assert again.state == "already loaded"
