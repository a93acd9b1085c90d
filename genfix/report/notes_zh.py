# ruff: noqa: RUF001 - Chinese punctuation
"""More of `genfix.report.sentences_zh`: notes, which are told beside a report and are no errors."""

from collections.abc import Mapping
from typing import Final

__all__ = ["CHINESE"]

CHINESE: Final[Mapping[str, str]] = {
    # how a base was found
    "the base is {}: {} names it": "基座模型是 {0}：由 {1} 写明",
    "the base is {}, which stops at {}: {} names it": "基座模型是 {0}，它的停止词是 {1}：由 {2} 写明",
    "passed over as the base: {}": "没有用作基座模型：{0}",
    "{} ({}): {}": "{0}（{1}）：{2}",
    "it is not on this machine": "它不在本机上",
    "{} is the card of {}, whose parent it names": "{0} 是 {1} 的模型卡，写的是它的上一级模型",
    "{} names {}: add --base {}": "{0} 写明了{1}：请加上 --base {2}",
    "a base": "基座模型",
    "{} as the base": "基座模型 {0}",
    "{} names {} as the base, which is not here: say where with --base": "{0} 写明基座模型是 {1}，但它不在这里：请用 --base 指定它的位置",
    "model of {}": "{0} 的 model",
    "model_dir of {}": "{0} 的 model_dir",
    "base_model of {}": "{0} 的 base_model",
    "_name_or_path of {}": "{0} 的 _name_or_path",
    "model_name_or_path of {}": "{0} 的 model_name_or_path",
    "base_model_name_or_path of {}": "{0} 的 base_model_name_or_path",
    # where the base differs without being wrong
    "the vocabulary has {} rows here and {} in the base: it was resized": "词表在这里有 {0} 行，在基座模型里有 {1} 行：词表大小改变过",
    "there are {} layers here and {} in the base, as after a passthrough merge": "这里有 {0} 层，基座模型有 {1} 层，像是 passthrough 合并的结果",
    "{} quantised and the other is not; what belongs to that is left alone": "{0}量化的，另一个不是；与量化有关的内容保持不变",
    "the base is": "基座模型是",
    "this folder is": "这个目录是",
    "this is the language model of {}, which also takes images or audio": "这是 {0} 的语言模型部分，而后者还接受图像或音频",
    "the base stops at {}": "基座模型的停止词是 {0}",
    "{} names {}, which passes the same proofs as {}: if that is the one, name it with --base": "{0} 写的是 {1}，它与 {2} 同样通过全部核对：如果应该是它，请用 --base 指定",
    "the folder's name says {}, and {} is its pretrained sibling: if the chat model is the base, name that with --base": "目录名里有 {0}，而 {1} 是对应的预训练模型：如果基座模型是对话模型，请用 --base 指定它",
    # where the files came from
    "{} is judged at commit {}": "检查的是 {0} 的提交 {1}",
    "{}; using the list of files of {} at commit {} that was read last": "{0}；使用上次读到的 {1} 在提交 {2} 的文件列表",
    # settings, baselines, plan files, runs
    "{} is not read, since {}; if it is yours, name it with --config": "没有读取 {0}，因为{1}；如果是你的文件，请用 --config 指定",
    "it lies in a model folder": "它在模型目录里",
    "it belongs to another user": "它属于另一个用户",
    "1 entry of the baseline {} found no more: {}": "基线 {0} 里有 1 项不再出现：{1}",
    "{} entries of the baseline {} found no more: {}": "基线 {1} 里有 {0} 项不再出现：{2}",
    "{} entries of the baseline {} found no more: {} and {} more": "基线 {1} 里有 {0} 项不再出现：{2} 以及另外 {3} 项",
    "the plan was applied already: the folder is as it makes it": "计划已经执行过：目录已是执行后的样子",
    "the command changed nothing in {}; is that where it writes?": "命令没有改动 {0} 里的内容；它确实写到那里吗？",
    "the API key goes to {} without encryption": "发往 {0} 的 API 密钥没有加密",
}
