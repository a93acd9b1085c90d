# ruff: noqa: RUF001 - Chinese punctuation
"""The documentation of rules in Chinese: stop tokens, chat templates, tokenizers."""

from collections.abc import Mapping
from typing import Final

from genfix.report.rules_zh.text import RuleText

__all__ = ["CHINESE"]

CHINESE: Final[Mapping[str, RuleText]] = {
    "GF101": RuleText(
        what="`generation_config.json` 的 `eos_token_id` 比基座模型少了停止 id，或者一个也没有。",
        why=(
            "transformers 的 `generate()` 只在 `generation_config.json` 的 id 处停止；vLLM 再加上分词器"
            "的 EOS。该文件存在却不全（或没有 `eos_token_id`）时，还会遮住 `config.json` 里正确的列表。于是模型把结束符当作文字写出"
            "来并继续，常常替用户写下一轮，直到 `max_tokens`（`finish_reason: length`）。训练框架会自行加上模板的停止词，所以同一"
            "个目录在那里能停，在 vLLM 里不停。"
        ),
        fix="取基座模型的 id 与目录自己的 id 的并集，基座模型的在前。只有在两个目录里是同一个 token 的 id 才会添加。",
        safety=(
            "对话模板与基座模型相同（或两边都没有）时安全：结束符也就相同。目录有另一个模板时不安全：基座模型的 id 在这里可能从未训练过。id 从不删除。级别：用"
            "基座模型能停的引擎不再停止时为错误，否则为警告。"
        ),
    ),
    "GF102": RuleText(
        what="对话模板用来结束一轮的 token，某个引擎并不在那里停止。",
        why=(
            "按该模板训练的模型会写出结束符，而引擎把它当作文字：每个回答都写到 `max_tokens`。常见于把预训练基座模型微调成对话模型，EOS 却仍是 `<"
            "|endoftext|>`。训练框架会自行加上模板的停止词：在 `swift infer` 或 `llamafactory chat` 中能停，在 vL"
            "LM 中不停。"
        ),
        fix=(
            "在沙箱里用示例对话渲染模板；助手文字之后的附加 token 就是结束符，把它们加入 `generation_config.json` 的 `eos_to"
            "ken_id`。没有该文件时新建一个，并保留引擎原来从 `config.json` 读到的内容。"
        ),
        safety=(
            "安全：只添加 id，而且只添加目录自己的模板用来结束一轮的 token。模板与基座模型不同时无需证据；使用基座模型的模板或没有基座模型时，必须有对话训练"
            "的证据：适配器、训练框架留下的文件、新增的轮次 token、改成结束符的 EOS，或者与基座模型不同的权重。写明是纯文本训练的运行不算证据。没有证据时，"
            "不改基座模型本来的做法；没有基座模型时只作为信息。"
        ),
    ),
    "GF103": RuleText(
        what="`config.json` 的 `eos_token_id` 比基座模型的 `config.json` 少。",
        why=(
            "SGLang 把这个列表与 `generation_config.json` 的合并；transformers 和 vLLM 在读不到 `generat"
            "ion_config.json` 时使用它。HF Trainer 和一些合并工具会把它缩成一个 id。"
        ),
        fix="取基座模型的 id 与目录自己的 id 的并集，相同时沿用基座模型的写法。",
        safety=(
            "对话模板与基座模型相同时安全。只恢复基座模型自己的 `config.json` 里有的 id：两个文件的列表不必相同（Qwen2.5 一处有一个 id，"
            "另一处有两个）。"
        ),
    ),
    "GF104": RuleText(
        what="`generation_config.json` 的 `eos_token_id` 里有不是 token id 的内容：文字、小数或负数。",
        why=(
            "transformers 的 `generate()` 报错（`too many dimensions 'str'`）；vLLM 能启动但从不应答：它的"
            "引擎只接受整数（旧版本接受该值，却永远匹配不上）。"
        ),
        fix="如果文本是这个分词器的 token，就换成它的 id；保留基座模型的 id 和有效的 id，其余去掉。",
        safety="安全：没有引擎能在原来的值处停止。看不出是哪个 id 时不自动修复。",
    ),
    "GF105": RuleText(
        what="基座模型的某个停止 id 在这里是另一个 token，或者超出了嵌入矩阵的行数。",
        why="这个 id 永远不会被生成，或者会在错误的 token 处截断回答。结束符在这里可能根本没有对应的 token。",
        fix="无：分词器或嵌入矩阵改过，基座模型的 id 说明不了这个模型。",
        safety="不自动修复。请在这里的分词器里查结束符的 id，再把它加进去。",
    ),
    "GF106": RuleText(
        what="对话模板与基座模型相同，而 `tokenizer_config.json` 的 `eos_token` 不是基座模型的，或者不见了。",
        why=(
            "vLLM、SGLang 和 MLX 在分词器的 EOS 处停止；llama.cpp 的转换脚本和 Ollama 只认它。模型用 `<turn|>` 或 "
            "`<|im_end|>` 结束一轮，而 unsloth 或加载了另一个分词器的合并会写成 `<eos>` 或 `<|endoftext|>`。模板如果输"
            "出 `eos_token`，也会输出错误的那一个。"
        ),
        fix=(
            "写入基座模型的 `eos_token`：`tokenizer_config.json`，以及 `special_tokens_map.json`（如果里"
            "面有）。"
        ),
        safety=(
            "模板与基座模型相同，而这里的 EOS 不结束任何一轮时安全。如果这个 EOS 结束模板的某一轮，或者适配器的分词器就用它，则视为有意，不报告。如果该 t"
            "oken 是这里新增的，或者两边都没有模板可以说明，则不安全，只作为信息。"
        ),
    ),
    "GF107": RuleText(
        what="对话模板用来结束一轮的文字（例如 `<|im_end|>`），分词器里没有这个 token。",
        why="它会被拆成几个普通 token，没有可供停止的 id：每个引擎都把它写成文字并继续。可能是改模板时没有添加这个 token，也可能是随分词器一起丢了。",
        fix=(
            "无：一个 token 需要嵌入矩阵里的一行。如果训练时有它，请换回训练时的分词器；否则请在每个请求里把它设为停止字符串，或者添加该 token、扩大嵌入"
            "矩阵并重新训练。"
        ),
        safety="不自动修复。如果基座模型的模板和分词器也是这样，或者没有对话训练的迹象，则只作为信息。",
    ),
    "GF108": RuleText(
        what="填充 token 被改成了唯一结束一轮的 token：结束符可能从未被训练，配置无法修复。",
        why=(
            "训练框架不计算填充的 loss。如果按 token id 屏蔽，结束符也被一起屏蔽，模型永远学不会写出它：停止 token 全对，回答仍停不下来。改配置"
            "无法修复。按位置屏蔽的训练框架则没有影响。"
        ),
        fix="无：如果没有其他问题而模型仍停不下来，请换一个填充 token 重新训练。",
        safety="不自动修复。只作为信息：从文件看不出填充是怎样屏蔽的。",
    ),
    "GF201": RuleText(
        what="基座模型有对话模板，这里没有，或者不在 processor 读取的位置。",
        why=(
            "对话请求失败：transformers 报 `tokenizer.chat_template is not set`，vLLM 报 `default c"
            "hat template is no longer allowed`。视觉语言模型的 processor 没有自己的模板时，会改用分词器的模板，图像可能"
            "被丢弃。"
        ),
        fix="基座模型的模板，放在基座模型放它的每个位置。",
        safety="分词器有该模板所写的每个 token 且 id 相同，也没有基座模型所没有的附加 token 时安全。否则不安全：训练时用的可能是另一个模板。",
    ),
    "GF202": RuleText(
        what="`chat_template.jinja` 与目录里的另一份模板内容不同。",
        why=(
            "transformers 和 vLLM 读 `.jinja` 文件，llama.cpp 的转换脚本和 Ollama 读 `tokenizer_confi"
            "g.json` 里的那一份：同一个目录有两种对话方式。"
        ),
        fix="把多数引擎使用的 `chat_template.jinja` 的内容写到另一处。",
        safety="不安全：从文件看不出训练用的是哪一份。",
    ),
    "GF203": RuleText(
        what="对话模板无法渲染：语法错误、沙箱不允许的访问，或者在限额内渲染不完。",
        why="每个对话请求都失败，或者卡住渲染它的服务。",
        fix="无。",
        safety="不自动修复。超出沙箱所允许的模板根本不应部署。",
    ),
    "GF204": RuleText(
        what="对话模板里有 `{% generation %}` 标签：它只用于训练，有些引擎不认识。",
        why=(
            "transformers 认识这个标签，因而 vLLM、SGLang 和 MLX 也认识，llama.cpp 同样认识。其他程序不认识：text-gen"
            "eration-webui、Xinference 和旧版 llama-cpp-python 报 `Encountered unknown tag 'ge"
            "neration'`，mistral.rs 和 TGI（标签带短横线时）拒绝该模板。TRL 只对回答计算 loss 时会把这样的模板随模型保存。"
        ),
        fix="在每一份里把每个标签换成带同样短横线的空注释。",
        safety=(
            "基座模型没有这种标签，并且去掉后每段对话的渲染结果都相同时安全。渲染结果改变时不安全；没有基座模型时也不安全，只作为信息：有的模型发布时就带着标签。基座"
            "模型也有时只作为信息，不自动修复。"
        ),
    ),
    "GF205": RuleText(
        what="对话模板写出形如 `<|...|>` 的文字，而这里的分词器没有这些 token。",
        why="每一个都会被拆成几个普通 token。如果模型训练时它们是 token，那么所有提示词都与训练时不同。不是 token 的结束符另有规则。",
        fix="无：从文件看不出训练时它们是不是 token。",
        safety=(
            "不自动修复。分词器只有模板的一部分标记时为警告（没有基座模型时为信息）；一个也没有时为信息，这类模型本来就用普通文字作标记（Zephyr），没有基座模型"
            "时不报告。适配器的模板相同、使用的是基座模型的模板而它也没有该 token，或者分词器有自己的代码时，都不报告。"
        ),
    ),
    "GF206": RuleText(
        what="视觉语言模型的对话模板不为图像写任何内容，而基座模型的模板会写。",
        why=(
            "processor 的提示词里没有图像的位置：transformers 报错，或者把请求的各部分原样写成文字；模板分部分接收内容时 vLLM 也会报错。"
            "Qwen2.5-VL 这样的基座模型有两个模板，分词器的只有文本，processor 的带图像：只保存分词器的合并就只剩下前一个。"
        ),
        fix="基座模型的模板，写入 processor 读取的文件。",
        safety="这里的内容是基座模型某一份模板，或者适配器用的就是基座模型的模板时安全。否则不安全：模型可能就是用这里的模板训练的。",
    ),
    "GF207": RuleText(
        what="对话模板只在 `chat_template.jinja` 里，基座模型在旧读取者查找的位置也有一份。",
        why=(
            "transformers 4.57 和 5 只写这个文件。TGI（3.3.7）和 Ollama 的转换程序不读它：对话请求报 `template not"
            " found`，或者使用猜出来的模板。"
        ),
        fix="把同样的内容写入 `tokenizer_config.json`；基座模型的 `chat_template.json` 内容相同时也写入。",
        safety="不安全：虽然不替换任何内容，但以后修改时两份都要改。",
    ),
    "GF208": RuleText(
        what="被合并的适配器有自己的对话模板（训练时用的那一个），这里的却是另一个，或者没有。",
        why="提示词与训练时不同：别的标头、别的系统提示词、别的结束符。从基座模型加载分词器的合并会写出基座模型的模板。",
        fix="把适配器的模板写到目录原有模板的每个位置。只用于训练的标签会去掉。",
        safety=(
            "这里的模板是基座模型的，或者没有模板，并且分词器有适配器模板所写的每个 token 时安全。否则不安全；如果这里的模板既不是适配器的也不是基座模型的，则"
            "只作为信息：可能是有人为部署而写的。"
        ),
    ),
    "GF209": RuleText(
        what="对话模板写出 BOS，分词器又加一个，而基座模型的分词器不加。",
        why=(
            "先把对话渲染成文本再分词的程序（补全请求、评测和许多训练框架）会送出两个 BOS：模型从未见过这样的开头。transformers 和 vLLM 的对话"
            "接口分词时不加特殊 token，llama.cpp 会去掉其中一个。"
        ),
        fix=(
            "对认这个设置的分词器类，把 `add_bos_token` 设为 false；如果 BOS 是由 `tokenizer.json` 的 `post_pr"
            "ocessor` 加上的，就换成基座模型的。"
        ),
        safety="不安全：训练时可能就是这样。基座模型或适配器的分词器也加 BOS 时不报告：Llama 3 从一开始就有两个。",
    ),
    "GF301": RuleText(
        what="基座模型的某个分词器文件不见了，其他文件里也没有它的内容。",
        why=(
            "引擎无法加载该目录，或者加载了另一个分词器类，没有它的 EOS、对话模板和特殊 token。PEFT 合并默认不保存分词器；自定义分词器会丢失 `tok"
            "enizer.model` 或代码。"
        ),
        fix="基座模型的文件，逐字节相同。`tokenizer.json` 还在时，不算缺少慢速词表。",
        safety=(
            "嵌入矩阵的行数与基座模型的词表相同，而且目录里仍写着的 token 都与基座模型同 id 时安全。否则不安全：分词器改过，它自己的文件在适配器或检查点里"
            "。"
        ),
    ),
    "GF302": RuleText(
        what="分词器不是适配器训练时用的那一个：缺少 token、id 不同，或者 EOS 仍是基座模型的。",
        why=(
            "模型写出这个分词器不认识的 id，训练时的轮次标记被拆碎。合并时加载基座模型的分词器就会保存那一个：axolotl 的默认合并和没有适配器分词器的 LL"
            "aMA-Factory 都是如此。"
        ),
        fix=(
            "适配器的分词器文件，逐字节相同，连同它的对话模板。只有 EOS 不同时，只改 `tokenizer_config.json` 和 `special_to"
            "kens_map.json` 的 `eos_token`。"
        ),
        safety=(
            "每个 token 在嵌入矩阵里都有一行，而且这里的 token 都是基座模型或适配器的时安全。目录里有两者都没有的 token、有自己的对话模板，或者行"
            "数未知时不安全。嵌入矩阵行数不够时不自动修复：它没有扩大，必须重新合并。"
        ),
    ),
    "GF303": RuleText(
        what="嵌入矩阵行数与基座模型相同，基座模型的某个附加 token 却不见了，或者换了 id。",
        why=(
            "该 token 会被拆碎，或者落在为另一个 token 训练的行上，轮次标记对模型就没有意义。用 Llama 分词器保存后，Yi 的 `<|starto"
            "ftext|>` 从 1 变成了 64000。"
        ),
        fix="基座模型的 `tokenizer.json`，以及其他分词器文件里它的附加 token 表。",
        safety=(
            "不安全：整个词表都变成基座模型的。这里新增过 token 时不自动修复。保留 token 改名而 id 不变不报告，适配器的分词器也是这样时同样不报告。"
            "对话模板会写出该 token，或者它结束一段文本时为错误，否则为警告。"
        ),
    ),
    "GF304": RuleText(
        what=(
            "某个附加 token 的标志（`special`、`lstrip`、`rstrip`、`normalized`、`single_word`）与基座模型不"
            "同。"
        ),
        why=(
            "`lstrip` 和 `rstrip` 会吞掉 token 两侧的空白，提示词的 id 就与训练时不同。不再是特殊 token 的结束符会被当作文字输出"
            "。变成特殊 token 的工具标记，工具解析器就看不到了。"
        ),
        fix="基座模型的 `tokenizer.json`，以及它的 `added_tokens_decoder`（如果目录里有）。",
        safety=(
            "不安全：标志可能是有意设置的。这里新增过 token 时不自动修复。适配器的分词器或基座模型的另一个文件里就是这样的标志不报告，没有 normalize"
            "r 时的 `normalized` 也不报告。`single_word`，以及不结束任何一轮的 token 的 `special`，只作为信息。"
        ),
    ),
    "GF305": RuleText(
        what="特殊 token 列表比基座模型的短，而这些 token 仍在分词器里。",
        why=(
            "从该列表取特殊 token 的程序，会把其余的写进文本，或者在提示词里把它们拆开。LLaMA-Factory 写入自己模板的停止词，丢掉其余的：GLM-"
            "4 的 14 个变成 2 个。"
        ),
        fix="基座模型的列表，后面接目录自己的条目，用目录所用的键名。",
        safety="不安全：列表变短可能是有意的。以自己的名字出现的特殊 token（EOS、填充）不算缺少。",
    ),
    "GF306": RuleText(
        what="分词器或配置里的 BOS、填充 token 与基座模型不同。",
        why=(
            "如果模板或分词器会写 BOS，换了 BOS 后每个提示词都以另一个 token 开头。换了填充 token 只影响带填充的批次。分词器没有 BOS 时（"
            "Qwen），transformers 4.56 及以后版本训练时会把配置里的 `bos_token_id` 改成 null：服务并不需要它。"
        ),
        fix="基座模型的值，写到所有不同的位置；基座模型没有的值则删除。",
        safety=(
            "不安全：训练时可能用过它。只是新增了填充时不自动修复，回答不受影响。基座模型的另一个文件或适配器里是同一个 token、缺少的键可能表示类的默认值，或者"
            "填充就是结束符（由 GF108 说明）时，不报告。"
        ),
    ),
    "GF307": RuleText(
        what="填充 token 的 id 超出了嵌入矩阵的行数。",
        why=(
            "transformers 的多数嵌入层用 config.json 里的 `padding_idx`：模型无法加载，报 `Padding_idx must"
            " be within num_embeddings`。写在 `generation_config.json` 或分词器里则会使批次出错：generate"
            "() 会把已结束回答的填充再送回模型，索引越界。"
        ),
        fix=(
            "如果基座模型的填充 token 有对应的行，在这里又是同一个 token，就用它。否则 `config.json` 里写 null，`generatio"
            "n_config.json` 里不写：引擎会用 EOS。"
        ),
        safety=(
            "安全：没有引擎能使用原来的值。没有基座模型这样的 token 的分词器，以及基座模型有同样问题时，不自动修复。负数 id 不动：torch 从末尾数起。"
            "只以权重头部写明的行数为准。"
        ),
    ),
    "GF308": RuleText(
        what="`tokenizer.json` 里留有训练器的 `truncation` 或 `padding`，直接读取它的程序会截断或填充文本。",
        why=(
            "直接用 tokenizers 库加载该文件的程序（例如 Rust 写的服务）会把每个提示词截断到训练时的长度，或者用填充补齐。transformers "
            "的普通调用会重置两者，但 vLLM 里的多模态 processor 曾因此报错：`Mismatch in image token count betwe"
            "en text and input_ids`。"
        ),
        fix="基座模型的值，即 null。",
        safety=(
            "基座模型的 `tokenizer.json` 里是 null 时安全。没有基座模型，或者基座模型设了别的值时不安全；没有对话训练的迹象时只作为信息。作者"
            "有意设置长度的嵌入、重排和分类模型不动，基座模型也有的同样不动。"
        ),
    ),
    "GF309": RuleText(
        what="分词器在右侧填充，而基座模型在左侧填充（`padding_side`）。",
        why=(
            "transformers 在右侧填充的批次会在填充之后继续生成：`right-padding was detected`。服务不填充，单个提示词也不填充"
            "。"
        ),
        fix="无：成批生成时请传 `padding_side='left'`。",
        safety=(
            "不自动修复：训练框架按自己的需要设置。右侧变成左侧没有坏处。分词器类可能有自己的一侧（Llama、Gemma、Cohere、自定义代码）而没有文件说明时"
            "，不报告。"
        ),
    ),
    "GF310": RuleText(
        what="`tokenizer.json` 还在，而慢速分词器和转换工具读取的词表文件不见了。",
        why=(
            "llama.cpp 转换 Gemma、Phi-3、InternLM、Baichuan 和 MiniCPM 时需要 `tokenizer.model`，没"
            "有就停止；Llama 和 Mistral 则丢失切分文本所用的分数。Ollama 会把它们当作另一种分词器。`vocab.json` 和 `merges"
            ".txt` 只有 transformers 4 的 `use_fast=False` 会读。"
        ),
        fix=(
            "基座模型的文件，逐字节相同。补回 SentencePiece 文件时，也把附加 token 写入 `added_tokens_decoder` 和 `a"
            "dded_tokens.json`：读它的程序不看 `tokenizer.json`。"
        ),
        safety=(
            "`tokenizer.json` 与基座模型相同，或者它的附加 token、normalizer、pre-tokenizer 和嵌入矩阵的行数都相同时安"
            "全。否则不安全。只有 transformers 4 的慢速类会读时，只作为信息。"
        ),
    ),
    "GF311": RuleText(
        what="`tokenizer.json` 的 `normalizer` 或 `pre_tokenizer` 与基座模型不同。",
        why=(
            "文本的切分与基座模型训练时不同。llama.cpp 的转换脚本会报 `BPE pre-tokenizer was not recognized`。只有新"
            "版 tokenizers 库才写出的值不算改变。"
        ),
        fix="基座模型的 `tokenizer.json`。",
        safety="不安全：训练时用的可能就是新的。这里新增或移动过 token 时不自动修复。适配器的分词器也是这样时不报告。",
    ),
    "GF312": RuleText(
        what=(
            "`tokenizer_config.json` 里的 `eos_token` 等具名 token 既不是文本，也不是标有 `AddedToken` 的对"
            "象，引擎无法加载。"
        ),
        why=(
            "transformers 以及从它取分词器的所有服务（vLLM、SGLang）都无法加载该目录：构造函数不接受普通对象。`special_tokens_"
            "map.json` 里的这种对象没有标记，从那里复制的脚本就会留下这样的结果。"
        ),
        fix="在对象里加上标记；其中的文本和标志不变。",
        safety="对象里有 token 的文本时安全：只有一种读法。只有基座模型说明是哪个 token 时不安全，谁也没有说明时不自动修复。基座模型也是这样的不报告。",
    ),
}
