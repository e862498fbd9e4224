# Forks with a large heap; children change their copies and answer through a pipe.
use strict;
use warnings;

$| = 1;
my %table = map { $_ => 'v' x ($_ % 60) } 1 .. 60000;
for my $child (1 .. 12) {
    pipe(my $read, my $write) or die "pipe: $!";
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        close $read;
        delete $table{ $_ * $child } for 1 .. 60000;
        $table{"new$_"} = 'n' x $child for 1 .. 20000;
        my $sum = 0;
        $sum += length for values %table;
        print $write "child $child: ", scalar(keys %table), " $sum\n";
        close $write;
        exit 0;
    }
    close $write;
    print <$read>;
    waitpid $pid, 0;
    print "status $?\n";
    $table{"parent$child"} = 'p' x 1000;
}
my $sum = 0;
$sum += length for values %table;
print "parent: ", scalar(keys %table), " $sum\n";
print `echo from a shell; seq 1 5 | tr '\\n' ' '`, "\n";
