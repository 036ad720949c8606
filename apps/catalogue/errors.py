"""Codes of plug-ins of a workspace."""

from __future__ import annotations

from sage_studio.kernel import define_error

BAD_PACKAGE = define_error(
    "plugin.bad_package",
    4770,
    en="This package cannot be taken: {reason}",
    zh="无法接受该插件包：{reason_zh}",
    hint_en="Give a .zip or .whl made by “sage-studio plugin pack”, or a declaration in YAML.",
    hint_zh="请提供由“sage-studio plugin pack”生成的 .zip 或 .whl 文件，或 YAML 声明文件。",
    status=422,
)
CONSENT_CHANGED = define_error(
    "plugin.consent_changed",
    4772,
    en="What the plug-in wants to be allowed is not what was consented to.",
    zh="该插件请求的权限与您同意的不一致。",
    hint_en="Look at its permissions again.",
    hint_zh="请重新查看其权限。",
    status=409,
)
CONFLICTS = define_error(
    "plugin.conflicts",
    4773,
    en="The plug-in does not fit in here: {what}",
    zh="该插件与当前环境不相容：{what_zh}",
    hint_en="A package may bring Python packages as wheels in its folder “wheels”; nothing is fetched.",
    hint_zh="插件包可在“wheels”文件夹中自带 Python 依赖的 wheel；系统不会自动下载。",
    status=409,
)
TOO_MANY = define_error(
    "plugin.too_many",
    4774,
    en="A workspace can hold {limit} plug-ins, each in {versions} versions.",
    zh="一个工作区最多可安装 {limit} 个插件，每个最多 {versions} 个版本。",
    hint_en="Remove those that are not used.",
    hint_zh="请移除不再使用的插件或版本。",
    status=409,
)
NOT_ALLOWED_HERE = define_error(
    "plugin.not_allowed_here",
    4775,
    en="The plug-in “{plugin}” is not allowed on this installation.",
    zh="本系统不允许使用插件“{plugin}”。",
    hint_en="Ask whoever operates this installation.",
    hint_zh="请联系本系统的管理员。",
    status=403,
)
