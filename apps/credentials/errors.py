"""What can go wrong with credentials (71xx)."""

from __future__ import annotations

from sage_studio.kernel import define_error

UNKNOWN = define_error(
    "credential.unknown",
    7101,
    en="There is no credential named “{name}” in this workspace.",
    zh="此工作区中没有名为“{name}”的凭据。",
    hint_en="Choose another one in the node, or ask an owner to create it.",
    hint_zh="请在节点中另选一个，或请所有者创建。",
    status=422,
)
NAME_TAKEN = define_error(
    "credential.name_taken",
    7102,
    en="There is already a credential named “{name}”.",
    zh="已存在名为“{name}”的凭据。",
    hint_en="Choose another name, or delete the old one first.",
    hint_zh="请使用其他名称，或先删除旧凭据。",
    status=409,
)
HOST_NOT_ALLOWED = define_error(
    "credential.host_not_allowed",
    7103,
    en="The credential “{name}” may not be sent to {host}.",
    zh="凭据“{name}”不允许发送到 {host}。",
    hint_en="An owner decides which hosts a credential allows: {allowed}.",
    hint_zh="凭据允许的主机由所有者设定：{allowed}。",
    status=422,
)
ONLY_BY_HTTP = define_error(
    "credential.only_by_http",
    7104,
    en="The credential “{name}” is bound to hosts; a node cannot read its secret.",
    zh="凭据“{name}”已绑定主机，节点无法直接读取其内容。",
    hint_en="Use it in a node that sends requests, or create one without hosts for use inside a node.",
    hint_zh="请在发送请求的节点中使用，或另建一个不绑定主机的凭据。",
    status=422,
)
UNREADABLE = define_error(
    "credential.unreadable",
    7105,
    en="The credential “{name}” cannot be decrypted with the keys of this instance.",
    zh="无法用此实例的密钥解密凭据“{name}”。",
    hint_en="The administrator must restore the key it was written with in SAGE_CREDENTIAL_KEYS, or the "
    "credential must be entered again.",
    hint_zh="请管理员在 SAGE_CREDENTIAL_KEYS 中恢复写入时的密钥，或重新录入该凭据。",
    status=500,
)
NO_HOSTS = define_error(
    "credential.no_hosts",
    7106,
    en="The credential “{name}” allows no host, so there is nothing to test against.",
    zh="凭据“{name}”未设置允许的主机，无法测试。",
    status=422,
)
UNKNOWN_KIND = define_error(
    "credential.no_kind",
    7107,
    en="The credential “{name}” is of the kind “{kind}”, which is not known here.",
    zh="凭据“{name}”的类型“{kind}”在此不可用。",
    hint_en="It came with a plug-in: install and enable it again.",
    hint_zh="该类型来自插件，请重新安装并启用插件。",
    status=422,
)
SECRET_AGAIN = define_error(
    "credential.secret_again",
    7108,
    en="The secret is to be sent to further hosts ({hosts}), so it has to be entered again.",
    zh="密钥将发送到新的主机（{hosts}），请重新输入。",
    status=422,
)
NOT_CONNECTED = define_error(
    "credential.not_connected",
    7109,
    en="The account of “{name}” is not connected.",
    zh="“{name}”尚未连接账号。",
    hint_en="An owner connects it under Credentials.",
    hint_zh="请工作区所有者在“凭据”页面完成连接。",
    status=422,
)
TOKEN_REFUSED = define_error(
    "credential.token_refused",
    7110,
    en="The service gave no token for “{name}”: {reason}",
    zh="服务未能为“{name}”发放令牌：{reason}",
    hint_en="Connect the account again, or check client ID, secret and scopes.",
    hint_zh="请重新连接账号，或检查客户端 ID、密钥与权限范围。",
    status=502,
)
BAD_STATE = define_error(
    "credential.bad_state",
    7111,
    en="This answer does not belong to a sign-in that you have begun here, or it came too late.",
    zh="该回调不属于你在此发起的授权，或已过期。",
    hint_en="Begin again from Credentials.",
    hint_zh="请回到“凭据”页面重新连接。",
    status=400,
)
RENEWING = define_error(
    "credential.renewing",
    7112,
    en="The token of “{name}” is being renewed and the service does not answer.",
    zh="“{name}”的令牌正在续期，服务未响应。",
    status=503,
    retryable=True,
)
VARIABLE_TAKEN = define_error(
    "variable.taken",
    7121,
    en="There is already a variable “{name}” for this environment.",
    zh="该环境中已存在变量“{name}”。",
    status=409,
)
TOO_MANY_VARIABLES = define_error(
    "variable.too_many",
    7122,
    en="A workspace holds at most {limit} variables.",
    zh="每个工作区最多 {limit} 个变量。",
    status=422,
)
