"""Words that praise and words that blame, in English and Chinese, with what turns and strengthens them.

A small list of common words, put together for this product; scores run from -3 to 3. English entries are
the whole word in small letters, without endings of its verbs and plurals.
"""

from __future__ import annotations


def _scored(score: float, words: str) -> dict[str, float]:
    return dict.fromkeys(words.split(), score)


ENGLISH: dict[str, float] = {
    **_scored(
        3, "excellent outstanding superb perfect amazing awesome fantastic brilliant wonderful flawless"
    ),
    **_scored(
        3, "incredible exceptional magnificent phenomenal marvelous delightful love loved adore thrilled"
    ),
    **_scored(2, "great good happy glad impressive beautiful pleased satisfied recommend recommended enjoy"),
    **_scored(2, "enjoyed enjoyable reliable helpful friendly superior favorite favourite win won best fun"),
    **_scored(2, "comfortable elegant generous gorgeous grateful thank thanks perfectly smoothly success"),
    **_scored(
        1, "nice fine ok okay decent like liked useful easy fast quick clean smooth solid works clear fair"
    ),
    **_scored(
        1, "affordable convenient polite better improve improved interesting simple fresh calm safe cheap"
    ),
    **_scored(
        -1, "slow late expensive difficult hard noisy small boring confusing confused complicated unclear"
    ),
    **_scored(
        -1, "mediocre average delay delayed missing lacking issue issues problem problems wait waited dirty"
    ),
    **_scored(
        -2, "bad poor sad unhappy disappointed disappointing disappointment broken fail failed fails failure"
    ),
    **_scored(
        -2, "wrong annoying annoyed rude useless unreliable defective damaged damage complain complaint"
    ),
    **_scored(
        -2,
        "refund error errors bug bugs crash crashed crashes worse ugly cold lost lose unhelpful broke",
    ),
    **_scored(
        -2, "uncomfortable frustrating frustrated regret cheated overpriced leak leaking angry lie lied"
    ),
    **_scored(
        -3, "terrible awful horrible worst hate hated disgusting scam fraud garbage trash pathetic dreadful"
    ),
    **_scored(
        -3, "appalling atrocious unacceptable nightmare disaster disastrous furious abysmal ridiculous"
    ),
}
CHINESE: dict[str, float] = {
    **_scored(3, "完美 太棒 棒极了 非常好 极好 超赞 惊艳 卓越 杰出 优秀 热爱 绝佳 一流 顶级 爱死"),
    **_scored(3, "强烈推荐 物超所值"),
    **_scored(2, "喜欢 满意 开心 高兴 推荐 好用 好吃 漂亮 舒服 舒适 贴心 热情 专业 可靠 棒 赞 给力"),
    **_scored(2, "精彩 惊喜 感谢 划算 值得"),
    **_scored(2, "优质 好评 靠谱 周到 耐心 愉快 成功 美味 优惠"),
    **_scored(1, "好 不错 方便 快 干净 简单 清晰 实惠 还行 可以 便宜 稳定 顺利 流畅 友好 合适 轻便"),
    **_scored(1, "结实 新鲜 准时 及时"),
    **_scored(-1, "慢 贵 一般 麻烦 复杂 吵 小问题 延迟 拖延 不便 难用 粗糙 凑合 普通 无聊 卡顿"),
    **_scored(-1, "等了很久 偏小 偏大 有点"),
    **_scored(-2, "差 坏 失望 不满 难吃 破损 损坏 故障 投诉 退款 退货 生气 难过 错误 失败 敷衍 后悔"),
    **_scored(-2, "假货 脏 丑 崩溃 态度差"),
    **_scored(-2, "不好 不行 不值 劣质 掉色 异味 欺骗 骗 漏水 浪费 差评 糟 冷漠 缺货 发错 没用"),
    **_scored(-3, "糟糕 极差 太差 恶心 垃圾 最差 讨厌 恨 诈骗 骗子 愤怒 无法接受 恶劣 噩梦 灾难"),
    **_scored(-3, "坑人 气愤"),
}
# Words that take praise and blame back; Chinese ones stand right before.
_NOT = (
    "not no never none without hardly barely cannot can't don't doesn't didn't isn't wasn't aren't weren't "
    "won't wouldn't shouldn't couldn't hasn't haven't nor nothing neither"
)
_CHINESE_NOT = "从来没有 一点也不 并不 不是 没有 不太 不怎么 毫无 从不 别 未 没 不"
ENGLISH_NOT = frozenset(_NOT.split())
CHINESE_NOT = tuple(_CHINESE_NOT.split())
ENGLISH_VERY = {
    "very": 1.4, "really": 1.3, "extremely": 1.6, "so": 1.2, "too": 1.2, "absolutely": 1.6, "totally": 1.4,
    "incredibly": 1.5, "quite": 1.1, "slightly": 0.6, "somewhat": 0.7, "rather": 0.9, "super": 1.5,
}  # fmt: skip
CHINESE_VERY = {
    "非常": 1.5, "特别": 1.5, "十分": 1.4, "极其": 1.7, "太": 1.4, "很": 1.3, "真": 1.2, "超": 1.4,
    "挺": 1.1, "比较": 0.9, "有点": 0.7, "稍微": 0.6,
}  # fmt: skip
