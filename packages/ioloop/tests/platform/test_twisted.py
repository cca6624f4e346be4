"""`waterspout.platform.twisted`. Each test is a process of its own: a reactor cannot be taken back."""

import subprocess
import sys
import textwrap

import pytest


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import_needs_no_twisted():
    assert run("import waterspout.platform.twisted, sys; print('twisted' in sys.modules)") == "False\n"


def test_install_without_twisted_names_it():
    code = """
        import sys
        sys.modules["twisted"] = None
        import waterspout.platform.twisted
        try:
            waterspout.platform.twisted.install()
        except ImportError as error:
            print(error)
        """
    assert "twisted" in run(code)


def test_install_puts_twisted_on_the_same_loop_and_deferreds_can_be_awaited():
    pytest.importorskip("twisted")
    out = run(
        """
        import asyncio
        from waterspout.ioloop import IOLoop
        from waterspout.platform.twisted import install
        from waterspout import gen
        io_loop = IOLoop()
        install()
        from twisted.internet import reactor
        from twisted.internet.defer import Deferred
        assert type(reactor).__name__ == "AsyncioSelectorReactor"
        assert reactor._asyncioEventloop is io_loop.asyncio_loop

        @gen.coroutine
        def main():
            good, bad = Deferred(), Deferred()
            reactor.callLater(0.001, good.callback, 5)
            reactor.callLater(0.002, bad.errback, ZeroDivisionError())
            print((yield good))
            try:
                yield bad
            except ZeroDivisionError:
                print("raised")

        io_loop.run_sync(main)
        """
    )
    assert out == "5\nraised\n"


def test_deferreds_can_be_yielded_as_soon_as_the_bridge_is_imported_beside_twisted():
    pytest.importorskip("twisted")
    out = run(
        """
        from twisted.internet.defer import Deferred
        import waterspout.platform.twisted
        from waterspout import gen
        from waterspout.ioloop import IOLoop
        deferred = Deferred()
        IOLoop.current().call_later(0.001, deferred.callback, 5)

        @gen.coroutine
        def main():
            print((yield deferred))

        IOLoop.current().run_sync(main)
        """
    )
    assert out == "5\n"
