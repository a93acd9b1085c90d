"""Shards a model over two processes and saves it by verl's own checkpoint manager:
``torchrun --nproc-per-node 2 save.py BASE OUT``.

One step of supervised training in the place of verl's, whose trainers start Ray and an engine.
"""

import sys

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM
from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager
from verl.workers.config import HFModelConfig

base, out = sys.argv[1:]
torch.distributed.init_process_group("gloo")
config = HFModelConfig(path=base, override_config={"attn_implementation": "eager"})
model = AutoModelForCausalLM.from_pretrained(base, config=config.hf_config, dtype=torch.float32)
fully_shard(model, mesh=init_device_mesh("cpu", (2,), mesh_dim_names=("fsdp",)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
optimizer.step()
manager = FSDPCheckpointManager(
    model, optimizer, processing_class=config.tokenizer, checkpoint_config={"save_contents": ["model"]}
)
manager.save_checkpoint(out)
torch.distributed.destroy_process_group()
