"""`import tornado` and everything below it, after `install()`."""

import pytest

from waterspout.tornado._finder import AliasFinder, _explain


def test_modules_are_the_same_objects_under_both_names(programs):
    programs.aliased(
        """
        import tornado.ioloop, tornado.gen, tornado.platform.asyncio, waterspout.ioloop, sys
        from tornado import concurrent, util
        from tornado.ioloop import IOLoop
        import waterspout.gen, waterspout.util, waterspout.concurrent, waterspout.platform.asyncio
        assert tornado.ioloop is waterspout.ioloop
        assert tornado.gen is waterspout.gen
        assert concurrent is waterspout.concurrent
        assert tornado.platform.asyncio is waterspout.platform.asyncio
        assert sys.modules["tornado.ioloop"] is sys.modules["waterspout.ioloop"]
        assert IOLoop is waterspout.ioloop.IOLoop
        """
    )


@pytest.mark.parametrize("first", ["tornado", "waterspout"])
def test_identity_does_not_depend_on_which_name_came_first(programs, first):
    second = {"tornado": "waterspout", "waterspout": "tornado"}[first]
    programs.aliased(
        f"""
        import {first}.ioloop, {first}.platform.twisted
        import {second}.ioloop, {second}.platform.twisted
        assert {first}.ioloop is {second}.ioloop
        assert {first}.platform.twisted is {second}.platform.twisted
        import sys
        classes = [m.IOLoop for n, m in sys.modules.items() if n.endswith(".ioloop") and hasattr(m, "IOLoop")]
        assert len(set(classes)) == 1
        """
    )


def test_module_keeps_its_own_spec_and_can_be_reloaded(programs):
    programs.aliased(
        """
        import importlib, tornado.util, waterspout.util
        assert tornado.util.__spec__.name == "waterspout.util"
        assert tornado.util.__name__ == "waterspout.util"
        before = tornado.util
        assert importlib.reload(tornado.util) is before
        """
    )


def test_underscored_modules_are_the_same_too(programs):
    programs.aliased(
        """
        import tornado.ioloop._loop, waterspout.ioloop._loop
        assert tornado.ioloop._loop is waterspout.ioloop._loop
        """
    )


def test_version_is_that_of_tornado(programs):
    out = programs.aliased("import tornado; print(tornado.version, tornado.version_info)")
    assert out == "6.6.1 (6, 6, 1, 0)\n"


def test_submodules_are_imported_when_they_are_asked_for(programs):
    programs.aliased(
        """
        import sys, tornado
        assert "tornado.queues" not in sys.modules
        assert tornado.queues.Queue is sys.modules["waterspout.queues"].Queue
        """
    )


def test_nothing_is_imported_that_nobody_asked_for(programs):
    programs.aliased(
        """
        import sys, tornado
        names = {name for name in sys.modules if name.startswith("waterspout.")}
        assert not names & {"waterspout.ioloop", "waterspout.iostream", "waterspout.options"}, names
        """
    )


@pytest.mark.parametrize(
    "name, words",
    [
        ("tornado.no_such_module", "no 'waterspout.no_such_module'"),
        ("tornado.platform.epoll", "no 'waterspout.platform.epoll'"),
        ("tornado.ioloop.nothing", "no 'waterspout.ioloop.nothing'"),
    ],
)
def test_module_that_does_not_exist_is_named_by_a_clear_import_error(programs, name, words):
    out = programs.aliased(
        f"""
        try:
            import {name}
        except ModuleNotFoundError as error:
            print(error.name, "|", error)
        """
    )
    assert out.startswith(f"{name} | ")
    assert words in out


def test_module_of_another_distribution_is_named_with_what_brings_it():
    assert "pip install waterspout-web" in _explain("tornado.web", "waterspout.web")
    assert "pip install waterspout-httpclient" in _explain("tornado.httpclient", "waterspout.httpclient")


def test_unknown_attribute_is_an_attribute_error_so_that_hasattr_works(programs):
    out = programs.aliased(
        """
        import tornado
        print(hasattr(tornado, "no_such_module"), hasattr(tornado, "_private"), hasattr(tornado, "gen"))
        """
    )
    assert out == "False False True\n"


