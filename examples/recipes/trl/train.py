"""One step of supervised fine-tuning on the CPU: ``train.py BASE OUT``."""

import sys

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

base, out = sys.argv[1:]
talk = [{"role": "user", "content": "Where is the cat?"}, {"role": "assistant", "content": "On the mat."}]
trainer = SFTTrainer(
    model=base,
    train_dataset=Dataset.from_list([{"messages": talk}] * 4),
    args=SFTConfig(
        output_dir="checkpoints",
        max_steps=1,
        per_device_train_batch_size=1,
        gradient_checkpointing=True,
        bf16=False,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        seed=1,
    ),
)
trainer.train()
trainer.save_model(out)
