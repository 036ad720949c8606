"""Credentials of servers that speak protocols of their own: databases, queues, mail, object storage."""

from __future__ import annotations

from sage_studio.plugins.credential_kinds.support import account, ca, plain, secret, server, tls
from sage_studio.sdk import Choice, CredentialField, CredentialKind, HostField, text


def _place(port: int) -> tuple[HostField, ...]:
    return (HostField(host="host", port="port", default_port=port),)


POSTGRESQL = CredentialKind(
    id="postgresql",
    name=text("PostgreSQL", "PostgreSQL"),
    description=text("An account of a PostgreSQL database.", "PostgreSQL 数据库账号。"),
    icon="database",
    fields=(
        *server(5432),
        plain("database", text("Database", "数据库"), required=True, default="postgres"),
        *account(),
        *tls(),
    ),
    hosts_use="from_fields",
    host_fields=_place(5432),
    test="postgresql",
)

MYSQL = CredentialKind(
    id="mysql",
    name=text("MySQL or MariaDB", "MySQL / MariaDB"),
    description=text("An account of a MySQL or MariaDB database.", "MySQL 或 MariaDB 数据库账号。"),
    icon="database",
    fields=(*server(3306), plain("database", text("Database", "数据库")), *account(), *tls()),
    hosts_use="from_fields",
    host_fields=_place(3306),
    test="mysql",
)

MONGODB = CredentialKind(
    id="mongodb",
    name=text("MongoDB", "MongoDB"),
    description=text("An account of a MongoDB server or replica set.", "MongoDB 服务器或副本集账号。"),
    icon="database",
    fields=(
        plain(
            "hosts",
            text("Servers", "服务器"),
            help=text("One, or several with commas between.", "一个或多个，以逗号分隔。"),
            required=True,
            placeholder=text("db1.example.org:27017", "db1.example.org:27017"),
        ),
        plain("replica_set", text("Replica set", "副本集"), expert=True),
        plain("database", text("Database", "数据库")),
        plain("auth_source", text("Where the user is kept", "认证数据库"), default="admin", expert=True),
        *account(required=False),
        *tls(),
    ),
    hosts_use="from_fields",
    host_fields=(HostField(host="hosts", default_port=27017),),
    test="mongodb",
)

REDIS = CredentialKind(
    id="redis",
    name=text("Redis or Valkey", "Redis / Valkey"),
    description=text("An account of a Redis or Valkey server.", "Redis 或 Valkey 服务器账号。"),
    icon="database",
    fields=(
        *server(6379),
        CredentialField(
            name="database",
            type="integer",
            label=text("Database", "数据库编号"),
            default=0,
            minimum=0,
            maximum=10_000,
        ),
        *account(required=False),
        *tls(default="off"),
    ),
    hosts_use="from_fields",
    host_fields=_place(6379),
    test="redis",
)

RABBITMQ = CredentialKind(
    id="rabbitmq",
    name=text("RabbitMQ", "RabbitMQ"),
    description=text("An account of a RabbitMQ server.", "RabbitMQ 服务器账号。"),
    icon="mail",
    fields=(
        *server(5672),
        plain("vhost", text("Virtual host", "虚拟主机"), default="/"),
        *account(user="guest"),
        *tls(default="off"),
    ),
    hosts_use="from_fields",
    host_fields=_place(5672),
    test="rabbitmq",
)

