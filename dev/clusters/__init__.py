"""A real Dask cluster and a real Ray on this machine: what a sweep gets from them is what processes give."""
