"""Turn a matrix file into checked values. Pure: no input or output, no processes."""
