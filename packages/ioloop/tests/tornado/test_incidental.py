"""Names that applications take from Tornado's modules although they belong to others."""

from waterspout.tornado._incidental import HOMES, NAMES


def test_modules_answer_to_names_that_they_only_import_in_tornado(programs):
    programs.aliased(
        """
        import asyncio
        from tornado.gen import Future, IOLoop
        from tornado import gen, ioloop, iostream, locks, queues, tcpclient, tcpserver, util
        assert Future is asyncio.Future and IOLoop is ioloop.IOLoop
        assert locks.gen is gen and iostream.ioloop is ioloop and queues.Event is locks.Event
        assert tcpserver.IOStream is tcpclient.IOStream is iostream.IOStream
        assert iostream.errno_from_exception is util.errno_from_exception
        """
    )


def test_other_names_stay_unknown_and_lazy_names_of_our_own_keep_working(programs):
    programs.aliased(
        """
        import tornado.gen, tornado.ioloop, tornado.concurrent
        for module in (tornado.gen, tornado.concurrent):
            try:
                module.no_such_name
            except AttributeError as error:
                assert "no_such_name" in str(error), error
            else:
                raise AssertionError
        assert not hasattr(tornado.concurrent, "IOLoop")
        for name in tornado.concurrent.__all__:
            getattr(tornado.concurrent, name)
        """
    )


def test_without_the_alias_no_module_answers_to_them(programs):
    programs.output("-c", "import waterspout.gen; assert not hasattr(waterspout.gen, 'Future')")


def test_every_name_in_the_table_has_a_home_or_is_a_module():
    modules = {name.partition(".")[0] for name in NAMES}
    for names in NAMES.values():
        assert all(name in HOMES or name in modules for name in names), names
