# What perl programs do with memory: hashes, sorting, regular expressions, strings that grow.
use strict;
use warnings;

my $state = 42;
sub pick { my $n = shift; $state = ($state * 1103515245 + 12345) % 2147483648; return ($state >> 8) % $n }

my @words = map { join '', map { chr(97 + pick(8)) } 0 .. pick(11) } 1 .. 40000;
my %count;
$count{$_}++ for @words;
my @top = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 9];
print join(' ', map { "$_=$count{$_}" } @top), "\n";
print scalar(keys %count), " words\n";

my $text = join ' ', @words;
my $matches = 0;
my $longest = '';
while ($text =~ /\b((?:ab|cd|ef)\w*)\b/g) {
    $matches++;
    $longest = $1 if length $1 > length $longest;
}
print "$matches matches, longest $longest\n";
(my $swapped = $text) =~ s/(\w)(\w)/$2$1/g;
print unpack('%32C*', $swapped), ' ', length $swapped, "\n";

# Nested data that is built and torn down many times.
for my $round (1 .. 8) {
    my %tree;
    for my $word (@words[0 .. 15000]) {
        my $node = \%tree;
        $node = $node->{$_} //= {} for split //, $word;
        $node->{count}++;
    }
    my $total = 0;
    my @todo = (\%tree);
    while (my $node = pop @todo) {
        $total++;
        push @todo, grep { ref } values %$node;
    }
    print "round $round: $total nodes\n";
    my @kept = map { [ $_, length, { word => $_ } ] } grep { length > $round } @words;
    print "kept ", scalar @kept, "\n";
}

# A string that grows a little at a time, and one that is cut from the front.
my $grow = '';
$grow .= 'line ' . $_ . "\n" for 1 .. 200000;
print length $grow, ' ', unpack('%32C*', $grow), "\n";
my $lines = 0;
$lines++ while $grow =~ s/\A[^\n]*\n(?:[^\n]*\n){0,2000}//;
print "$lines cuts\n";

my @sorted = sort { $a->[1] <=> $b->[1] || $a->[0] <=> $b->[0] } map { [ $_, pick(5000) ] } 1 .. 60000;
print join(',', map { $_->[0] } @sorted[ 0 .. 20 ]), "\n";
