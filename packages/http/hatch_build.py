"""Puts the masking accelerator into the wheel where ``WATERSPOUT_ACCELERATE`` asks for it.

Unset, empty or ``0``: a pure wheel, the same for all platforms. ``1``: with the accelerator; the build fails if there
is no C compiler or no Python header. ``auto``: with it where it can be compiled, pure elsewhere.
"""

import os
import pathlib
import runpy
import sysconfig
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "WATERSPOUT_ACCELERATE"


class AcceleratorHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        asked = os.environ.get(VARIABLE, "")
        if asked not in ("", "0", "1", "auto"):
            raise ValueError(f"{VARIABLE}={asked} is not understood: 1 builds the accelerator, auto tries, 0 does not")
        if asked in ("", "0") or self.target_name != "wheel":
            return
        root = pathlib.Path(self.root)
        compiler = runpy.run_path(str(root / "accelerator" / "compile.py"))
        editable = version == "editable"
        folder = root / "src" / "waterspout" / "ws" if editable else pathlib.Path(self.directory)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            built = compiler["compile_accelerator"](folder)
        except compiler["CompilerError"] as error:
            if asked == "1":
                raise
            self.app.display_warning(f"built without the accelerator: {error}")
            return
        if editable:  # it lies beside the sources, where the interpreter looks
            return
        self.built = built
        build_data["pure_python"] = False
        build_data["force_include"][str(built)] = f"waterspout/ws/{built.name}"
        if compiler["FREE_THREADED"]:
            build_data["infer_tag"] = True
        else:
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"cp311-abi3-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        built = getattr(self, "built", None)
        if built is not None:
            built.unlink()
