"""The command line as a shell sees it: output, errors and exit codes, run as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from sage_studio.cli import main

STARTERS = Path(__file__).parents[2] / "apps" / "flows" / "starters"

ECHO: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "Echo",
    "inputs": [
        {"name": "text", "type": "string"},
        {"name": "files", "type": "array<File>"},
        {"name": "data", "type": "object"},
    ],
    "nodes": [{"id": "start", "type": "manual_trigger"}],
    "edges": [],
    "outputs": [
        {"name": "text", "value": "{{ start.text }}"},
        {"name": "names", "value": "{{ start.files.map(f => f.name) }}"},
        {"name": "data", "value": "{{ start.data }}"},
    ],
}


@dataclass
class Done:
    """What a shell would see."""

    returncode: int
    stdout: str
    stderr: str


class Shell(Protocol):
    def __call__(self, *arguments: str, lang: str = "C.UTF-8") -> Done: ...


@pytest.fixture
def sage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Calls the command in a folder of its own, in this process: starting Python costs a second."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SAGE_", "LC_"))]:
        monkeypatch.delenv(name)

    def call(*arguments: str, lang: str = "C.UTF-8") -> Done:
        monkeypatch.setenv("LANG", lang)
        try:
            code = main(arguments)
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


def process(*arguments: str) -> list[str]:
    """The same as a process of its own."""
    return [
        sys.executable,
        "-c",
        "import sys; from sage_studio.cli import main; sys.exit(main())",
        *arguments,
    ]


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(ECHO))
    return path


def test_a_run_prints_its_outputs_and_its_progress_apart(sage: Shell, echo: Path) -> None:
    done = sage("run", "flow.json", "--input", "text=hello = world")

    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "text: hello = world"
    assert "✓ start" in done.stderr
    assert "Completed in" in done.stderr


def test_json_output_is_one_object_and_nothing_else(sage: Shell, echo: Path) -> None:
    (echo.parent / "a.txt").write_text("file a")
    (echo.parent / "question.txt").write_text("from a file")

    done = sage(
        "run", "flow.json", "--json", "--quiet", "--input", "text=@question.txt", "--input", "files=a.txt",
        "--input", "files=sample:faq.md", "--input", 'data={"k": [1, 2]}',
    )  # fmt: skip

    result = json.loads(done.stdout)
    assert done.stderr == ""
    assert result["state"] == "completed"
    assert result["outputs"] == {"text": "from a file", "names": ["a.txt", "faq.md"], "data": {"k": [1, 2]}}
    assert result["nodes"]["start"]["state"] == "completed"


def test_the_ready_flow_answers_a_question_from_real_documents(sage: Shell, tmp_path: Path) -> None:
    done = sage("run", str(STARTERS / "ask_documents.en.json"), "--quiet", "--json")

    result = json.loads(done.stdout)
    answer = json.dumps(result["outputs"])
    assert done.returncode == 0
    assert "two years" in answer
    assert "no language model was used" in answer


def test_written_files_land_in_the_chosen_folder(sage: Shell, tmp_path: Path) -> None:
    flow = {
        "nodes": [
            {"id": "start", "type": "manual_trigger", "config": {"text": "kept"}},
            {"id": "write", "type": "file_writer", "config": {"name": "note", "format": "text"}},
        ],
        "edges": [
            {"source": "start", "source_port": "text", "target": "write", "target_port": "value"}
        ],
    }  # fmt: skip
    (tmp_path / "flow.yaml").write_text(json.dumps(flow))

    done = sage("run", "flow.yaml", "--out", "results")

    assert done.returncode == 0
    assert [path.read_text() for path in (tmp_path / "results").iterdir()] == ["kept"]


def test_a_flow_may_be_piped_into_a_process_whose_output_is_piped_on(tmp_path: Path) -> None:
    done = subprocess.run(
        process("run", "-", "--quiet", "--json", "--input", "text=piped"),
        cwd=tmp_path, input=json.dumps(ECHO), capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert json.loads(done.stdout)["outputs"]["text"] == "piped"
    assert done.stderr == ""


FAILING = {
    "nodes": [
        {"id": "start", "type": "manual_trigger"},
        {"id": "read", "type": "file_reader", "config": {"files": [], "output": "documents"}},
    ],
    "edges": [{"source": "start", "source_port": "files", "target": "read", "target_port": "files"}],
}


def test_a_failing_run_says_which_node_and_why_and_exits_with_one(sage: Shell, tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(json.dumps(FAILING))

    done = sage("run", "flow.json")

    assert done.returncode == 1
    assert "✗ read" in done.stderr
    assert "There is no file to read." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "missing.json"], 4, "“missing.json” cannot be read"),
        (["run", "flow.json", "--input", "text"], 3, "write name=value"),
        (["run", "flow.json", "--input", "txt=1"], 3, "its inputs are: text, files, data"),
        (["run", "flow.json", "--input", "data=[1"], 3, "is no JSON of that kind"),
        (["run", "flow.json", "--input", "files=gone.pdf"], 4, "“gone.pdf” cannot be read"),
        (["run"], 2, "usage"),
        (["frobnicate"], 2, "There is no command “frobnicate”."),
        ([], 2, ""),
        (["nodes", "martian"], 2, "no node type “martian”"),
    ],
)
def test_a_mistake_on_the_command_line_is_named_and_has_its_own_exit_code(
    sage: Shell, echo: Path, arguments: list[str], code: int, says: str
) -> None:
    done = sage(*arguments)

    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


BAD: dict[str, Any] = {
    "nodes": [
        {"id": "start", "type": "manual_trigger"},
        {"id": "split", "type": "text_splitter", "config": {"size": "many"}},
        {"id": "alien", "type": "martian"},
        {"id": "a", "type": "merge"},
        {"id": "b", "type": "merge"},
    ],
    "edges": [
        {"source": "start", "source_port": "text", "target": "split", "target_port": "documents"},
        {"source": "start", "source_port": "text", "target": "ghost", "target_port": "x"},
        {"source": "a", "source_port": "value", "target": "b", "target_port": "values"},
        {"source": "b", "source_port": "value", "target": "a", "target_port": "values"},
    ],
}


def test_validate_names_every_fault_with_its_place(sage: Shell, tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(json.dumps(BAD))

    done = sage("validate", "flow.json")

    assert done.returncode == 3
    for line in (
        "flow.json: edges[0]: error: “start.text” gives string, but “split.documents” takes array<Document>.",
        "flow.json: edges[1].target: error: A connection leads to “ghost”, which is not in the flow.",
        "flow.json: edges[3]: error: These nodes wait for each other: a → b → a.",
        "flow.json: nodes[1].config.size: error: “size” of “split” must be a whole number, not",
        "flow.json: nodes[2].type: error: “alien” is of type “martian”, which is not installed.",
    ):
        assert line in done.stderr


def test_run_refuses_a_flow_with_faults_before_anything_runs(sage: Shell, tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(json.dumps(BAD))

    done = sage("run", "flow.json")

    assert done.returncode == 3
    assert "martian" in done.stderr
    assert "✓" not in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "",
        "\x00\x00",
        "[" * 100_000,
        "x" * (10 << 20),
        '{"nodes": [{"id": "a\\u0000", "type": "x"}]}',
    ],
    ids=["words", "empty", "nul", "deep", "ten megabytes", "nul in an id"],
)
def test_validate_survives_any_file_and_says_it_is_no_flow(sage: Shell, tmp_path: Path, content: str) -> None:
    (tmp_path / "flow.json").write_text(content)

    done = sage("validate", "flow.json", "--json")

    result = json.loads(done.stdout)
    assert done.returncode == 3
    assert result["valid"] is False
    assert result["issues"][0]["message"]["zh"]
    assert done.stderr == ""


def test_validate_takes_many_files_and_answers_the_worst(sage: Shell, tmp_path: Path, echo: Path) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(BAD))

    assert sage("validate", "flow.json").returncode == 0
    assert sage("validate", "flow.json", "bad.json").returncode == 3
    assert sage("validate", "flow.json", "gone.json").returncode == 4


def test_warnings_fail_only_when_asked(sage: Shell, tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text('{"nodes": []}')

    assert sage("validate", "flow.json").returncode == 0
    assert sage("validate", "flow.json", "--strict").returncode == 1


def test_the_command_speaks_the_language_of_the_locale(sage: Shell, tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(json.dumps(BAD))

    done = sage("validate", "flow.json", lang="zh_CN.UTF-8")

    assert "错误: “alien” 的类型 “martian” 未安装。" in done.stderr
    assert "手动触发" in sage("nodes", lang="zh_CN.UTF-8").stdout


def test_nodes_lists_every_type_and_explains_one(sage: Shell, tmp_path: Path) -> None:
    specs = json.loads(sage("nodes", "--json").stdout)
    table = sage("nodes").stdout

    assert len(table.splitlines()) == len(specs) > 10
    assert "condition" in sage("nodes", "if_else").stdout


def test_help_lists_commands_other_packages_bring(sage: Shell, tmp_path: Path) -> None:
    done = sage("--help")

    assert done.returncode == 0
    for word in ("run", "validate", "nodes", "up"):
        assert f"  {word}" in done.stdout


def test_ctrl_c_cancels_the_run_and_says_so(tmp_path: Path) -> None:
    flow = {
        "nodes": [
            {"id": "start", "type": "manual_trigger"},
            {
                "id": "call",
                "type": "http_request",
                "config": {"url": "http://127.0.0.1:9/", "retries": 10},
                "retry": {"count": 20, "delay_s": 30},
            },
        ],
        "edges": [{"source": "start", "source_port": "text", "target": "call", "target_port": "value"}],
    }
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    locale = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    running = subprocess.Popen(
        process("run", "flow.json"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | locale | {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"},
    )  # fmt: skip
    assert running.stderr is not None
    assert "start" in running.stderr.readline()
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=150)

    assert running.returncode == 130
    assert "Cancelled" in errors
    assert "Traceback" not in errors
