# Sums, counts and texts by key.
{
  sum[$1 % 997] += $NF
  count[$2]++
  text[$1 % 50] = text[$1 % 50] substr($2, 1, 2)
  n = split($0, part, "")
  letters += n
  gsub(/[a-e]+/, "<&>", $2)
  if (length($2) > longest) longest = length($2)
}
END {
  for (i = 0; i < 997; i += 50) printf "%d %.0f\n", i, sum[i]
  keys = 0
  for (k in count) keys++
  print keys, letters, longest
  for (i = 0; i < 50; i += 7) print i, length(text[i]), substr(text[i], 100, 20)
}
