"""Settings of the nodes that read PDFs."""

from __future__ import annotations

from sage_studio.sdk import Field, text

PDF_PASSWORD_FIELD = Field(
    name="password",
    label=text("Password credential", "密码凭据"),
    help=text("A credential that holds the password of PDFs.", "存有 PDF 密码的凭据。"),
    default="",
    control="credential",
    credential_kinds=("api_key",),
    expression="never",
    expert=True,
)
PDF_PAGES_FIELD = Field(
    name="max_pages",
    type="integer",
    label=text("Most pages per file", "每个文件的最大页数"),
    default=500,
    minimum=1,
    maximum=20_000,
    unit=text("pages", "页"),
    expert=True,
)
