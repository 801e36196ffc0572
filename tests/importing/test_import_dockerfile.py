from pathlib import Path

import pytest

from support.importing import PROJECT, imported

STORY = """
# syntax=docker/dockerfile:1
ARG PY=3.11
FROM python:${PY}-slim
ENV TORCH=2.1.2
RUN apt-get update && apt-get install -y build-essential
RUN pip install --no-cache-dir "numpy<2"
RUN pip install torch==${TORCH}+cpu \\
    # the processor is enough
    torchvision==0.16.2 \\
    --index-url https://download.pytorch.org/whl/cpu
RUN python3 -m pip install -U pip && pip3 install 'sentence-transformers==2.2.2' > /tmp/log 2>&1
"""


def test_each_install_command_is_a_step_and_the_image_says_which_python(tmp_path: Path) -> None:
    result = imported(tmp_path, "Dockerfile", STORY)

    assert result.steps == {
        "image": [["numpy<2"], ["torch==2.1.2+cpu", "torchvision==0.16.2"], ["sentence-transformers==2.2.2"]]
    }
    assert result.pythons == {"image": "3.11"}
    assert result.combos["image"].installer == "pip"
    assert [(index.url, index.packages) for index in result.matrix.indexes] == [
        ("https://download.pytorch.org/whl/cpu", ("torch", "torchvision"))
    ]
    assert result.remarks == ()


STAGES = """
FROM python:3.12 AS base
WORKDIR /srv
COPY requirements.txt constraints.txt /tmp/
RUN pip install -r /tmp/requirements.txt -c /tmp/constraints.txt
FROM base AS tests
COPY . /srv/
RUN pip install -e .[test]
FROM base
COPY --from=tests /srv /srv
COPY packages/core lib/core
RUN cd lib && pip install ./core
FROM debian:12 as plain
RUN apt-get install -y python3.10 && pip install flask
"""


def test_a_stage_begins_with_the_steps_of_the_one_it_is_based_on_and_copied_files_are_those_of_the_project(
    tmp_path: Path,
) -> None:
    files = {"requirements.txt": "flask\n", "constraints.txt": "flask<3\n", "pyproject.toml": PROJECT}
    result = imported(tmp_path, "Dockerfile", STAGES, {**files, "packages/core/pyproject.toml": PROJECT})

    first = ["-r requirements.txt", "-c constraints.txt"]
    assert result.steps == {
        "tests": [first, ["-e .[test]"]],
        "stage3": [first, ["./packages/core"]],
        "plain": [["flask"]],
    }
    assert result.pythons == {"tests": "3.12", "stage3": "3.12", "plain": "3.10"}


HEREDOC = """FROM python:3.11
RUN <<EOF
set -e
FLASK=3.0.3
pip install flask==$FLASK
pip install \\
  werkzeug
EOF
RUN ["pip", "install", "six==1.16.0"]
RUN --mount=type=cache,target=/root/.cache \\
    --mount=type=bind,source=requirements.txt,target=/in/r.txt \\
    pip install -r /in/r.txt && pip install $MISSING
COPY <<TXT /x.txt
RUN pip install nothing
TXT
"""


def test_here_documents_exec_form_and_bind_mounts_are_read(tmp_path: Path) -> None:
    result = imported(tmp_path, "Containerfile", HEREDOC, {"requirements.txt": "jinja2\n"})

    assert result.steps == {"image": [["flask==3.0.3"], ["werkzeug"], ["six==1.16.0"], ["-r requirements.txt"]]}
    assert result.remarks == ((12, "'pip install $MISSING' is not read: $MISSING has no value in the file"),)


UNREAD = """FROM python:3.11
RUN conda install -y scipy
RUN if [ "$GPU" = 1 ]; then pip install cupy; fi
RUN pip install a || pip install b
RUN pip install $(cat packages.txt)
RUN pip install -r /tmp/gone.txt
RUN pip uninstall -y numpy
RUN pip install flask --frobnicate
RUN pip install "six=1.16"
RUN pip install --extra-index-url https://wheels.example.org/simple special
"""


def test_what_cannot_be_imported_is_named_by_its_line(tmp_path: Path) -> None:
    result = imported(tmp_path, "Dockerfile", UNREAD)

    assert result.steps == {"image": [["a"], ["special"]]}
    for line, words in {
        2: "conda",
        3: "inside an 'if'",
        4: "only if 'pip install a' fails",
        5: "what a command prints",
        6: "/tmp/gone.txt",
        7: "pip uninstall",
        8: "--frobnicate",
        9: "two equals signs",
        10: "https://wheels.example.org/simple",
    }.items():
        assert words in result.remark(line)
        assert f"#   line {line}: " in result.text


def test_the_image_that_does_not_say_its_python_is_named(tmp_path: Path) -> None:
    result = imported(tmp_path, "Dockerfile", "FROM ubuntu:24.04\nRUN pip install six\n")

    assert "the Python of the stage" in dict(result.notes)[1]


@pytest.mark.parametrize(
    ("image", "python"),
    [
        ("python:3.9", "3.9"),
        ("docker.io/library/python:3.12.4-slim-bookworm@sha256:0123", "3.12.4"),
        ("public.ecr.aws/lambda/python:3.13", "3.13"),
        ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", "3.12"),
        ("mcr.microsoft.com/devcontainers/python:1-3.11-bookworm", "3.11"),
    ],
)
def test_the_names_of_images_say_which_python_they_have(tmp_path: Path, image: str, python: str) -> None:
    result = imported(tmp_path, "app.dockerfile", f"FROM {image}\nRUN uv pip install --system six\n")

    assert result.pythons == {"image": python}
    assert result.combos["image"].installer == "uv"


def test_a_locked_project_is_installed_as_its_lock_says(tmp_path: Path) -> None:
    lock = """
version = 1
[[package]]
name = "shop"
version = "1"
source = { editable = "." }
dependencies = [{ name = "flask" }]
[package.dev-dependencies]
dev = [{ name = "checker" }]
[[package]]
name = "flask"
version = "3.0.3"
source = { registry = "x" }
[[package]]
name = "checker"
version = "2"
source = { registry = "x" }
"""
    text = "FROM python:3.11\nWORKDIR /app\nCOPY . .\nRUN uv sync --frozen --no-dev\n"
    result = imported(tmp_path, "Dockerfile", text, {"uv.lock": lock, "pyproject.toml": PROJECT})

    assert result.steps == {"image": [["flask==3.0.3", "."]]}


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    result = imported(tmp_path, "Dockerfile", "\ufeff" + STORY.replace("\n", "\r\n"))

    assert len(result.steps["image"]) == 3
