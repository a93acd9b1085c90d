tool python quantize.py base quantized
lost quantized
mended quantized
