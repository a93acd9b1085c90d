"""Facts of tensor data: samples of base, merged and adapter weights, and what they prove.

Headers are in `genfix.model`; here a few elements of the data are read, counted, and compared.
"""
