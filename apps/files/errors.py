"""What can go wrong with files, blobs and vectors (70xx)."""

from __future__ import annotations

from sage_studio.kernel import define_error

UPLOAD_TOO_LARGE = define_error(
    "file.too_large",
    7001,
    en="The file is larger than {limit_mb} MB.",
    zh="文件超过 {limit_mb} MB。",
    hint_en="Split the file, or ask the administrator to raise the limit.",
    hint_zh="请拆分文件，或请管理员提高上限。",
    status=413,
)
UPLOAD_MISSING = define_error(
    "file.missing",
    7002,
    en="The request holds no file.",
    zh="请求中没有文件。",
    hint_en="Send one file as multipart/form-data in the field “file”.",
    hint_zh="请以 multipart/form-data 格式在 file 字段中发送一个文件。",
)
FILE_GONE = define_error(
    "file.gone",
    7003,
    en="The file “{name}” is no longer there.",
    zh="文件“{name}”已不存在。",
    hint_en="It was deleted, or it belongs to another workspace. Choose it again.",
    hint_zh="它已被删除，或属于其他工作区。请重新选择。",
    status=404,
)
BLOB_GONE = define_error(
    "blob.gone",
    7004,
    en="The stored value {key} is no longer there.",
    zh="存储的值 {key} 已不存在。",
    status=404,
)
FILE_QUOTA = define_error(
    "file.quota",
    7005,
    en="The workspace has no room left: it may keep {quota_mb} MB.",
    zh="工作区空间不足：最多可保存 {quota_mb} MB。",
    hint_en="Delete files, keep them for fewer days, or ask the administrator to raise the quota.",
    hint_zh="请删除文件、缩短保留天数，或请管理员提高配额。",
    status=413,
)
FILE_OF_RUN = define_error(
    "file.of_run",
    7006,
    en="“{name}” was written by a run and keeps its name.",
    zh="“{name}”由运行写入，不能重命名。",
    hint_en="Download it and upload it under another name.",
    hint_zh="请下载后以其他名称重新上传。",
    status=409,
)
PREVIEW_BUSY = define_error(
    "file.preview_busy",
    7007,
    en="Too many previews are being made at once.",
    zh="同时生成的预览过多。",
    hint_en="Try again in a moment.",
    hint_zh="请稍后重试。",
    status=503,
    retryable=True,
)
UPLOAD_OFFSET = define_error(
    "file.upload_offset",
    7008,
    en="The upload goes on at byte {received}, not at byte {given}.",
    zh="上传应从第 {received} 字节继续，而不是第 {given} 字节。",
    hint_en="Ask how far it is, and send what is missing.",
    hint_zh="请查询已接收的字节数，并发送其余部分。",
    status=409,
    retryable=True,
)
UPLOAD_BEYOND = define_error(
    "file.upload_beyond",
    7009,
    en="The piece ends behind the end of the file: {size} bytes were announced.",
    zh="该分片超出了文件末尾：声明的大小为 {size} 字节。",
    hint_en="The file has changed since the upload began. Begin again.",
    hint_zh="文件在上传开始后已改变。请重新上传。",
)
UPLOAD_CHECKSUM = define_error(
    "file.upload_checksum",
    7010,
    en="The piece did not arrive as it was sent.",
    zh="收到的分片与发送的内容不一致。",
    hint_en="Send it again.",
    hint_zh="请重新发送。",
    status=460,
    retryable=True,
)
UPLOAD_HEADER = define_error(
    "file.upload_header",
    7013,
    en="The header {header} of the upload is missing or cannot be read.",
    zh="上传请求的 {header} 头缺失或无法解析。",
    hint_en="Uploads in pieces follow tus 1.0.0 with the extensions that OPTIONS names.",
    hint_zh="分片上传遵循 tus 1.0.0 协议及 OPTIONS 返回的扩展。",
)
UPLOAD_VERSION = define_error(
    "file.upload_version",
    7014,
    en="Uploads in pieces speak tus 1.0.0.",
    zh="分片上传使用 tus 1.0.0 协议。",
    status=412,
)
UPLOADS_MANY = define_error(
    "file.uploads_many",
    7015,
    en="{count} uploads of yours are unfinished here, and no more can begin.",
    zh="您在此处有 {count} 个未完成的上传，无法开始新的上传。",
    hint_en="Finish or discard some; those that nobody goes on with end after a day.",
    hint_zh="请完成或放弃其中一些；一天内没有继续的上传会自动清除。",
    status=409,
)
UPLOAD_PIECES = define_error(
    "file.upload_pieces",
    7016,
    en="The upload came in {count} pieces, and no more are taken.",
    zh="该上传已分为 {count} 片，无法接收更多分片。",
    hint_en="Begin again with larger pieces.",
    hint_zh="请使用更大的分片重新上传。",
)
VECTORS_DIFFER = define_error(
    "vectors.differ",
    7011,
    en="The collection “{collection}” holds vectors of {stored}, not of {given}.",
    zh="集合“{collection}”中的向量来自 {stored}，而不是 {given}。",
    hint_en="Use the same embedding, choose another collection, or let the writer replace what is there.",
    hint_zh="请使用相同的嵌入方式、换一个集合，或开启“替换原有内容”。",
    status=409,
)
VECTORS_BAD = define_error(
    "vectors.bad",
    7012,
    en="The vectors cannot be stored: {reason}.",
    zh="无法存储这些向量：{reason}。",
    status=422,
)
