tool torchrun --nproc-per-node 2 save.py base checkpoint
tool accelerate merge-weights checkpoint/pytorch_model_fsdp_0 merged
lost merged
mended merged
