# a list in both files, as Llama and GLM have it
tool sed -i 's/"eos_token_id": 258/"eos_token_id": [258, 256]/' base/config.json
tool torchrun --nproc-per-node 2 save.py base checkpoints/global_step_1/actor
tool python -m verl.model_merger merge --backend fsdp --local_dir checkpoints/global_step_1/actor --target_dir merged
show grep -o 'Saving tokenizer to .*' tool.log
lost merged
mended merged
