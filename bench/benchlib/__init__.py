"""What bench/demo and bench/compare share: programs to run, allocators to run them under, how to
measure one run, and how to print results. No benchmark logic of a single script lives here."""
