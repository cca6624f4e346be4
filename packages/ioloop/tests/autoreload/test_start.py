"""`start`, `watch`, `wait` and `add_reload_hook` inside a program, which is started again in its own process."""

SERVER = """
import asyncio, os, sys, logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
import part
from waterspout import autoreload
from waterspout.ioloop import IOLoop

print("version", part.version, "pid", os.getpid(), "arguments", sys.argv[1:], "folder", os.path.basename(os.getcwd()))
autoreload.add_reload_hook(lambda: print("hook"))
async def main():
    autoreload.start(check_time=20)
    print("ready", flush=True)
    await asyncio.sleep(60)
IOLoop.run(main)
"""


def test_changed_module_restarts_the_process_with_the_same_arguments(editor):
    editor.write("part.py", "version = 1\n")
    editor.write("server.py", SERVER)
    program = editor.start("-X", "dev", "server.py", "--name=a b", "'quoted' $HOME", "*")
    first = editor.read_until(program, "ready")
    editor.write("part.py", "version = 22\n")
    second = editor.read_until(program, "ready")
    assert "version 1 " in first
    assert "hook" in second
    assert "part.py modified; restarting" in second
    assert "version 22 " in second
    assert """arguments ['--name=a b', "'quoted' $HOME", '*']""" in second
    pid = f"pid {program.pid} "
    assert pid in first and pid in second, "the process stays the same one"


def test_syntax_error_is_survived_and_mending_it_restarts(editor):
    editor.write("part.py", "version = 1\n")
    editor.write("server.py", SERVER)
    program = editor.start("server.py")
    editor.read_until(program, "ready")
    editor.write("part.py", "version = = 2\n")
    broken = editor.read_until(program, "cannot be loaded")
    assert "version" not in broken.replace("version = = 2", "")
    editor.write("part.py", "version = 33\n")
    assert "version 33 " in editor.read_until(program, "ready")


def test_syntax_error_restarts_a_program_that_shows_what_is_wrong_with_it(editor):
    editor.write("part.py", "version = 1\n")
    server = SERVER.replace("check_time=20", "check_time=20, despite_errors=True")
    editor.write("server.py", server.replace("import part\n", "try: import part\nexcept SyntaxError: part = None\n"))
    shown = "part.version if part else 'none',"
    editor.write("server.py", (editor.folder / "server.py").read_text().replace("part.version,", shown))
    program = editor.start("server.py")
    assert "version 1 " in editor.read_until(program, "ready")
    editor.write("part.py", "version = = 2\n")
    assert "version none " in editor.read_until(program, "ready")


def test_restart_happens_where_the_program_was_started_although_it_went_elsewhere(editor):
    editor.write("part.py", "import os\nversion = 1\n")
    editor.write("server.py", SERVER.replace("async def main():", "async def main():\n    os.chdir('/')"))
    program = editor.start("server.py")
    editor.read_until(program, "ready")
    editor.write("part.py", "import os\nversion = 22\n")
    assert "version 22 " in editor.read_until(program, "ready")


def test_module_run_by_name_is_restarted_by_name(editor):
    editor.write("pack/__init__.py", "")
    editor.write("pack/part.py", "version = 1\n")
    editor.write("pack/server.py", SERVER.replace("import part", "from . import part"))
    program = editor.start("-m", "pack.server", "x")
    editor.read_until(program, "ready")
    editor.write("pack/part.py", "version = 22\n")
    second = editor.read_until(program, "ready")
    assert "version 22 " in second
    assert "arguments ['x']" in second


def test_watched_file_that_is_no_module_restarts_too(editor):
    editor.write("part.py", "version = open('data.txt').read().strip()\n")
    editor.write("data.txt", "one")
    editor.write(
        "server.py", SERVER.replace("import part", "import part, waterspout.autoreload as a; a.watch('data.txt')")
    )
    program = editor.start("server.py")
    editor.read_until(program, "ready")
    editor.write("data.txt", "another")
    assert "version another " in editor.read_until(program, "ready")


def test_OT2_no_file_descriptor_is_inherited_by_the_next_run(editor):
    editor.write("part.py", "version = 1\n")
    text = SERVER.replace(
        "import part",
        "import part, socket\n"
        "keep = [open(__file__) for _ in range(20)] + [socket.socket() for _ in range(20)]\n"
        "print('files', len(os.listdir('/proc/self/fd')))\n",
    )
    editor.write("server.py", text)
    program = editor.start("server.py")
    first = editor.read_until(program, "ready")
    editor.write("part.py", "version = 22\n")
    second = editor.read_until(program, "ready")
    count = [line for line in first.splitlines() if line.startswith("files ")]
    assert count and [line for line in second.splitlines() if line.startswith("files ")] == count


def test_OT2_broken_hook_does_not_keep_the_others_or_the_restart(editor):
    editor.write("part.py", "version = 1\n")
    text = SERVER.replace(
        "autoreload.add_reload_hook(", "autoreload.add_reload_hook(lambda: 1 / 0)\nautoreload.add_reload_hook("
    )
    editor.write("server.py", text)
    program = editor.start("server.py")
    editor.read_until(program, "ready")
    editor.write("part.py", "version = 22\n")
    second = editor.read_until(program, "ready")
    assert "ZeroDivisionError" in second
    assert "hook\n" in second
    assert "version 22 " in second


def test_OT2_ten_thousand_files_are_looked_at_in_small_steps(editor):
    script = editor.write(
        "program.py",
        """
        import asyncio, os, time
        from waterspout import autoreload
        from waterspout.autoreload import _start
        from waterspout.ioloop import IOLoop

        for n in range(10_000):
            open(f"{n}.txt", "w").close()
            autoreload.watch(f"{n}.txt")

        async def main():
            longest, turns, before = 0.0, 0, time.perf_counter()
            check = asyncio.ensure_future(_start.check())
            while not check.done():
                await asyncio.sleep(0)
                now = time.perf_counter()
                longest, turns, before = max(longest, now - before), turns + 1, now
            print("turns", turns >= 20, "longest", longest < 0.5)

        IOLoop.run(main)
        """,
    )
    program = editor.start(script)
    assert "turns True longest True" in editor.read_until(program, "turns")


def test_wait_restarts_a_script_that_has_ended(editor):
    text = """
        from waterspout import autoreload
        from waterspout.autoreload._start import process
        look = process.watcher.look
        process.watcher.look = lambda paths: (look(paths), print("looked", flush=True))
        print("run", {number})
        autoreload.wait()
        """
    editor.write("script.py", text.format(number=1))
    program = editor.start("script.py")
    assert "run 1" in editor.read_until(program, "looked")
    editor.write("script.py", text.format(number=22))
    editor.read_until(program, "run 22")


def test_second_start_on_a_loop_changes_nothing_and_on_another_warns(editor):
    script = editor.write(
        "program.py",
        """
        from waterspout import autoreload
        from waterspout.ioloop import IOLoop
        one, other = IOLoop(), IOLoop(make_current=False)
        autoreload.start(); autoreload.start()
        print("silent", flush=True)
        import asyncio
        asyncio.set_event_loop(other.asyncio_loop)
        autoreload.start()
        print("end", flush=True)
        """,
    )
    program = editor.start(script)
    assert editor.read_until(program, "silent") == "silent\n"
    assert "started more than once" in editor.read_until(program, "end")
