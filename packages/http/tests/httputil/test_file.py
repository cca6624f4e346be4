import pytest

from waterspout.httputil import HTTPFile, safe_filename


@pytest.mark.parametrize(
    ("filename", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y", "y"),
        ("a/b\\c.txt", "c.txt"),
        ("plain.txt", "plain.txt"),
        (".profile", ".profile"),
        ("été 1.txt", "été 1.txt"),
        ("a.txt. .", "a.txt"),
        ("..", None),
        (".", None),
        ("a/..", None),
        ("a/", None),
        ("", None),
        ("a\0b", None),
        ("a\nb", None),
        ("NUL", None),
        ("con.txt", None),
        ("aux .png", None),
        ("COM1.log", None),
        ("a.txt::$DATA", None),
        ("a?b", None),
        ("conman", "conman"),
    ],
)
def test_MP3_safe_filename_names_no_directory(filename: str, safe: str | None) -> None:
    file = HTTPFile(filename=filename, body=b"", content_type="text/plain")
    assert file.safe_filename == safe_filename(filename) == safe
    assert file.filename == filename


def test_file_is_a_dictionary_with_attributes() -> None:
    file = HTTPFile(filename="a", body=b"b", content_type="c")
    assert file == {"filename": "a", "body": b"b", "content_type": "c"}
    assert (file.filename, file.body, file.content_type) == ("a", b"b", "c")
    with pytest.raises(AttributeError):
        _ = file.other
