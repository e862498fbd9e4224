# Prints the number of threads of this process while it allocates and frees.
use strict;
use warnings;

sub threads {
    open(my $file, '<', '/proc/self/status') or die "status: $!";
    while (<$file>) { return $1 if /^Threads:\s+(\d+)/ }
    return 0;
}

print threads(), "\n";
my @rows = map { { number => $_, text => 'x' x ($_ % 100) } } 1 .. 100000;
print threads(), "\n";
@rows = ();
select(undef, undef, undef, 0.3);
print threads(), "\n";
