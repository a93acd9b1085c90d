tool python merge.py base merged
lost merged
mended merged