def test_error_inside_one_of_our_modules_is_not_hidden(programs):
    programs.write("waterspout/broken_part/__init__.py", "import a_module_that_is_missing\n")
    programs.write("waterspout/broken_child/__init__.py", "")
    out = programs.aliased(
        """
        import sys
        sys.path.insert(0, ".")
        try:
            import tornado.broken_part
        except ModuleNotFoundError as error:
            print(error.name)
        import tornado
        try:
            tornado.broken_part
        except ModuleNotFoundError as error:
            print(error.name)
        """
    )
    assert out == "a_module_that_is_missing\na_module_that_is_missing\n"


def test_tornados_tests_are_left_to_other_finders(programs):
    out = programs.aliased(
        """
        import importlib.abc, importlib.util, sys

        class Tests(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            def find_spec(self, name, path=None, target=None):
                if name == "tornado.test":
                    return importlib.util.spec_from_loader(name, self)
            def create_module(self, spec):
                return None
            def exec_module(self, module):
                module.answer = 42

        sys.meta_path.append(Tests())
        import tornado.test
        print(tornado.test.answer)
        """
    )
    assert out == "42\n"


def test_tornados_tests_are_missing_like_any_module_otherwise(programs):
    out = programs.aliased(
        """
        try:
            import tornado.test.util
        except ModuleNotFoundError as error:
            print(error)
        """
    )
    assert out == "No module named 'tornado.test'\n"


def test_names_of_others_are_not_touched():
    finder = AliasFinder()
    assert finder.find_spec("tornadoes") is None
    assert finder.find_spec("json") is None
    assert finder.find_spec("waterspout.ioloop") is None


def test_metadata_is_found_by_name_and_not_in_lists(programs):
    out = programs.aliased(
        """
        from importlib.metadata import distribution, distributions, version, requires
        print(version("tornado"), version("Tornado"), distribution("tornado").metadata["Name"], requires("tornado"))
        print(any(type(found).__name__ == "AliasDistribution" for found in distributions()))
        print(distribution("tornado").locate_file("x").name, distribution("tornado").files)
        """
    )
    assert out == "6.6.1 6.6.1 tornado None\nFalse\nx None\n"


def test_no_metadata_without_the_alias(programs):
    import importlib.metadata

    try:
        importlib.metadata.version("tornado")
    except importlib.metadata.PackageNotFoundError:
        result = programs.run("-c", "import waterspout.tornado, importlib.metadata as m; m.version('tornado')")
        assert "PackageNotFoundError" in result.stderr
    else:
        pytest.skip("the real tornado is installed here")


def test_pickles_and_class_names_say_where_the_class_lives(programs):
    out = programs.aliased(
        """
        import pickle, tornado.gen
        from tornado.ioloop import PeriodicCallback
        print(PeriodicCallback.__module__, pickle.loads(pickle.dumps(tornado.gen.Return)) is tornado.gen.Return)
        """
    )
    assert out == "waterspout.ioloop True\n"


def test_isinstance_and_subclasses_work_across_the_names(programs):
    programs.aliased(
        """
        import tornado.ioloop, waterspout.ioloop
        class Mine(tornado.ioloop.PeriodicCallback):
            pass
        assert issubclass(Mine, waterspout.ioloop.PeriodicCallback)
        assert isinstance(Mine(print, 1), waterspout.ioloop.PeriodicCallback)
        """
    )


def test_import_from_several_threads_at_once_gives_one_module(programs):
    programs.aliased(
        """
        import threading, importlib
        found = []
        def work(name):
            found.append(importlib.import_module(name))
        names = ["tornado.iostream", "waterspout.iostream"] * 8
        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert len(found) == 16 and len(set(map(id, found))) == 1
        """
    )


def test_the_package_says_which_file_it_is_of(programs):
    out = programs.aliased(
        """
        import inspect, os, tornado, waterspout.tornado
        assert tornado.__file__ == tornado.__spec__.origin == inspect.getfile(tornado) == waterspout.tornado.__file__
        print(os.path.isfile(tornado.__file__), list(tornado.__path__))
        """
    )
    assert out == "True []\n"
