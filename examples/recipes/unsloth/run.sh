tool python merge.py base merged
show grep -o 'Unsloth: Merge process complete.*' tool.log
lost merged
mended merged