KAFKA = CredentialKind(
    id="kafka",
    name=text("Kafka", "Kafka"),
    description=text(
        "A Kafka cluster. Name every broker it may lead to: the first ones tell of the others.",
        "Kafka 集群。请列出所有可能连接的 Broker，首批 Broker 会返回其余地址。",
    ),
    icon="mail",
    fields=(
        plain(
            "hosts",
            text("Brokers", "Broker 地址"),
            help=text("One, or several with commas between.", "一个或多个，以逗号分隔。"),
            required=True,
            placeholder=text("kafka1.example.org:9092", "kafka1.example.org:9092"),
        ),
        plain(
            "mechanism",
            text("Sign-in", "认证方式"),
            default="none",
            options=(
                Choice(value="none", label=text("None", "无")),
                Choice(value="PLAIN", label=text("PLAIN", "PLAIN")),
                Choice(value="SCRAM-SHA-256", label=text("SCRAM-SHA-256", "SCRAM-SHA-256")),
                Choice(value="SCRAM-SHA-512", label=text("SCRAM-SHA-512", "SCRAM-SHA-512")),
            ),
        ),
        *account(required=False),
        *tls(),
    ),
    hosts_use="from_fields",
    host_fields=(HostField(host="hosts", default_port=9092),),
    test="kafka",
)

MQTT = CredentialKind(
    id="mqtt",
    name=text("MQTT", "MQTT"),
    description=text("An account of an MQTT broker.", "MQTT 服务器账号。"),
    icon="mail",
    fields=(
        *server(1883),
        *account(required=False),
        plain("client_id", text("Client ID", "客户端 ID"), expert=True),
        *tls(default="off"),
    ),
    hosts_use="from_fields",
    host_fields=_place(1883),
    test="mqtt",
)

SMTP = CredentialKind(
    id="smtp",
    name=text("E-mail (SMTP)", "电子邮件（SMTP）"),
    description=text("An account that sends e-mail.", "用于发送邮件的账号。"),
    icon="mail",
    fields=(
        *server(587),
        *account(required=False),
        plain(
            "tls",
            text("Encryption", "加密"),
            default="starttls",
            options=(
                Choice(
                    value="starttls", label=text("STARTTLS (usually port 587)", "STARTTLS（通常为 587 端口）")
                ),
                Choice(value="on", label=text("TLS (usually port 465)", "TLS（通常为 465 端口）")),
                Choice(value="off", label=text("Off", "关闭")),
            ),
        ),
        ca(),
        plain(
            "sender",
            text("Sender", "发件人"),
            placeholder=text("Name <name@example.org>", "名称 <name@example.org>"),
        ),
    ),
    hosts_use="from_fields",
    host_fields=_place(587),
    test="smtp",
)

S3 = CredentialKind(
    id="s3",
    name=text("Object storage (S3)", "对象存储（S3）"),
    description=text(
        "Amazon S3 and services that speak its protocol: OSS, COS, MinIO, R2.",
        "Amazon S3 及兼容其协议的服务：OSS、COS、MinIO、R2。",
    ),
    icon="box",
    fields=(
        plain(
            "endpoint",
            text("Address", "服务地址"),
            default="https://s3.amazonaws.com",
            required=True,
            placeholder=text("https://s3.eu-central-1.amazonaws.com", "https://oss-cn-hangzhou.aliyuncs.com"),
        ),
        plain("region", text("Region", "区域"), default="us-east-1"),
        plain(
            "bucket",
            text("Bucket", "存储桶"),
            help=text("Used unless the node names another.", "节点未指定时使用。"),
        ),
        plain("access_key_id", text("Access key ID", "Access Key ID"), required=True),
        secret("secret_access_key", text("Secret access key", "Secret Access Key")),
        secret("session_token", text("Session token", "会话令牌"), required=False),
        plain(
            "addressing",
            text("Bucket in the address", "存储桶寻址"),
            default="path",
            options=(
                Choice(value="path", label=text("As a path", "路径形式")),
                Choice(value="virtual", label=text("As a name before the host", "子域名形式")),
            ),
            expert=True,
        ),
    ),
    hosts_use="from_fields",
    host_fields=(HostField(host="endpoint", default_port=443),),
    test="s3",
)

SERVER_KINDS = (POSTGRESQL, MYSQL, MONGODB, REDIS, RABBITMQ, KAFKA, MQTT, SMTP, S3)
