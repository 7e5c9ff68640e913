"""Every file that names the services names all that the table has, and none that it has not."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module

import pytest
from claimbus.events import VisitCompleted
from claimbus.messaging.topology import consumer_names
from claimbus.service import Wiring
from claimbus.services import SERVICES, ServiceRow
from claimbus.settings import Settings
from service_files import PARTS
from workspace import ROOT, member_folders

NAMED: Mapping[str, tuple[str, ...]] = {
    "README.md": ("**{name}**",),
    "cli/pyproject.toml": ('"claimbus-{name}==',),
    "deploy/k8s/base/kustomization.yaml": ("  - {name}\n",),
    "deploy/k8s/base/{name}/kustomization.yaml": ("newName: claimbus/{name},", "value: {name} }}"),
    "deploy/k8s/overlays/prod/secrets.yaml": ("name: claimbus-{name}-nkey", "key: claimbus/{name},"),
    "docker-compose.yml": ("keys-{name}:/keys/{name}\n", "image: claimbus/{name}:", "  keys-{name}:\n"),
    "docs/findings.md": ("## {name}\n",),
    "pyproject.toml": ('"services/{name}/src"',),
    "services/{name}/README.md": ("# {name}\n",),
    "services/{name}/asyncapi.json": ('"title": "claimbus-{name}"',),
    "services/{name}/pyproject.toml": ('name = "claimbus-{name}"', 'packages = ["src/{module}"]'),
    "services/{name}/src/{module}/__main__.py": ('run("{name}")',),
    "services/{name}/src/{module}/bootstrap.py": ("def bootstrap(",),
}
"""By file, what has to stand there of each service."""
NAMELESS = ("Dockerfile", "Makefile", "docker-compose.cluster.yml", "docs/operations.md", "docs/releasing.md")
"""Files that go by the folders of `services/`: a list of names would be one more to keep."""


def read(path: str) -> str:
    file = ROOT / path
    return file.read_text() if file.is_file() else ""


def lacking(rows: Iterable[ServiceRow], text_of: Callable[[str], str] = read) -> Iterator[str]:
    """What files lack of some services, one line each."""
    for row in rows:
        for pattern, needles in NAMED.items():
            path = pattern.format(name=row.name, module=row.module)
            for needle in needles:
                wanted = needle.format(name=row.name, module=row.module)
                if wanted not in text_of(path):
                    yield f"{path}: nothing of service {row.name}; {wanted.strip()!r} is missing"


def listed_in(text: str) -> list[str]:
    """Lines that list the services by name: two or more of them."""
    names = [re.compile(rf"(?<![\w-]){name}(?![\w-])") for name in SERVICES]
    return [line for line in text.splitlines() if sum(bool(name.search(line)) for name in names) > 2]


def test_no_file_lacks_a_service() -> None:
    assert list(lacking(SERVICES.values())) == []


def test_each_folder_of_a_service_has_its_row() -> None:
    assert {project.parent.name for project in ROOT.glob("services/*/pyproject.toml")} == SERVICES.keys()


@pytest.mark.parametrize("row", SERVICES.values(), ids=lambda row: row.name)
def test_a_service_is_wired_as_its_row_says(row: ServiceRow) -> None:
    wiring: Wiring = import_module(f"{row.module}.bootstrap").bootstrap(Settings())
    followed = {kind for projection in wiring.projections for kind in projection.kinds}
    assert followed == set(row.follows)
    consumers = {
        (str(subscriber.stream.name), subscriber.config.durable_name) for subscriber in wiring.router.subscribers
    }
    assert consumers == {(stream, name) for stream, name in consumer_names() if name == row.name}


@pytest.mark.parametrize("path", NAMELESS)
def test_what_goes_by_the_folders_lists_no_services(path: str) -> None:
    assert listed_in(read(path)) == []


# What the checks above would say of a fifth service, and of a list.

FIFTH = ServiceRow("invented", (VisitCompleted,), (), messages_per_replica=1)


def test_a_service_that_is_in_no_file_is_missed_in_each() -> None:
    missed = {complaint.partition(":")[0] for complaint in lacking([FIFTH])}
    assert missed == {path.format(name=FIFTH.name, module=FIFTH.module) for path in NAMED}
    assert set(map(str, PARTS)) <= missed, "what `make schemas` writes is checked too"


@pytest.mark.parametrize(
    ("path", "needle"), [(path, needle) for path, needles in NAMED.items() for needle in needles], ids=str
)
def test_each_thing_that_is_taken_out_of_a_file_is_named(path: str, needle: str) -> None:
    row = SERVICES["documentation-check"]
    path, needle = (text.format(name=row.name, module=row.module) for text in (path, needle))

    def without(asked: str) -> str:
        return read(asked).replace(needle, "") if asked == path else read(asked)

    (complaint, *_) = lacking([row], without)
    assert complaint == f"{path}: nothing of service {row.name}; {needle.strip()!r} is missing"


def test_a_list_of_services_is_seen() -> None:
    assert listed_in("for service in coding units documentation-check claims; do") != []
    assert listed_in("claims and documentation-check are rebuilt; precoding, subunits") == []


def test_a_build_of_an_image_is_given_every_member() -> None:
    folders = {folder.relative_to(ROOT).parts[0] for folder in member_folders()}
    assert [name for name in folders if f"!{name}\n" not in read(".dockerignore")] == []
    assert [name for name in folders if f"COPY {name} {name}\n" not in read("Dockerfile")] == []
