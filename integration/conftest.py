"""The built wheels and a certificate as fixtures, and the marks of tests that need a browser or large applications.

`WATERSPOUT_DIST` names the folder whose wheels are looked at (tox sets it). Without it, fresh wheels are built from the
checkout into a temporary folder, so that an old `dist/` never answers for new sources.
"""

import ast
import datetime
import ipaddress
import os
import pathlib
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser

import pytest
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
#: Folders of integration/ whose tests need more than pip's quick set, and run only when their mark is asked for.
MARKED_FOLDERS = ("browser", "applications", "peers", "personas", "tornado_suite")


@dataclass(frozen=True)
class Checkout:
    """One distribution as its pyproject.toml in this checkout states it."""

    name: str
    version: str
    folder: pathlib.Path


@dataclass(frozen=True)
class Module:
    """One Python file of a wheel, parsed."""

    distribution: str
    name: str
    """The dotted name it is imported by; a package's `__init__.py` has the package's name."""
    path: str
    """Its path inside the wheel."""
    source: bytes
    tree: ast.Module

    @property
    def public_package(self) -> str:
        """`waterspout.X` that it belongs to."""
        return ".".join(self.name.split(".")[:2])


@dataclass(frozen=True)
class Wheel:
    """One built wheel: its metadata, its file names, its modules."""

    distribution: str
    metadata: Message
    files: tuple[str, ...]
    modules: tuple[Module, ...]

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return tuple(Requirement(line) for line in self.metadata.get_all("Requires-Dist", []))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What lies in one of `MARKED_FOLDERS` carries its mark, and runs only when `-m MARK` asks for it."""
    for item in items:
        for name in MARKED_FOLDERS:
            if ROOT / "integration" / name in item.path.parents:
                item.add_marker(name)


@pytest.fixture(scope="session")
def checkout() -> dict[str, Checkout]:
    """Every distribution of this checkout by its name."""
    found = {}
    for file in (ROOT / "pyproject.toml", *sorted(ROOT.glob("packages/*/pyproject.toml"))):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        found[project["name"]] = Checkout(project["name"], project["version"], file.parent)
    return found


@pytest.fixture(scope="session")
def dist(checkout: dict[str, Checkout], tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder with the wheels of this checkout."""
    given = os.environ.get("WATERSPOUT_DIST")
    folder = pathlib.Path(given) if given else tmp_path_factory.mktemp("dist")
    if not given:
        for distribution in checkout.values():
            build_wheel(distribution, folder)
    return folder


@pytest.fixture(scope="session")
def wheels(dist: pathlib.Path) -> dict[str, Wheel]:
    """Every distribution's wheel by the distribution's name."""
    found: dict[str, Wheel] = {}
    for path in sorted(dist.glob("*.whl")):
        wheel = read_wheel(path)
        assert wheel.distribution not in found, f"two wheels of {wheel.distribution} in {dist}: remove the older one"
        found[wheel.distribution] = wheel
    return found


@pytest.fixture(scope="session")
def modules(wheels: dict[str, Wheel]) -> tuple[Module, ...]:
    """Every module of every wheel."""
    return tuple(module for wheel in wheels.values() for module in wheel.modules)


@pytest.fixture(scope="session")
def owners(modules: tuple[Module, ...]) -> dict[str, str]:
    """The distribution that each public package `waterspout.X` comes from."""
    return {module.public_package: module.distribution for module in modules}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key, as files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def build_wheel(distribution: Checkout, folder: pathlib.Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    run = subprocess.run(command, cwd=distribution.folder, capture_output=True, text=True)
    if run.returncode != 0:
        pytest.fail(f"the wheel of {distribution.name} cannot be built:\n{run.stdout}{run.stderr}")


def read_wheel(path: pathlib.Path) -> Wheel:
    with zipfile.ZipFile(path) as archive:
        files = tuple(sorted(archive.namelist()))
        (metadata_file,) = (name for name in files if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_file).decode("utf-8"))
        distribution = metadata["Name"]
        modules = tuple(
            Module(distribution, dotted(name), name, source, ast.parse(source, filename=name))
            for name in files
            if name.endswith(".py")
            for source in [archive.read(name)]
        )
    return Wheel(distribution, metadata, files, modules)


def dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
