# ruff: noqa: RUF001 - Chinese punctuation
"""The documentation of rules in Chinese: config.json, weights, other files, settings, leftovers."""

from collections.abc import Mapping
from typing import Final

from genfix.report.rules_zh.text import RuleText

__all__ = ["CHINESE"]

CHINESE: Final[Mapping[str, RuleText]] = {
    "GF401": RuleText(
        what="基座模型有 `config.json`，这里没有。",
        why=(
            "没有引擎能加载该目录：`Unrecognized model ... Should have a model_type key in its config.json`。"
        ),
        fix="基座模型的文件，逐字节相同。",
        safety="安全，除非权重里嵌入矩阵的行数与基座模型配置所写的不同：那就必须由人决定。",
    ),
    "GF402": RuleText(
        what="基座模型 `config.json` 的某个键不见了，transformers 认识的别名也都没有。",
        why=(
            "配置类会悄悄填入自己的默认值：另一个 RoPE 底数、另一个头维度、另一个图像 token。没有 `model_type`、`architectures"
            "` 或 `auto_map` 时什么也加载不了。"
        ),
        fix="基座模型的值，用它的写法，放在它所在的位置。",
        safety="安全：合并 LoRA 不会改变这些。权重与基座模型的值矛盾时不安全。只说明文件来历的键，或等于默认值的键，不算丢失。",
    ),
    "GF403": RuleText(
        what="`config.json` 或 `generation_config.json` 的 `use_cache` 是 `false`，生成会慢得多。",
        why=(
            "每个新 token 都要重新计算整段文本，慢好几倍。没有 `generation_config.json` 时 `generate()` 以 `conf"
            "ig.json` 为准；自行调用模型的代码总是以它为准。vLLM 不看这个值。"
        ),
        fix="`true`；在 `generation_config.json` 里，如果基座模型没有这个键，就删除。",
        safety="基座模型开着缓存时安全：这个值只影响速度，不影响回答。没有基座模型时不安全。基座模型也关着时只作为信息，不修复。",
    ),
    "GF404": RuleText(
        what="`max_position_embeddings`、实际使用的滑动窗口或分词器的 `model_max_length` 与基座模型不同。",
        why="引擎由它们得出最长的提示词。训练配方的截断长度留在这里会缩短它；为长文本调大的值则应该在这里。",
        fix="无：请与训练时的设置比较。",
        safety="不自动修复：两个值都可能是有意的，换成基座模型的会取消长度扩展。",
    ),
    "GF405": RuleText(
        what="`config.json` 的 `dtype` 与权重的 dtype 不同。",
        why="引擎加载时会把权重转换成 `config.json` 的 dtype。这会多占显存或损失精度，也可能是有意的。",
        fix="无：请用应有的 dtype 重新保存模型。",
        safety="不自动修复。量化的权重和混合 dtype 不检查。",
    ),
    "GF411": RuleText(
        what="`config.json` 的 `vocab_size` 不等于权重里嵌入矩阵的行数。",
        why=(
            "什么都加载不了：transformers 报 `size mismatch for ...embed_tokens.weight`，vLLM 在 `lo"
            "aded_weight.shape[output_dim] == self.org_vocab_size` 处失败。新增 token，或者把基座模型的 "
            "`config.json` 复制到扩大过的模型上，都会这样。"
        ),
        fix="写入行数，放在配置里语言模型那一部分原来的位置。",
        safety="安全：这些行就在权重里。模型有自己的代码时不安全，它可能会向上取整。行数多于 token 数是正常的，不报告。",
    ),
    "GF412": RuleText(
        what="分词器里有附加 token 的 id 超出了嵌入矩阵的行数。",
        why="提示词里有这样的 token 时引擎会中止：CPU 上是索引错误，GPU 上是设备端断言。新增了 token，而合并时用了没有扩大的嵌入矩阵，就会这样。",
        fix="无。",
        safety="不自动修复：要么扩大嵌入矩阵并训练，要么换回与这些权重相配的分词器。对话模板会写出这样的 token 时为错误，没有地方用到时为信息。",
    ),
    "GF413": RuleText(
        what="`tie_word_embeddings` 与权重矛盾：为 true 而输出头是另一组值，或为 false 而没有输出头。",
        why=(
            "为 true 时，引擎丢掉训练好的输出头而使用嵌入矩阵：模型不断重复一个 token。为 false 而没有输出头时，transformers 会随机生"
            "成一个。"
        ),
        fix="权重所表明的值。",
        safety="两个张量都在且抽样的值不同，或者基座模型共用嵌入矩阵时安全。基座模型有单独的输出头时不自动修复：说明合并时丢了。没有基座模型时不安全。",
    ),
    "GF414": RuleText(
        what="`config.json` 的层数与权重不符，或者权重中间缺了层。",
        why="太小：transformers 悄悄丢掉多出的层。太大：缺少的层由随机数填充；vLLM 无法加载。",
        fix="权重里的层数。",
        safety="安全：权重完整，每一层都在。配置里有逐层的列表，或者缺了某一层时不自动修复。多 token 预测层另外计算。有自定义代码时不安全。",
    ),
    "GF415": RuleText(
        what="`config.json` 的专家数与权重不符。",
        why="路由器与专家对不上：模型无法加载，或者把 token 送往随机的权重。",
        fix="权重里的专家数。",
        safety="安全：每个专家都在。模型有自己的代码时不安全。",
    ),
    "GF416": RuleText(
        what="`config.json` 声明了多 token 预测层，而权重里没有。",
        why="用它们做投机解码会失败，MLX 无法加载该目录。`save_pretrained` 会丢掉这些张量。",
        fix="改为零层。",
        safety="不安全：从基座模型复制这些张量是更好的修复。基座模型也没有时只作为信息。",
    ),
    "GF421": RuleText(
        what="`config.json` 声明了量化，而权重是普通浮点张量。",
        why=(
            "引擎寻找并不存在的打包张量和缩放系数（`Unexpected weight`、`KeyError: 'quant_method'`），或者把合并后的模型"
            "再次量化成 4 位。它是量化基座模型（QLoRA）留下的。"
        ),
        fix="删除这个键。",
        safety="安全：权重齐全，没有一个是量化的。没有基座模型时，bitsandbytes 不安全，因为它可以在加载时量化。基座模型也对未量化的权重作同样声明时不报告。",
    ),
    "GF422": RuleText(
        what="权重是量化的，而目录里没有文件说明量化方式。",
        why="没有引擎能读：它们会被当成形状或类型错误的普通张量。",
        fix="基座模型的 `quantization_config`，如果方法相同。",
        safety="基座模型声明的方法与张量相符时安全。否则不自动修复：还需要知道位数和分组大小。",
    ),
    "GF431": RuleText(
        what="`architectures` 指名的类与权重里的部件不符：没有输出头、奖励头被当成生成模型，或视觉部分不见了。",
        why="没有输出头的类，vLLM 会当作嵌入模型部署，或者不认识；不存在的输出头或视觉部分，transformers 会用随机数填充。",
        fix="基座模型的 `architectures`，如果与张量相符。",
        safety="有输出头而基座模型的类也有，或者基座模型是同类的分类模型时安全。输出头与嵌入矩阵共用时不安全：嵌入模型也是这个样子。其他情况不自动修复。",
    ),
    "GF432": RuleText(
        what="张量名还带着训练器的包装（`base_model.model.`、`_orig_mod.`、`lora_A` 等）。",
        why="没有引擎能找到张量：所有权重都是 `newly initialized`，即随机模型。",
        fix="无：权重本身要重新保存。",
        safety="不自动修复：请合并并卸下适配器，或者保存去掉包装的模型。",
    ),
    "GF501": RuleText(
        what="图像、视频或音频 processor 的文件不见了。",
        why=("引擎报 `does not appear to have a file named preprocessor_config.json`，或者只能处理文本。"),
        fix="基座模型的文件，逐字节相同。transformers 5 已并入 `processor_config.json` 的不算缺少。",
        safety="安全：微调不改变 processor，也不覆盖任何内容。",
    ),
    "GF502": RuleText(
        what="`auto_map` 指名的 Python 文件，或者它引用的同目录文件，不见了。",
        why=(
            "`trust_remote_code=True` 失败：`does not appear to have a file named tokenization_chatglm.py`。"
        ),
        fix="基座模型的文件，逐字节相同。genfix 从不导入或运行它。",
        safety="由你指定了基座模型、目录自己的文件已经指向该模块，而且已有的代码与基座模型相同时安全。否则不安全：复制的代码会在服务上运行。没有基座模型时只作为信息。",
    ),
    "GF503": RuleText(
        what="基座模型的许可证、声明或使用政策文件不在目录里。",
        why="没有引擎读它；多数许可证要求随模型一并分发。",
        fix="基座模型的文件，逐字节相同。从不复制 README：它描述的是基座模型。",
        safety="安全：不覆盖任何内容。",
    ),
    "GF504": RuleText(
        what="目录里没有任何引擎会读取的文件。",
        why="路径可能是模型目录的上一级或下一级。",
        fix="无。",
        safety="不自动修复。",
    ),
    "GF505": RuleText(
        what=(
            "模型旁边的某个文件不见了：`additional_chat_templates/` 里的模板，或 sentence-transformers 的池化配置"
            "。"
        ),
        why=(
            "按名字使用该模板的请求（`tool_use`、`rag`）会失败。没有 `modules.json` 时，无论模型怎样训练，sentence-trans"
            "formers 都取全部 token 的平均：得到不同的向量，而且不报错。"
        ),
        fix="基座模型的文件，逐字节相同。",
        safety="默认对话模板或模型的类与基座模型相同时安全。模块的权重也丢了时不自动修复。",
    ),
    "GF521": RuleText(
        what="缺少索引或文件编号所说的某个权重文件。",
        why="模型无法加载；有的引擎加载其余部分，用随机数填充缺口。",
        fix="无。",
        safety="不自动修复：请重新复制该文件，或者重新合并。完全没有权重的目录不报告。",
    ),
    "GF522": RuleText(
        what="某个 safetensors 文件没有可读的头部，或者在头部所说的数据之前就结束了。",
        why="没有引擎能加载它。复制或下载中断了，或者磁盘已满。",
        fix="无。",
        safety="不自动修复：请重新复制该文件，或者重新合并。",
    ),
    "GF523": RuleText(
        what="多个分片旁边没有 `model.safetensors.index.json`，或者它与分片头部不符。",
        why="没有索引，transformers 找不到权重；索引错误（复制了基座模型的）则到错误的文件里找张量。索引里没有的张量会随机生成。",
        fix="由各文件头部重建索引。",
        safety="安全：同一系列的分片齐全且完整，没有张量同时在两个分片里。否则不自动修复。从不复制基座模型的索引。",
    ),
    "GF524": RuleText(
        what="有索引没有提到的权重文件，或者 `model.safetensors` 旁边还有分片。",
        why=(
            "不同引擎加载的文件不同：transformers 先取 `model.safetensors`，vLLM 取索引所写的，还有的取全部文件。以前保存的文件"
            "会被当成错误的模型加载。"
        ),
        fix="无。",
        safety="不自动修复：哪些文件才是模型，只有作者知道。",
    ),
    "GF525": RuleText(
        what="safetensors 头部有元数据，却没有其中的 `format`。",
        why=(
            "transformers 4 无法加载：`Incompatible safetensors file`，或 `does not contain the "
            "valid metadata`。完全没有元数据时反而可以。"
        ),
        fix="无。",
        safety="不自动修复：头部属于权重文件，而 genfix 从不写权重。请用 `metadata={'format': 'pt'}` 重新保存。",
    ),
    "GF601": RuleText(
        what="基座模型有 `generation_config.json`，这里没有。",
        why=(
            "引擎从这个文件读取停止 token 和采样默认值。没有它就改用 `config.json`，那里的 `eos_token_id` 常常只有一个 id：模"
            "型停不下来。采样也改用引擎的默认值，回答随之改变。"
        ),
        fix="基座模型的文件，逐字节相同。只有目录自己的 `config.json` 才有的停止 id 会保留在列表里。",
        safety="安全：不覆盖任何内容。用基座模型能停的引擎不再停止时为错误，否则为警告。",
    ),
    "GF602": RuleText(
        what="该文件是由 `config.json` 重新生成的（`_from_model_config`），基座模型的设置丢了。",
        why="回答按引擎的默认值采样，而不是模型作者选定的值。",
        fix="补上基座模型的设置，删除 `_from_model_config`；文件里已有的值保留。",
        safety="安全：文件里的每个值都来自 `config.json`，并不是谁选定的。如果还有别的内容，就按 GF605 处理。",
    ),
    "GF603": RuleText(
        what="训练或评测时的 `max_new_tokens` 或 `max_length` 留在了文件里，而基座模型没有设置。",
        why="除非请求另有说明，vLLM 和 transformers 会把每个回答截断到这个长度。",
        fix="删除这个键。",
        safety="安全：长度限制应由请求决定，而模型作者没有设限。",
    ),
    "GF604": RuleText(
        what="某项设置是引擎拒绝的值（负的 temperature、为 0 的 `top_p`），或者有采样参数却没有 `do_sample`。",
        why=(
            "超出范围：没有自行设置该值的请求都会失败。有采样值而没有 `do_sample: true`：transformers 忽略它们，并且拒绝保存该文件（于"
            "是训练在最后一步失败），而 vLLM 会使用它们。"
        ),
        fix="超出范围：用基座模型的值，没有就删除。没有 `do_sample`：设为 true。",
        safety=(
            "超出范围：安全，没有引擎能使用它。`do_sample`：不安全，因为 `generate()` 会从贪心解码变成采样。基座模型的文件没有这个问题时为警"
            "告；没有那个文件时为信息，因为每个引擎都能加载。基座模型也有的问题只作为信息。"
        ),
    ),
    "GF605": RuleText(
        what="某项采样设置与基座模型不同。",
        why="回答的长度、多样性或重复程度会与基座模型不同。这可能正是微调者想要的。",
        fix="基座模型的值；基座模型没有时删除。",
        safety="不安全：目录自己的值视为有意设置。",
    ),
    "GF701": RuleText(
        what=(
            "transformers 4 没有 `tokenizer_class` 所指的类（例如 `TokenizersBackend`），而基座模型的类它能加载"
            "。"
        ),
        why=(
            "使用 transformers 4 的程序报 `Tokenizer class TokenizersBackend does not exist or "
            "is not currently imported`。llama.cpp 的转换脚本固定使用 transformers 4.57.6，因此无法生成 GG"
            "UF，同期的服务也是如此。使用 transformers 5 的程序不受影响。"
        ),
        fix=(
            "有 `tokenizer.json` 时，写成同一个类的旧名 `PreTrainedTokenizerFast`；没有 `model_input_nam"
            "es` 时，补上 transformers 5 这时所用的值：transformers 4 自己的默认值还会返回 `token_type_ids`，而 "
            "`generate()` 不接受它。大小写不同或写了两次 `Fast` 的类名改成本来的名字；其他的用基座模型的。"
        ),
        safety=(
            "旧名是安全的：transformers 5 读取该目录的方式完全不变。不用基座模型自己的类，因为 transformers 5 对其中一些（`Llama"
            "Tokenizer`）会构造另一个 pre-tokenizer。其他名字、transformers 4 会改写 `tokenizer.json` 的前缀"
            "空格，以及没有基座模型（只作为信息）时，都不安全。"
        ),
    ),
    "GF702": RuleText(
        what="`extra_special_tokens` 是列表，transformers 4 无法加载；基座模型不是这样。",
        why=(
            "transformers 4 要求这个键是对象，报 `'list' object has no attribute 'keys'`，空列表也不行。lla"
            "ma.cpp 的转换脚本和使用 transformers 4 的服务无法加载分词器。"
        ),
        fix="同一个列表，改用 transformers 4 的键名 `additional_special_tokens`，位置不变。空列表则去掉。",
        safety=(
            "安全：transformers 5 把 `additional_special_tokens` 当作 `extra_special_tokens`，两个"
            "版本读到同一个列表。没有基座模型时只作为信息，修复不安全：较新的模型发布时就是这样。"
        ),
    ),
    "GF704": RuleText(
        what="`tokenizer.model` 还在，而附加 token 只写在 `tokenizer.json` 里，llama.cpp 转换时会丢掉它们。",
        why=(
            "有 `tokenizer.model` 时，llama.cpp 的转换脚本从它读词表，从两个小文件读附加 token。没有它们，`<start_of_t"
            "urn>` 会变成普通文字，词表之外的 token 会变成 `[PAD32000]`：GGUF 里的对话标记被拆碎。transformers 5 不写这"
            "个列表，而有的工具又把 `tokenizer.model` 放回它写出的文件旁边。"
        ),
        fix="由目录自己的 `tokenizer.json` 写出 `tokenizer_config.json` 的 `added_tokens_decoder`。",
        safety="安全：内容与 `tokenizer.json` 一致，transformers 4 和 5 读到的 token 与以前相同。",
    ),
    "GF705": RuleText(
        what="processor 或分词器的类名带着训练器运行时的前缀（`_Unsloth_Patched_`）。",
        why="没有哪个库有这个名字的类：`AutoProcessor` 报错，或者改用分词器而丢弃图像。",
        fix="去掉前缀的名字。",
        safety="安全：前缀是加在被替换的类的名字前面的。",
    ),
    "GF711": RuleText(
        what="RoPE 只写在 transformers 5 的 `rope_parameters` 里，旧读取器会悄悄使用默认值。",
        why=(
            "transformers 4.57.6 会悄悄使用类的默认值（多为 10000，没有缩放），使用 transformers 4 的 0.24 之前的 v"
            "LLM 和 mlx-lm 0.32 的许多模型也是如此（没有默认值的则无法加载）。输出乱码，或者文本变长后变成乱码。"
        ),
        fix="在 `rope_parameters` 旁边补上旧的键，值相同；含义相同时沿用基座模型的写法。",
        safety="安全：transformers 5.23.0 读到的前后相同。没有基座模型时不安全，只作为信息：模型可能只供新程序使用。旧的类默认就是这些值时不报告。",
    ),
    "GF712": RuleText(
        what="RoPE 与基座模型不同，或者被重置成了默认值。",
        why="用不知道基座模型 theta 的类保存，会留下默认值 10000：模型丢失词序。其他的值多半是为长文本调整的。",
        fix="基座模型的值，写到这里的每一种写法里。",
        safety=(
            "不安全：这里的值可能是有意的。只有 transformers 5 用没有缩放的默认 theta 取代了基座模型的值时才为警告，否则为信息。只有一方区分各"
            "层时不自动修复。键丢失由 GF402 说明。"
        ),
    ),
    "GF713": RuleText(
        what=(
            "`tie_word_embeddings` 只写在复合 `config.json` 的顶层，而权重里没有单独的输出头：transformers 4 会随"
            "机生成一个。"
        ),
        why=(
            "transformers 4 在语言模型自己的部分（`text_config`）里查找，没有这个键就用类的默认值，并随机生成输出头：模型输出乱码，而且不"
            "报错。transformers 5 把语言模型的字段移到那里，却把这一个留在了外面。"
        ),
        fix="在语言模型的部分里写上与顶层相同的值。",
        safety="安全：基座模型在旧程序查找的位置写着共用，权重没有输出头，transformers 5 读到的与以前相同。",
    ),
    "GF721": RuleText(
        what="完整权重旁边有 `adapter_config.json`。",
        why="transformers 看到适配器，就去加载该文件指名的模型而不是这里的权重，再套上适配器：合并结果从未被使用；那个路径已不存在时则加载失败。",
        fix="把该文件移入备份，`genfix undo` 可以取回。",
        safety=(
            "不安全：有的目录有意保留适配器。适配器的权重从不改动；请自行移走，因为没有索引时 vLLM 会加载每个 `*.safetensors`。基座模型也有该文"
            "件时不报告。"
        ),
    ),
    "GF722": RuleText(
        what="目录里有训练留下的文件：优化器、调度器、随机状态、参数。",
        why="没有引擎读取它们。它们可能很大，可能是谁都不该加载的 pickle，也可能写着你机器上的路径。",
        fix="无。",
        safety="不自动修复：可能还要从它们继续训练。",
    ),
    "GF901": RuleText(
        what="某个 JSON 文件无法解析，或者不是一个对象。",
        why=(
            "损坏的 `generation_config.json` 会被 transformers、vLLM 等悄悄当作不存在；OpenVINO 拒绝加载。`co"
            "nfig.json` 或 `tokenizer_config.json` 损坏则所有引擎都停下。"
        ),
        fix=(
            "人为的笔误只有一种读法时，修好文件本身：注释、多余的逗号、行末漏掉的逗号、单引号、没有引号的键、`True`、`False` 和 `None`、`.7`"
            "、字符串里的制表符或换行、同值的重复键、UTF-16。只改这些字符。其他情况（尤其是被截断的文件）换成基座模型的文件；换 `generation_con"
            "fig.json` 时保留目录自己的 `config.json` 的停止 id。"
        ),
        safety=(
            "安全：原来的文件谁也读不了，备份里也留着它。修好的文件会读回来，必须与作者所写的一致。嵌入矩阵的行数与基座模型不同时，换成它的文件不安全。两者都没有时不"
            "自动修复。"
        ),
    ),
    "GF902": RuleText(
        what="同一个 JSON 对象里有重复的键。",
        why="Python 取最后一个值，C++ 可能取第一个：不同引擎读到的不同。",
        fix="两个值相同时删除第二个。",
        safety="值相同时安全。不同时不自动修复：只有作者知道应取哪一个。",
    ),
    "GF903": RuleText(
        what="某个 JSON 文件以 UTF-8 的 BOM 开头。",
        why="transformers 以 UTF-8 打开这些文件，而 Python 的解析器不接受 BOM：文件被视为损坏。",
        fix="删除这三个字节。",
        safety="安全：JSON 本身不变。",
    ),
    "GF904": RuleText(
        what="某个配置文件不是普通文件、是指向别处的链接、大得离谱，或者没有读取权限。",
        why="引擎报错，或者读到不属于该模型的文件。",
        fix="无。",
        safety="不自动修复：genfix 从不通过链接写入，也从不替换它读不了的文件。",
    ),
    "GF905": RuleText(
        what="JSON 文件里有 `NaN`、`Infinity` 或大到无法表示的数，而基座模型没有。",
        why=(
            "Python 会读写它们，而 JSON 里没有：Rust、Go、C++ 和 JavaScript 的读取程序（`tokenizers`、Text Gen"
            "eration Inference、mistral.rs、Ollama 的转换程序、OpenVINO）会因此拒绝整个文件，或者当它不存在。transfo"
            "rmers 5 在有范围的字段里不接受 NaN。出现在 `tokenizer.json` 里时所有引擎都失败。"
        ),
        fix="基座模型的数字。",
        safety=(
            "不安全：无穷大可能是有意的。基座模型没有这个键时不自动修复。基座模型在同一位置也是这样的视为有意（Mamba 2 的 `time_step_limit`"
            "）。没有基座模型时只报告 NaN，作为信息。"
        ),
    ),
    "GF906": RuleText(
        what="本该是文件的地方只有一个 Git LFS 指针。",
        why="克隆时没有 Git LFS，或者是从这样的克隆上传的。没有引擎会读指针：它不是 JSON，也不是词表。",
        fix="指针所指的正是基座模型的文件时，用那个文件；否则请在克隆的仓库里运行 `git lfs pull`。",
        safety="指针里的 SHA-256 与基座模型的文件相同时安全。不同时不安全：本该是另一个文件。没有基座模型时不自动修复。基座模型也是同样的指针时只作为信息。",
    ),
}
