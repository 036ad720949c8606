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
    en="The plug-in “{plugin}” may not be used here: {reason}",
    zh="此处不能使用插件“{plugin}”：{reason_zh}",
    hint_en="Ask whoever operates this installation.",
    hint_zh="请联系本系统的管理员。",
    status=403,
)
BAD_PIN = define_error(
    "plugin.bad_pin",
    4776,
    en="“{pin}” is neither a version nor the digest of a package.",
    zh="“{pin}”既不是版本号，也不是插件包的摘要。",
    hint_en="Give a version as the plug-in writes it (1.2.0), or sha256: and 64 digits.",
    hint_zh="请填写插件的版本号（如 1.2.0），或 sha256: 加 64 位十六进制数字。",
    status=422,
)
RULE_IS_A_SETTING = define_error(
    "plugin.rule_is_a_setting",
    4777,
    en="The rule for “{plugin}” comes from the setting SAGE_PLUGIN_RULES and is not changed here.",
    zh="“{plugin}”的规则来自设置 SAGE_PLUGIN_RULES，不能在此处修改。",
    status=409,
)
