# What perl does in the benchmarks: counts words, builds hashes of arrays, substitutes, splits,
# joins and sorts. Deterministic; prints a few totals.
use strict;
use warnings;

my ($rounds) = @ARGV;
my $state = 12345;
sub number {
  $state = ($state * 1103515245 + 12345) % 2147483648;
  return int($state / 65536) % $_[0];
}

my %index;
my $total = 0;
for my $round (1 .. $rounds) {
  my @lines;
  for my $i (1 .. 6000) {
    push @lines, join(' ', map { 'word' . number(3000) . ('x' x number(20)) } 1 .. 8);
  }
  my %count;
  for my $line (@lines) {
    (my $upper = $line) =~ s/(\w+)x+\b/\U$1/g;
    for my $word (split ' ', $upper) {
      $count{$word}++;
      push @{ $index{$word} }, "$round:" . length($line) if number(4) == 0;
    }
  }
  my @best = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
  $total += $count{$_} for @best[0 .. 99];
  if ($round % 3 == 0) { delete $index{$_} for grep { number(3) == 0 } sort keys %index; }
}
my $places = 0;
$places += scalar @{ $index{$_} } for keys %index;
print "$total $places ", scalar(keys %index), "\n";
