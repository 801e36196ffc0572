"""Reports: judged runs built by hand, and what is printed of them."""
