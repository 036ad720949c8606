"""Codes of what can be wrong with a plug-in."""

from __future__ import annotations

from sage_studio.kernel import define_error

BAD_MANIFEST = define_error(
    "plugin.bad_manifest",
    3801,
    en="The plug-in describes itself wrongly: {reason}",
    zh="插件的描述有误：{reason}",
    hint_en="“sage-studio plugin test” names every fault of a plug-in.",
    hint_zh="使用“sage-studio plugin test”可列出插件的所有问题。",
    status=422,
)
NOT_A_PLUGIN = define_error(
    "plugin.not_found",
    3802,
    en="There is no plug-in at “{place}”.",
    zh="“{place}”处没有插件。",
    hint_en="It is a folder with node.json or pyproject.toml, a YAML service file, or a package of one.",
    hint_zh="插件可以是带有 node.json 或 pyproject.toml 的文件夹、YAML 服务文件，或它们的打包文件。",
    status=422,
)
NOT_LOADED = define_error(
    "plugin.not_loaded",
    3803,
    en="“{place}” cannot be loaded: {reason}",
    zh="无法加载“{place}”：{reason}",
    hint_en="Import the module in a Python shell to see the whole error.",
    hint_zh="可在 Python 命令行中导入该模块以查看完整错误。",
    status=422,
)
HOLDS_CODE = define_error(
    "plugin.holds_code",
    3804,
    en="The plug-in “{place}” brings code and cannot be loaded here.",
    zh="插件“{place}”包含代码，不能在此处加载。",
    status=422,
)
BAD_ARCHIVE = define_error(
    "plugin.bad_archive",
    3805,
    en="The file is no package of a plug-in: {reason}",
    zh="该文件不是插件包：{reason}",
    hint_en="Make one with “sage-studio plugin pack”.",
    hint_zh="请使用“sage-studio plugin pack”打包。",
    status=422,
)
