"""What an installer says it downloads, from what uv 0.13 printed to a pipe."""

from knowngood.cli.live.downloads import Download, downloads

SAID = """Using Python 3.11.7 environment at: e1
Resolved 3 packages in 173ms
Downloading ruff (10.2MiB)
Downloading numpy (17.4MiB)
Downloading torch (2.1GiB)
 Downloaded ruff
"""


def test_every_file_is_told_with_its_size_and_whether_it_is_there() -> None:
    assert downloads(SAID) == (
        Download(name="ruff", size=10695475, done=True),
        Download(name="numpy", size=18245222, done=False),
        Download(name="torch", size=2254857830, done=False),
    )


def test_what_only_looks_like_it_is_no_download() -> None:
    assert downloads("Downloading hope (many)\nnot Downloading numpy (1.0MiB)\n Downloaded numpy\n") == ()
