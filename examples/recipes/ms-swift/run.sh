tool swift sft --model base --model_type qwen2 --template qwen2_5 --dataset talk.jsonl --max_steps 1 --output_dir out --add_version false --torch_dtype bfloat16 --use_cpu true --report_to none
tool swift export --adapters out/checkpoint-1 --merge_lora true
show grep -o 'Successfully merged LoRA and saved in.*checkpoint-1-merged' tool.log
lost out/checkpoint-1-merged
mended out/checkpoint-1-merged
