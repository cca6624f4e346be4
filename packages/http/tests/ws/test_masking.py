import os
import pathlib
import runpy
import shutil
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waterspout.ws import ACCELERATED
from waterspout.ws._masking import apply_mask, apply_mask_in_python

#: Both where the wheel holds the accelerator, else the pure one; further down the accelerator is compiled.
APPLY_MASK = [apply_mask_in_python, apply_mask] if ACCELERATED else [apply_mask_in_python]
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 124, 125, 126, 6143, 6144, 6145, 6146, 6147, 65537, 2**20 + 1]

COMPILER = pathlib.Path(__file__).parents[2] / "accelerator" / "compile.py"
cc = shutil.which(os.environ.get("CC", "cc"))
needs_compiler = pytest.mark.skipif(cc is None, reason="there is no C compiler, so there can be no accelerator")


def by_definition(payload: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def test_the_accelerator_is_used_exactly_where_it_is_there() -> None:
    assert ACCELERATED == (apply_mask is not apply_mask_in_python)
    expected = os.environ.get("WATERSPOUT_EXPECT_ACCELERATED")
    assert expected is None or ACCELERATED == (expected == "1")


@pytest.mark.parametrize("apply_mask", APPLY_MASK)
@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_each_byte_is_xored_with_the_key_byte_at_its_place(apply_mask, payload: bytes, key: bytes) -> None:
    masked = apply_mask(payload, key)
    assert masked == by_definition(payload, key)
    assert apply_mask(masked, key) == payload


@pytest.mark.parametrize("apply_mask", APPLY_MASK)
@pytest.mark.parametrize("size", SIZES)
def test_WS22_every_tail_on_both_sides_of_the_change_of_method(apply_mask, size: int) -> None:
    payload = bytes(range(251)) * (size // 251 + 1)
    for key in (b"\0\0\0\0", b"\xff\x00\x80\x01", b"\1\2\3\4"):
        assert apply_mask(payload[:size], key) == by_definition(payload[:size], key)


@pytest.mark.parametrize("apply_mask", APPLY_MASK)
def test_masking_is_linear(apply_mask) -> None:
    payload = bytes(16 * 2**20)
    start = time.process_time()
    assert apply_mask(payload, b"abcd")[-4:] == b"abcd"
    assert time.process_time() - start < 2


# The accelerator, compiled here; in a process of its own, as it cannot be unloaded.

CHECK = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("waterspout.ws._accelerated", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for size in {SIZES}:
    for key in (bytes(4), b"\\xff\\x00\\x80\\x01"):
        payload = (bytes(range(251)) * (size // 251 + 1))[:size]
        expected = (int.from_bytes(payload) ^ int.from_bytes((key * (size // 4 + 1))[:size])).to_bytes(size)
        assert module.apply_mask(payload, key) == expected, size
        assert module.apply_mask(memoryview(payload), bytearray(key)) == expected, size
for wrong in (b"", b"abc", b"abcde"):
    try:
        module.apply_mask(b"x", wrong)
    except ValueError as error:
        assert f"not {{len(wrong)}}" in str(error)
    else:
        raise AssertionError(wrong)
for wrong in ((), (b"x",), ("text", b"abcd"), (b"x", 5)):
    try:
        module.apply_mask(*wrong)
    except TypeError:
        pass
    else:
        raise AssertionError(wrong)
print("checked")
"""


def checked(library: pathlib.Path, **env: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", CHECK, str(library)], env={**os.environ, **env}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@needs_compiler
def test_WS22_the_accelerator_gives_what_the_pure_one_gives(tmp_path: pathlib.Path) -> None:
    library = runpy.run_path(str(COMPILER))["compile_accelerator"](tmp_path)
    assert checked(library) == "checked"


@needs_compiler
def test_WS22_the_accelerator_reads_nothing_beyond_the_payload(tmp_path: pathlib.Path) -> None:
    sanitizer = subprocess.run([cc, "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    if not pathlib.Path(sanitizer).is_absolute():
        pytest.skip("this compiler has no address sanitizer")
    library = runpy.run_path(str(COMPILER))["compile_accelerator"](tmp_path, "-fsanitize=address", "-g")
    # Objects from malloc: the sanitizer knows where each ends. What the interpreter itself keeps is not our leak.
    options = {"LD_PRELOAD": sanitizer, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    assert checked(library, **options) == "checked"


def test_a_compiler_that_is_missing_or_fails_is_told_of(tmp_path: pathlib.Path, monkeypatch) -> None:
    compiler = runpy.run_path(str(COMPILER))
    monkeypatch.setenv("CC", str(tmp_path / "nothing"))
    with pytest.raises(compiler["CompilerError"], match="cannot be run"):
        compiler["compile_accelerator"](tmp_path)
    monkeypatch.setenv("CC", "false")
    with pytest.raises(compiler["CompilerError"], match="masking.c"):
        compiler["compile_accelerator"](tmp_path)
