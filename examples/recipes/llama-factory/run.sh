tool env PYTHONPATH=. llamafactory-cli train train.yaml
tool env PYTHONPATH=. llamafactory-cli export merge.yaml
show grep -o 'Ollama modelfile saved in .*' tool.log
lost saves/merged
mended saves/merged
