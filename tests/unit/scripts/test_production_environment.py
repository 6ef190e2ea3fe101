"""The image's folder without Docker: what the Dockerfile copies, and nothing else."""

from pathlib import Path

from scripts.production_environment import copied_folders, copy_as_image

REPOSITORY = Path(__file__).parents[3]


def test_the_folders_are_those_that_the_dockerfile_copies_to_airflows_home() -> None:
    assert sorted(copied_folders(REPOSITORY / "Dockerfile")) == [
        (name, name) for name in ("dags", "docs/notebook.ipynb", "lambda", "plugins", "training")
    ]


def test_the_copy_holds_the_files_and_no_byte_code(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    for path in ("dags/a.py", "plugins/.airflowignore", "plugins/__pycache__/b.pyc", "docs/c.md"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("text")
    (root / "Dockerfile").write_text(
        "FROM image\nCOPY lock.txt /tmp/lock.txt\n"
        "COPY --chown=airflow:0 plugins /opt/airflow/plugins\nCOPY --chown=airflow:0 dags /opt/airflow/dags\n"
    )
    copy_as_image(root=root, home=home)
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()) == [
        "dags/a.py",
        "plugins/.airflowignore",
    ]
