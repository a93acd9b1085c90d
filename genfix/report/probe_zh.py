# ruff: noqa: RUF001 - Chinese punctuation
"""The words of `genfix.report.probe_words` and `genfix.report.probe_text` in Chinese."""

from collections.abc import Mapping
from typing import Final

__all__ = ["CHINESE", "SAID"]

CHINESE: Final[Mapping[str, str]] = {
    "probe-no-answers": "没有一条提示词得到回答，因此无从判断",
    "probe-all-stop": "能够停止：{total} 个回答里有 {count} 个自行结束，没有一个达到长度上限",
    "probe-ran-past": "{total} 个回答里有 {count} 个在轮次结束的 {token} 之后继续：引擎没有在那里停止；请用 --folder 指定目录，看看原因是否在它的文件里",
    "probe-files-lack": "{total} 个回答里有 {count} 个在 {token}（{id}）之后继续：模型结束了这一轮，而 {engine} 没有停止，因为目录的文件没有列出这个 id；"
    "请用 genfix check 和 genfix repair 处理",
    "probe-files-right-server-old": "{total} 个回答里有 {count} 个在 {token} 之后继续，尽管目录的文件会让 {engine} 停止："
    "服务是在修复之前启动的，或者用了别的设置或目录；请重新启动",
    "probe-role-text": "{total} 个回答里有 {count} 个接着写下一轮（{role} 单独成行）；服务隐藏了特殊 token，因此无法指出它前面的 token",
    "probe-limit-low": "{total} 个回答里有 {count} 个被截断，而且都是长回答：判断之前请增大 --max-tokens",
    "probe-sometimes": "{total} 个回答里有 {count} 个达到长度上限，{stopped} 个停止：模型知道结束符；可能是上限太低，或者训练太短",
    "probe-hidden": "{total} 个回答里有 {count} 个达到长度上限；服务隐藏了特殊 token，因此无法知道模型是否写出结束符；"
    "请直接对目录运行 probe（--engine），或者使用支持 skip_special_tokens 的服务",
    "probe-never-ends": "{total} 个回答里有 {count} 个达到长度上限，其中没有任何结束符；请用 --folder 指定目录，看看它的文件是否正确",
    "probe-never-ends-files-wrong": "{total} 个回答里有 {count} 个达到长度上限，其中没有结束符，而且 {engine} 也不会在那里停止："
    "请先修复目录（genfix check），再运行 probe",
    "probe-not-trained": "文件正确，但模型从不输出 {token}（{id}）：{total} 个回答里有 {count} 个达到长度上限也没有它，而 {engine} 遇到它就会停止；"
    "训练时没有学到轮次结束，改配置无法解决：请把它放进标签里重新训练",
    "probe-leak-and-stop": "{count} 个回答虽然停止，其中却有模板文本，例如 {token}：模型在停止之前写了后面的轮次",
    "probe-tool-text": "{count} 个工具调用写在回答的文本里：服务没有这个模型的工具调用解析器，或者模型写的是另一种格式",
    "probe-sample": "对类似的其他提示词，回答会自行停止的比率有 95 % 的置信度在 {low} 到 {high} 之间（根据 {answered} 个回答）",
    "probe-no-pairs": "没有一条提示词得到两者的回答，因此无法比较",
    "probe-differs": "{change}：{value} 个百分点（{low} 到 {high}）",
    "probe-cannot-tell": "看不出差别：{rate}的比率之差可能在 {low} 到 {high} 个百分点之间",
    "probe-length": "长度变化的中位数是 {value} 个 token（{low} 到 {high}）",
    "probe-pairs": "{pairs} 条提示词得到两者的回答；区间的置信度是 95 %，只适用于类似的提示词；回答是否真实、文笔是否好，要由人来读",
}
"""Every sentence by its id, as in ``PROBE_ENGLISH``."""

SAID: Final[Mapping[str, str]] = {
    "stopped by themselves": "自行停止",
    "leaked the template": "泄漏模板",
    "repeated themselves": "自我重复",
    "were empty": "内容为空",
    "more answers stop by themselves": "自行停止的回答更多",
    "fewer answers stop by themselves": "自行停止的回答更少",
    "more answers leak the template": "泄漏模板的回答更多",
    "fewer answers leak the template": "泄漏模板的回答更少",
    "more answers repeat themselves": "自我重复的回答更多",
    "fewer answers repeat themselves": "自我重复的回答更少",
    "more answers are empty": "空回答更多",
    "fewer answers are empty": "空回答更少",
    "token inside the answer": "回答里有特殊 token",
    "role name inside the answer": "回答里有角色名",
    "the user's next turn": "替用户写下一轮",
    "{} ({} to {})": "{}（{} 到 {}）",
    "stopped": "已停止",
    "ran to the limit": "达到长度上限",
    "ended": "已结束",
    "{} at {}": "{}于 {}",
    "{}: {}": "{}：{}",
    "repeats itself {} times": "自我重复 {} 次",
    "repeats itself": "自我重复",
    "empty": "空回答",
    "tool call {}": "工具调用 {}",
    ", ": "，",
    "against": "对照",
    "verdict": "结论",
    "answers": "回答",
    "{}: {} of {} prompts answered": "{0}：{2} 条提示词里有 {1} 条得到回答",
    "tokens per answer": "每个回答的 token 数",
    "seconds per answer": "每个回答的秒数",
    "to the first word": "首个 token 的延迟",
    "tokens per second": "每秒 token 数",
    "turn ends seen": "见到的结束符",
    "leaked": "泄漏的标记",
    "tool calls": "工具调用",
    "without an answer": "没有回答",
    "{} in {}": "{} 见于 {} 个回答",
    "median {}, 95 % below {} ({} to {})": "中位数 {}，95 % 低于 {}（{} 到 {}）",
    "[{}] {}/{} answered, {} stopped": "[{}] 已回答 {}/{}，停止 {}",
    "report: {}": "报告：{}",
    "interrupted: this is what was answered by then": "已中断：以上是中断之前得到的回答",
    "no answer": "没有回答",
    "stop rate {}: below --min-stop-rate {}": "停止率 {}：低于 --min-stop-rate {}",
}
"""What is said beside them, by the English."""
