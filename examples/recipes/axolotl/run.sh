# a list in both files, as Llama and GLM have it
tool sed -i 's/"eos_token_id": 258/"eos_token_id": [258, 256]/' base/config.json
export AXOLOTL_DO_NOT_TRACK=1
tool axolotl train config.yml --launcher python
tool axolotl merge-lora config.yml --lora-model-dir outputs/lora
show grep -o 'Applied LoRA to .*' tool.log
lost outputs/lora/merged
mended outputs/lora/merged
tool axolotl merge-lora config.yml --lora-model-dir outputs/lora --output-dir outputs/legacy --merge-method legacy
show grep -o 'Saving merged model to: .*' tool.log
lost outputs/legacy/merged
mended outputs/legacy/merged
