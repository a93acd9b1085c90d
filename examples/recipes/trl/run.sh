tool python train.py base merged
lost merged
mended merged
