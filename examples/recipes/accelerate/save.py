"""Shards a model over two processes and saves it as Accelerate's ``save_state`` does:
``torchrun --nproc-per-node 2 save.py BASE OUT``.

Accelerate itself starts FSDP on accelerators only, so the sharding is torch's own.
The saving is Accelerate's.
"""

import sys

import torch
from accelerate import FullyShardedDataParallelPlugin, PartialState
from accelerate.utils import save_fsdp_model
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM

base, out = sys.argv[1:]
state = PartialState(cpu=True)
model = AutoModelForCausalLM.from_pretrained(base)
fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()
optimizer.step()
plugin = FullyShardedDataParallelPlugin(fsdp_version=2, state_dict_type="SHARDED_STATE_DICT")
save_fsdp_model(plugin, state, model, out)
torch.distributed.destroy_process_group()
