"""What pytest's entry point names: it loads the plugin of `waterspout.asynctest`.

A top-level module, because pytest looks there for the modules of a plugin's distribution. Finding none it takes those
of the namespace for top-level ones, `waterspout/platform` for the standard library's, and warns of that in every run.
"""

pytest_plugins = ("waterspout.asynctest._pytest_plugin",)
