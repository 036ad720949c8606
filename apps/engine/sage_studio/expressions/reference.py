"""The function set of ``{{ }}`` as data: what the editor completes, the reference lists and tests run.

Every function has a line here, with an example that gives what stands behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from sage_studio.kernel import Json, Text

Kind = Literal[
    "text", "date", "list", "number", "object", "boolean", "JSON", "Date", "DateTime", "function"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FunctionDoc:
    """``kind`` is what it is a function of: a value, a namespace (``Math.max``), or nothing (``Number(x)``).
    ``result`` is what the example gives; None where it differs each time."""

    kind: Kind
    signature: str
    text: Text
    example: str
    result: Json

    @property
    def name(self) -> str:
        return self.signature.partition("(")[0]


_LINES: tuple[tuple[Kind, str, str, str, str, Json], ...] = (
    ("text", "toUpperCase()", "In capitals", "转为大写", "'ab'.toUpperCase()", "AB"),
    ("text", "toLowerCase()", "In small letters", "转为小写", "'AB'.toLowerCase()", "ab"),
    ("text", "trim()", "Without space at both ends", "去除首尾空白", "' a '.trim()", "a"),
    ("text", "trimStart()", "Without space in front", "去除开头空白", "' a'.trimStart()", "a"),
    ("text", "trimEnd()", "Without space behind", "去除末尾空白", "'a '.trimEnd()", "a"),
    ("text", "includes(part)", "Whether it holds a part", "是否包含", "'abc'.includes('b')", True),
    ("text", "startsWith(part)", "Whether it begins so", "是否以此开头", "'abc'.startsWith('a')", True),
    ("text", "endsWith(part)", "Whether it ends so", "是否以此结尾", "'abc'.endsWith('c')", True),
    ("text", "indexOf(part)", "Where a part first stands, or -1", "首次出现的位置，没有则为 -1",
     "'abc'.indexOf('c')", 2),
    ("text", "lastIndexOf(part)", "Where a part last stands, or -1", "最后出现的位置，没有则为 -1",
     "'aba'.lastIndexOf('a')", 2),
    ("text", "slice(from, to?)", "A part; negative positions count from the end", "截取，负数从末尾计",
     "'abcd'.slice(-2)", "cd"),
    ("text", "substring(from, to?)", "A part", "截取一段", "'abcd'.substring(1, 3)", "bc"),
    ("text", "split(by)", "A list of its parts", "拆分为列表", "'a,b'.split(',')", ["a", "b"]),
    ("text", "replace(old, new)", "The first found replaced", "替换第一处", "'aa'.replace('a', 'b')", "ba"),
    ("text", "replaceAll(old, new)", "All found replaced", "替换全部", "'aa'.replaceAll('a', 'b')", "bb"),
    ("text", "padStart(length, with?)", "Filled up in front", "在前面补齐", "'7'.padStart(3, '0')", "007"),
    ("text", "padEnd(length, with?)", "Filled up behind", "在后面补齐", "'7'.padEnd(3, '.')", "7.."),
    ("text", "repeat(count)", "Several times over", "重复多次", "'ab'.repeat(2)", "abab"),
    ("text", "concat(…)", "With more behind it", "连接文本", "'a'.concat('b')", "ab"),
    ("text", "charAt(index)", "One character", "取一个字符", "'abc'.charAt(1)", "b"),
    ("text", "charCodeAt(index)", "The number of a character", "字符编码", "'a'.charCodeAt(0)", 97),
    ("text", "at(index)", "One character; negative from the end", "取一个字符，负数从末尾计",
     "'abc'.at(-1)", "c"),
    ("text", "localeCompare(other)", "Its place beside another: -1, 0 or 1", "与另一文本比较先后",
     "'a'.localeCompare('b')", -1),
    ("text", "toString()", "Itself", "自身", "'a'.toString()", "a"),
    ("text", "isEmpty()", "Whether it has no characters", "是否为空", "''.isEmpty()", True),
    ("text", "isNotEmpty()", "Whether it has characters", "是否非空", "'a'.isNotEmpty()", True),
    ("text", "toInt()", "The whole number it begins with", "开头的整数", "'12 kg'.toInt()", 12),
    ("text", "toNumber()", "The number it is", "转为数字", "'1.5'.toNumber()", 1.5),
    ("text", "urlEncode()", "As part of a web address", "URL 编码", "'a b&'.urlEncode()", "a%20b%26"),
    ("text", "urlDecode()", "Out of a web address", "URL 解码", "'a%20b'.urlDecode()", "a b"),
    ("text", "removeTags()", "Without HTML tags", "去除 HTML 标签",
     "'<b>a</b> &amp; b'.removeTags()", "a & b"),
    ("text", "extractDomain()", "The host of a web address", "提取网址的域名",
     "'https://example.org/a'.extractDomain()", "example.org"),
    ("text", "toJsonString()", "As JSON", "转为 JSON", "'a'.toJsonString()", '"a"'),
    ("date", "format(pattern?)", "Written as yyyy-MM-dd HH:mm:ss or otherwise", "按格式书写日期",
     "'2026-03-09T08:05:00Z'.format('d MMM yyyy, HH:mm')", "9 Mar 2026, 08:05"),
    ("date", "toFormat(pattern?)", "The same as format", "同 format",
     "'2026-03-09'.toFormat('dd/MM/yy')", "09/03/26"),
    ("date", "plus({days: 1})", "Later", "之后",
     "'2026-01-31'.plus({months: 1})", "2026-02-28T00:00:00.000Z"),
    ("date", "minus({days: 1})", "Earlier", "之前",
     "'2026-03-01'.minus(1, 'days')", "2026-02-28T00:00:00.000Z"),
    ("date", "startOf(unit)", "The beginning of its day, week, month …", "所在日、周、月等的开始",
     "'2026-03-12T10:00:00Z'.startOf('week')", "2026-03-09T00:00:00.000Z"),
    ("date", "endOf(unit)", "The end of its day, week, month …", "所在日、周、月等的结束",
     "'2026-02-12'.endOf('month')", "2026-02-28T23:59:59.999Z"),
    ("date", "diff(other, unit?)", "How much later than another", "与另一日期的差",
     "'2026-03-02'.diff('2026-03-01', 'hours')", 24),
    ("date", "toISO()", "As ISO 8601 in UTC", "转为 UTC 的 ISO 8601",
     "'2026-03-01T10:00:00+08:00'.toISO()", "2026-03-01T02:00:00.000Z"),
    ("date", "toDateTime()", "The same as toISO", "同 toISO", "(0).toDateTime()", "1970-01-01T00:00:00.000Z"),
    ("date", "toMillis()", "Milliseconds since 1970", "自 1970 年起的毫秒数",
     "'1970-01-01T00:00:01Z'.toMillis()", 1000),
    ("list", "map(item => …)", "Each computed anew", "逐项转换", "[1, 2].map(n => n * 2)", [2, 4]),
    ("list", "filter(item => …)", "Those that fit", "筛选", "[1, 2].filter(n => n > 1)", [2]),
    ("list", "find(item => …)", "The first that fits", "首个符合的项", "[1, 2].find(n => n > 1)", 2),
    ("list", "findIndex(item => …)", "Where the first stands that fits", "首个符合项的位置",
     "[1, 2].findIndex(n => n > 1)", 1),
    ("list", "findLast(item => …)", "The last that fits", "最后符合的项", "[1, 2].findLast(n => n > 0)", 2),
    ("list", "findLastIndex(item => …)", "Where the last stands that fits", "最后符合项的位置",
     "[1, 2].findLastIndex(n => n > 0)", 1),
    ("list", "some(item => …)", "Whether any fits", "是否有符合项", "[1, 2].some(n => n > 1)", True),
    ("list", "every(item => …)", "Whether all fit", "是否全部符合", "[1, 2].every(n => n > 1)", False),
    ("list", "flatMap(item => …)", "Lists of each, in one", "逐项转换后合并", "[1, 2].flatMap(n => [n, n])",
     [1, 1, 2, 2]),
    ("list", "reduce((sum, item) => …, start)", "All worked into one", "归并为一个值",
     "[1, 2].reduce((s, n) => s + n, 0)", 3),
    ("list", "join(by)", "Joined to a text", "连接为文本", "[1, 2].join('-')", "1-2"),
    ("list", "slice(from, to?)", "A part", "截取", "[1, 2, 3].slice(1)", [2, 3]),
    ("list", "includes(value)", "Whether it holds a value", "是否包含", "[1].includes(1)", True),
    ("list", "indexOf(value)", "Where a value stands, or -1", "值的位置，没有则为 -1",
     "[1, 2].indexOf(2)", 1),
    ("list", "concat(…)", "With more behind it", "连接列表", "[1].concat([2])", [1, 2]),
    ("list", "flat(depth?)", "Lists inside it opened", "展开内层列表", "[1, [2]].flat()", [1, 2]),
    ("list", "reverse()", "The other way round", "反转", "[1, 2].reverse()", [2, 1]),
    ("list", "toReversed()", "The other way round", "反转", "[1, 2].toReversed()", [2, 1]),
    ("list", "sort((a, b) => …)", "In order", "排序", "[2, 1].sort()", [1, 2]),
    ("list", "toSorted((a, b) => …)", "In order", "排序", "[2, 1].toSorted()", [1, 2]),
    ("list", "at(index)", "One; negative from the end", "取一项，负数从末尾计", "[1, 2].at(-1)", 2),
    ("list", "toString()", "Joined by commas", "以逗号连接", "[1, 2].toString()", "1,2"),
    ("list", "first()", "The first, or nothing", "第一项", "[1, 2].first()", 1),
    ("list", "last()", "The last, or nothing", "最后一项", "[1, 2].last()", 2),
    ("list", "unique(field?)", "Without repetitions", "去重", "[1, 1, 2].unique()", [1, 2]),
    ("list", "compact()", "Without empty ones", "去除空值", "[1, '', null].compact()", [1]),
    ("list", "pluck(field)", "One field of each", "取每项的某字段", "[{a: 1}].pluck('a')", [1]),
    ("list", "chunk(size)", "In lists of a size", "按大小分组", "[1, 2, 3].chunk(2)", [[1, 2], [3]]),
    ("list", "sum(field?)", "Added up", "求和", "[{a: 1}, {a: 2}].sum('a')", 3),
    ("list", "average(field?)", "The mean", "平均值", "[1, 2].average()", 1.5),
    ("list", "min(field?)", "The least", "最小值", "[2, 1].min()", 1),
    ("list", "max(field?)", "The greatest", "最大值", "[2, 1].max()", 2),
    ("list", "isEmpty()", "Whether it has no items", "是否为空", "[].isEmpty()", True),
    ("list", "isNotEmpty()", "Whether it has items", "是否非空", "[1].isNotEmpty()", True),
    ("list", "toJsonString()", "As JSON", "转为 JSON", "[1, 'a'].toJsonString()", '[1,"a"]'),
    ("number", "toFixed(digits)", "With so many decimals, as text", "保留小数位的文本",
     "(2.5).toFixed(0)", "3"),
    ("number", "toPrecision(digits)", "With so many digits, as text", "保留有效数字的文本",
     "(1.25).toPrecision(2)", "1.3"),
    ("number", "toString()", "As text", "转为文本", "(7).toString()", "7"),
    ("number", "round(digits?)", "Rounded", "四舍五入", "(2.5).round()", 3),
    ("number", "toInt()", "Without decimals", "取整数部分", "(2.9).toInt()", 2),
    ("number", "toDateTime()", "The date so many milliseconds after 1970", "毫秒数转为日期",
     "(1000).toDateTime()", "1970-01-01T00:00:01.000Z"),
    ("boolean", "toString()", "As text", "转为文本", "true.toString()", "true"),
    ("object", "hasOwnProperty(name)", "Whether it has a field", "是否有某字段",
     "{a: 1}.hasOwnProperty('a')", True),
    ("object", "keys()", "Names of its fields", "字段名", "{a: 1}.keys()", ["a"]),
    ("object", "values()", "Values of its fields", "字段值", "{a: 1}.values()", [1]),
    ("object", "isEmpty()", "Whether it has no fields", "是否为空", "{}.isEmpty()", True),
    ("object", "isNotEmpty()", "Whether it has fields", "是否非空", "{a: 1}.isNotEmpty()", True),
    ("object", "toJsonString()", "As JSON", "转为 JSON", "{a: 1}.toJsonString()", '{"a":1}'),
    ("DateTime", "now()", "This moment", "当前时间", "DateTime.now().isNotEmpty()", True),
    ("DateTime", "fromISO(text)", "A date from text", "由文本得到日期", "DateTime.fromISO('2026-03-01')",
     "2026-03-01T00:00:00.000Z"),
    ("DateTime", "fromMillis(number)", "A date from milliseconds", "由毫秒数得到日期",
     "DateTime.fromMillis(0)",
     "1970-01-01T00:00:00.000Z"),
    ("Date", "now()", "Milliseconds since 1970", "自 1970 年起的毫秒数", "Date.now() > 0", True),
    ("JSON", "parse(text)", "The value in a JSON text", "解析 JSON", "JSON.parse('[1]')", [1]),
    ("JSON", "stringify(value)", "As JSON", "转为 JSON", "JSON.stringify([1])", "[1]"),
    ("function", "Number(value)", "As a number", "转为数字", "Number('7')", 7),
    ("function", "String(value)", "As text", "转为文本", "String(7)", "7"),
    ("function", "Boolean(value)", "Whether it counts as yes", "是否为真", "Boolean('')", False),
    ("function", "parseInt(text)", "The whole number it begins with", "开头的整数", "parseInt('7px')", 7),
    ("function", "parseFloat(text)", "The number it begins with", "开头的数字", "parseFloat('1.5px')", 1.5),
    ("function", "isNaN(value)", "Whether it is no number", "是否不是数字", "isNaN('x')", True),
    ("function", "encodeURI(text)", "A whole web address, encoded", "编码整个网址",
     "encodeURI('http://x/a b')",
     "http://x/a%20b"),
    ("function", "encodeURIComponent(text)", "Part of a web address, encoded", "编码网址的一部分",
     "encodeURIComponent('a&b')", "a%26b"),
    ("function", "decodeURIComponent(text)", "Out of a web address", "URL 解码",
     "decodeURIComponent('a%26b')", "a&b"),
    ("function", "ifEmpty(value, other)", "The value, or another when it is empty", "为空时使用另一个值",
     "ifEmpty('', 'x')", "x"),
)  # fmt: skip


@cache
def functions() -> tuple[FunctionDoc, ...]:
    """Every documented function."""
    return tuple(
        FunctionDoc(kind, signature, Text(en=en, zh=zh), example, result)
        for kind, signature, en, zh, example, result in _LINES
    )


def completion_data() -> list[Mapping[str, Json]]:
    """For the editor: one entry a function, by what it is a function of."""
    return [
        {"kind": doc.kind, "name": doc.name, "signature": doc.signature, "en": doc.text["en"],
         "zh": doc.text["zh"], "example": doc.example, "result": doc.result}
        for doc in functions()
    ]  # fmt: skip
