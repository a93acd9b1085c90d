mkdir data
cp train.jsonl data/train.jsonl
cp train.jsonl data/valid.jsonl
tool mlx_lm.lora --model base --train --data data --iters 1 --batch-size 1 --num-layers 2 --val-batches 1
tool mlx_lm.fuse --model base --save-path merged
lost merged
mended merged
