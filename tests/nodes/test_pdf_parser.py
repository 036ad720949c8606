"""pdf_parser on real PDFs, protected and broken ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support.reading.process import ReaderProcess
from tests.nodes.documents import outlined_pdf, protected_pdf
from tests.nodes.running import failure_of, run_node

SAMPLES = os.environ.get("SAGE_TEST_PDFS")


async def test_pages_outline_and_details_come_out(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(outlined_pdf())
    made = await run_node("pdf_parser", host, inputs={"files": [str(path)]}, config={"keep_empty": True})
    assert [page["text"] for page in made["documents"]] == ["First page", ""]
    assert [(entry["title"], entry["page"]) for entry in made["outline"]] == [("Beginning", 1), ("End", 2)]
    assert made["details"] == [{"source": "a.pdf", "page_count": 2, "pages_read": 2}]


async def test_the_page_limit_holds(host: LocalHost) -> None:
    made = await run_node(
        "pdf_parser", host, inputs={"files": ["sample:handbook.pdf"]}, config={"max_pages": 1}
    )
    assert len(made["documents"]) == 1
    assert made["details"][0]["pages_read"] == 1
    assert made["details"][0]["page_count"] == 2


async def test_the_password_comes_from_a_credential(tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    path.write_bytes(protected_pdf("sesame"))
    with LocalHost(folder=tmp_path, environ={"SAGE_CREDENTIAL_DOOR": "sesame"}) as host:
        made = await run_node("pdf_parser", host, inputs={"files": [str(path)]}, config={"password": "door"})
        assert made["documents"][0]["text"] == "Behind the door"
        assert host.secrets_seen == {"sesame"}
        problem = await failure_of("pdf_parser", host, inputs={"files": [str(path)]})
    assert problem["code"] == "pdf.password"


async def test_something_else_and_a_broken_pdf_are_named(host: LocalHost, tmp_path: Path) -> None:
    for content, code in ((b"words", "file.not_what_it_says"), (outlined_pdf()[:40], "pdf.damaged")):
        path = tmp_path / "a.pdf"
        path.write_bytes(content)
        problem = await failure_of("pdf_parser", host, inputs={"files": [str(path)]})
        assert problem["code"] == code


def test_reading_that_takes_too_long_is_stopped() -> None:
    reader = ReaderProcess()
    reader.start()
    with pytest.raises(TimeoutError):  # nobody has asked it anything
        reader.part(wait_s=0)
    reader.close()
    with pytest.raises(TimeoutError):
        reader.write(b"more")


@pytest.mark.skipif(not SAMPLES, reason="SAGE_TEST_PDFS names no folder with further PDFs")
@pytest.mark.parametrize(
    ("name", "pages"), [("pdflatex-4-pages.pdf", 4), ("multicolumn.pdf", 3), ("google-doc-document.pdf", 1)]
)
async def test_pdfs_of_other_programs_are_read(host: LocalHost, name: str, pages: int) -> None:
    made = await run_node("pdf_parser", host, inputs={"files": [f"{SAMPLES}/{name}"]})
    assert len(made["documents"]) == pages


@pytest.mark.skipif(not SAMPLES, reason="SAGE_TEST_PDFS names no folder with further PDFs")
async def test_a_password_set_by_another_program_opens(tmp_path: Path) -> None:
    with LocalHost(folder=tmp_path, environ={"SAGE_CREDENTIAL_DOOR": "openpassword"}) as host:
        files = [f"{SAMPLES}/libreoffice-writer-password.pdf"]
        made = await run_node("pdf_parser", host, inputs={"files": files}, config={"password": "door"})
    assert made["documents"]
